"""Any Modbus device as a driver: what it can do stands in its register map."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from handrail_drivers.api import Effect, Reading
from handrail_drivers.errors import (
    DeviceFault,
    InvalidCell,
    StaleReading,
    UnknownName,
)
from handrail_drivers.modbus.codec import Value
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.lines import LineSettings
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.poller import Poller
from handrail_drivers.modbus.register_map import Kind, Register, RegisterMap
from handrail_drivers.modbus.registers import Look, Registers
from handrail_drivers.safe_values import SafeValues, kept_safe
from handrail_drivers.value_tools import Shape, add_tools

OLD = 3.0  # periods after which a polled value is no present one any more


class ModbusSettings(LineSettings):
    """One unit on a line, and its register map. Exactly one of tcp, rtu_over_tcp and port."""

    map: Path = Field(description="register map, TOML")
    unit: Annotated[int, Field(ge=1, le=255)] = Field(default=1, description="its number there")


class ModbusDevice:
    """One unit; its tools are made from its map. Safe to use from several threads.

    Args:
        name: of the device in its cell.
        settings: its settings, the map's path resolved already.
        transport: its line, which other devices may share.

    Raises:
        InvalidCell: the map cannot be read, contradicts itself, or would have it move something.
    """

    Settings: ClassVar[type[ModbusSettings]] = ModbusSettings
    transport: ClassVar[str] = "modbus"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: ModbusSettings, transport: Line) -> None:
        self.name = name
        self.map = load_map(settings.map)
        _require_still(name, self.map)
        self._timeout = settings.timeout
        self._unit, self._line = settings.unit, transport
        self._registers = Registers(name, self.map, settings.unit, transport)
        self._safe = safe_values(self._registers)
        transport.on_return(settings.unit, self._safe.begin)  # it goes on with nothing
        polled = {n: one.poll for n, one in self.map.registers.items() if one.poll is not None}
        self._poller = Poller(name, polled, self.look)
        self.is_stopped: Callable[[], bool] = lambda: False  # of the cell, which says it
        self.read_promptly = self._registers.read_promptly
        shapes = {name: _shape(one) for name, one in self.map.registers.items()}
        add_tools(self, shapes, self._told)

    @property
    def is_silent(self) -> bool:
        """Whether it was asked in vain more than once."""
        return self._line.is_silent(self._unit)

    def stop(self) -> None:
        """Write every safe value; one that is not taken now is tried until it is.

        Raises:
            DeviceFault: some could not be written yet; the sentence names them.
        """
        self._safe.stop()

    def connect(self) -> None:
        """Write every safe value and begin to poll; what cannot be reached is tried again."""
        with contextlib.suppress(DeviceFault):  # it is owed, and nothing else is written before
            self._safe.stop()
        self._poller.start()

    def close(self) -> None:
        """End polling and write the safe values; the line stays open for others.

        Raises:
            DeviceFault: some could not be written.
        """
        self._poller.close()
        self._safe.close()

    def read(self, names: Iterable[str] = ()) -> dict[str, Value]:
        """Return values by name, all where none is named, in as few requests as possible.

        Raises:
            UnknownName: no such register.
            ModbusFault, BusLost: one could not be read; it is named.
        """
        return self._registers.read(names)

    def look(self, names: Iterable[str] = ()) -> Look:
        """Return what can be read, and why the rest cannot.

        Raises:
            UnknownName: no such register.
            ModbusFault, BusLost: the unit cannot be reached.
        """
        return self._registers.look(names)

    def write(self, name: str, value: Value) -> bool:
        """Write a value; tell whether reading it back has confirmed it.

        Raises:
            UnknownName: no such register.
            Refused: it is not written, or a safe value is missing still.
            MotionStopped: it was stopped meanwhile, and this was not written.
            InvalidValue: the value does not fit, or is beyond a limit.
            ModbusException: the device refuses it.
            ModbusFault, BusLost: whether it was written is not known, or it reads otherwise.
        """
        stops = self._safe.stops
        self._safe.require_none_owed()

        def require_allowed() -> None:
            self._safe.require_no_stop_since(stops)
            self._require_safe(name, value)

        return self._registers.write(name, value, allowed=require_allowed)

    def _require_safe(self, name: str, value: Value) -> None:
        safe = self.map.registers[name].safe
        if safe is not None and value != safe and self.is_stopped():
            what = f"{name} of {self.name} keeps its safe value"
            raise kept_safe(what, field=name, value=value, limit=safe)

    def _told(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the values, and what is wrong with the others; an error where all is."""
        look = self.look(names)
        if look.faults and not look.values:
            raise next(iter(look.faults.values()))
        faults = {name: str(fault) for name, fault in look.faults.items()}
        return {**look.values, **({"faults": faults} if faults else {})}

    def latest(self, name: str) -> Reading:
        """Return a polled number with the time at which it was asked for.

        Raises:
            UnknownName: it is no polled number.
            StaleReading: it has not been read for too long.
        """
        one = self.map.registers.get(name)
        value, time_ns = self._poller.newest(name)
        if one is None or isinstance(value, str):
            raise UnknownName("polled number", name, self._poller.names, name)
        limit = OLD / (one.poll or 1.0) + self._timeout
        old = (time.monotonic_ns() - time_ns) * 1e-9
        if old > limit:
            raise StaleReading(
                f"{name} of {self.name} has not been read for {old:.1f} s.",
                subject=self.name,
                limit=limit,
                unit="s",
            )
        return Reading(float(value), one.unit, time_ns, self.name)

    def readings(self) -> dict[str, float]:
        """Return the polled numbers that are fresh, by ``device.register``."""
        found = {}
        for name in self._poller.names:
            try:
                found[f"{self.name}.{name}"] = self.latest(name).value
            except (StaleReading, UnknownName):
                continue
        return found


def safe_values(registers: Registers) -> SafeValues:
    """Return what writes the safe values of one unit's map."""
    safe = registers.map.safe
    return SafeValues(
        registers.name, tuple(safe), lambda one: registers.write(one, safe[one], urgent=True)
    )


def _require_still(name: str, found: RegisterMap) -> None:
    moving = [one for one, of in found.registers.items() if of.effect is Effect.MOVE]
    if moving:
        raise InvalidCell(
            f"{name}: {', '.join(moving)} would move something, and no check knows how.",
            field=f"registers.{moving[0]}.effect",
            value="move",
            hint="an axis needs a driver that knows it, such as inverter; what can hurt nobody is "
            "configure, the rest observe",
        )


def _shape(one: Register) -> Shape:
    kind: Any = int if one.is_exact else float  # which holds 53 bits alone
    if one.type is Kind.BOOL:
        kind = bool
    elif one.type is Kind.STRING or one.choices is not None:
        kind = str
    return Shape(
        kind=kind,
        description=one.description,
        unit=one.unit,
        effect=one.effect,
        low=one.low,
        high=one.high,
        choices=None if one.choices is None else tuple(one.choices),
    )
