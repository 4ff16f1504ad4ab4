"""Any Modbus device as a driver: what it can do stands in its register map."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from handrail_drivers.api import Reading
from handrail_drivers.errors import BusLost, ModbusFault, Refused, StaleReading, UnknownName
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.codec import Value, encode, reader
from handrail_drivers.modbus.frames import Request, Table
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.lines import LineSettings
from handrail_drivers.modbus.merging import Span, merged
from handrail_drivers.modbus.poller import Poller
from handrail_drivers.modbus.register_map import Register, load_map
from handrail_drivers.modbus.tools import add_tools

Readers = Mapping[str, Callable[[bytes], Value]]  # by the name of what they take out of an answer
Answer = TypeVar("Answer", bytes, bytes | None)
SETS = 256  # of names whose requests are kept
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
        InvalidCell: the map cannot be read or contradicts itself.
    """

    Settings: ClassVar[type[ModbusSettings]] = ModbusSettings
    transport: ClassVar[str] = "modbus"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: ModbusSettings, transport: Line) -> None:
        self.name = name
        self.map = load_map(settings.map)
        self._unit = settings.unit
        self._timeout = settings.timeout
        self._line = transport
        self._writing = threading.Lock()
        self._asked: dict[tuple[str, ...], tuple[tuple[Request, Readers], ...]] = {}
        polled = {n: one.poll for n, one in self.map.registers.items() if one.poll is not None}
        self._poller = Poller(name, polled, self.read)
        add_tools(self, self.map)

    def stop(self) -> None:
        """Write every safe value.

        Raises:
            ModbusFault: some could not be written; the sentence names them.
        """
        failed = []
        for name, one in self.map.registers.items():
            if one.safe is not None:
                try:
                    self.write(name, one.safe)
                except (ModbusFault, BusLost) as error:
                    failed.append(f"{name} ({error.message})")
        if failed:
            raise ModbusFault(
                f"{self.name} has not got its safe values: {'; '.join(failed)}.", subject=self.name
            )

    def connect(self) -> None:
        """Begin to poll; what cannot be reached is tried again and again."""
        self._poller.start()

    def close(self) -> None:
        """End polling and write the safe values; the line stays open for others."""
        self._poller.close()
        self.stop()

    def read(self, names: Iterable[str] = ()) -> dict[str, Value]:
        """Return values by name, all where none is named, in as few requests as possible.

        Raises:
            UnknownName: no such register.
            ModbusFault, BusLost: it could not be read.
        """
        found: dict[str, Value] = {}
        for request, readers in self._requests(tuple(names) or tuple(self.map.registers)):
            found.update(_values(readers, self._ask(request, readers, self._line.ask)))
        return found

    def read_promptly(self, names: Iterable[str] = ()) -> dict[str, Value] | None:
        """Return values as :meth:`read` does, or None where that may take more than 1 ms.

        For an event loop, which then has a thread read.

        Raises:
            UnknownName: no such register.
            ModbusException: the unit refuses.
        """
        requests = self._requests(tuple(names) or tuple(self.map.registers))
        if len(requests) > 1:
            return None
        ((request, readers),) = requests
        answer = self._ask(request, readers, self._line.ask_promptly)
        return None if answer is None else _values(readers, answer)

    def write(self, name: str, value: Value) -> bool:
        """Write a value; tell whether reading it back has confirmed it.

        Raises:
            UnknownName: no such register.
            Refused: it is not written.
            InvalidValue: the value does not fit, or is beyond a limit.
            ModbusException: the device refuses it.
            ModbusFault, BusLost: whether it was written is not known, or it reads otherwise.
        """
        one = self._register(name)
        if not one.writable:
            raise Refused(f"{name} of {self.name} is only read.", field=name)
        with self._writing:
            before = self._words(name, one) if one.bits is not None else ()
            words = encode(name, one, value, before)
            try:
                self._ask(self._request(one, words), (name,), self._line.ask)
            except (ModbusFault, BusLost) as error:
                if error.code == "modbus_exception" or not self._stands(name, one, words):
                    raise _unsure(error, name)  # noqa: B904  the cause is the error itself
                return True
            if not one.read_back:
                return False
            if not self._stands(name, one, words):
                raise ModbusFault(
                    f"{name} of {self.name} was written and reads otherwise.",
                    field=name,
                    value=value,
                    hint="the device may limit it, or be in a state in which it ignores it",
                )
            return True

    def latest(self, name: str) -> Reading:
        """Return a polled number with the time at which it was read.

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

    # --- requests -------------------------------------------------------------------------------

    def _requests(self, names: tuple[str, ...]) -> tuple[tuple[Request, Readers], ...]:
        """Return the reads for some names, and what takes their values out; made once a set."""
        planned = self._asked.get(names)
        if planned is None:
            for name in names:
                self._register(name)
            planned = tuple(self._planned(span) for span in merged(self.map, names))
            if len(self._asked) < SETS:  # whoever asks for ever others fills no memory
                self._asked[names] = planned
        return planned

    def _planned(self, span: Span) -> tuple[Request, Readers]:
        found = {name: self.map.registers[name] for name in span.names}
        readers = {
            name: reader(name, one, one.address - span.address) for name, one in found.items()
        }
        return frames.read(self._unit, span.table, span.address, span.count), readers

    def _request(self, one: Register, words: list[int]) -> Request:
        if one.table is Table.COIL:
            return frames.write_coil(self._unit, one.address, bool(words[0]))
        return frames.write_registers(self._unit, one.address, words)

    def _register(self, name: str) -> Register:
        if name not in self.map.registers:
            raise UnknownName("register", name, self.map.registers, "names")
        return self.map.registers[name]

    def _words(self, name: str, one: Register) -> tuple[int, ...]:
        """Return what stands in a register now."""
        request = frames.read(self._unit, one.table, one.address, one.count)
        answer = self._ask(request, (name,), self._line.ask)
        return frames.bits(answer, one.count) if one.table.is_bits else frames.words(answer)

    def _stands(self, name: str, one: Register, words: list[int]) -> bool:
        """Tell whether these words stand there; no where nobody knows."""
        if not one.read_back:
            return False
        try:
            return list(self._words(name, one)) == words
        except (ModbusFault, BusLost):
            return False

    def _ask(
        self, request: Request, names: Iterable[str], ask: Callable[[Request], Answer]
    ) -> Answer:
        try:
            return ask(request)
        except ModbusFault as error:
            error.subject = self.name
            error.field = error.field or ", ".join(names)
            error.message = f"{self.name}, {error.field}: {error.message}"
            raise


def _values(readers: Readers, answer: bytes) -> dict[str, Value]:
    return {name: read(answer) for name, read in readers.items()}


def _unsure(error: Any, name: str) -> Any:
    """Say of a write whose answer was lost that nobody knows."""
    if error.code != "modbus_exception":
        error.message += f" Whether {name} was written is not known."
        error.hint = "read it before you write it again"
    return error
