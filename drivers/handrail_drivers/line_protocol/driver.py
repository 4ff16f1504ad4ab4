"""Any device that speaks in lines, as a driver: what it can do stands in its protocol's file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.api import Effect
from handrail_drivers.errors import (
    DeviceFault,
    InvalidValue,
    Refused,
    UnknownName,
)
from handrail_drivers.line_protocol.protocol import (
    ValueLine,
    filled,
    load_protocol,
    pattern,
    step,
)
from handrail_drivers.text_line import TextLine
from handrail_drivers.transport import Transport
from handrail_drivers.value_tools import Shape, Value, add_tools


class LineSettings(BaseModel):
    """A device's protocol, and how patient to be with it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    protocol: Path = Field(description="line protocol, TOML")
    timeout: Annotated[float, Field(gt=0, le=10)] = Field(default=0.5, description="s, one answer")


class SerialLineSettings(LineSettings):
    """A device on a serial line."""

    port: str = Field(description="device file")
    baud: Annotated[int, Field(gt=0)] = Field(default=9600, description="bit/s")


class SocketLineSettings(LineSettings):
    """A device behind a socket."""

    address: Annotated[str, Field(pattern=r"^[^:\s]+:\d{1,5}$", description="host:port")]


class LineDevice:
    """One device; its tools are made from its protocol. One call at a time.

    Args:
        name: of the device in its cell.
        settings: its settings, the protocol's path resolved already.
        transport: its wire.

    Raises:
        InvalidCell: the protocol cannot be read or contradicts itself.
    """

    Settings: ClassVar[type[LineSettings]] = SerialLineSettings
    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: LineSettings, transport: Transport) -> None:
        self.name = name
        self.protocol = load_protocol(settings.protocol)
        self._transport = transport
        end = self.protocol.end.encode("latin-1")
        self._line = TextLine(name, transport, settings.timeout, end)
        self._patterns = {key: pattern(one.answer) for key, one in self.protocol.values.items()}
        add_tools(self, {key: _shape(one) for key, one in self.protocol.values.items()})

    def stop(self) -> None:
        """Tell it to stop, and set every safe value.

        Raises:
            DeviceFault: some of that could not be done; the sentence names it.
        """
        failed = []
        if self.protocol.stop is not None:
            try:
                self._tell(self.protocol.stop, self.protocol.stopped)
            except DeviceFault as error:
                failed.append(error.message)
        for name, one in self.protocol.values.items():
            if one.safe is not None:
                try:
                    self.write(name, one.safe)
                except DeviceFault as error:
                    failed.append(f"{name} ({error.message})")
        if failed:
            raise DeviceFault(
                f"{self.name} has not stopped: {'; '.join(failed)}", subject=self.name
            )

    def connect(self) -> None:
        """Find the device: it says who it is, or its values can be read.

        Raises:
            DeviceFault: it does not.
        """
        identity = self.protocol.identity
        if identity is None:
            self.read()
            return
        said = self._ask(identity.ask)
        if not re.fullmatch(identity.answer, said):
            raise DeviceFault(
                f"{self.name} says that it is {said!r}.",
                subject=self.name,
                hint="check that it is the device that the protocol is of",
            )

    def read(self, names: Iterable[str] = ()) -> dict[str, Value]:
        """Return values by name, all that can be asked for where none is named.

        Raises:
            UnknownName: no such value.
            Refused: it cannot be asked for.
            DeviceFault: it could not be read.
        """
        values = self.protocol.values
        wanted = tuple(names) or tuple(key for key, one in values.items() if one.ask is not None)
        return {name: self._read(name, self._value(name)) for name in wanted}

    def read_promptly(self, names: Iterable[str] = ()) -> dict[str, Value] | None:
        """Return None: a line's answer may always keep an event loop waiting."""

    def write(self, name: str, value: Value) -> bool:
        """Set a value; tell whether reading it back has confirmed it.

        Raises:
            UnknownName: no such value.
            Refused: it is not set.
            InvalidValue: it is beyond a limit, rounded to what can be told.
            DeviceFault: whether it was set is not known, or it reads otherwise.
        """
        one = self._value(name)
        if one.tell is None:
            raise Refused(f"{name} of {self.name} is only read.", field=name)
        number = self._within(name, one, float(value))
        self._tell(filled(one.tell, number / one.scale), one.told)
        if one.ask is None:
            return False
        found = self._read(name, one)
        if abs(found - number) > step(one.tell) * one.scale:
            raise DeviceFault(
                f"{name} of {self.name} was set to {number:g} and reads {found:g}.",
                subject=self.name,
                field=name,
                value=found,
                limit=number,
                unit=one.unit,
                hint="the device may limit it, or be in a state in which it ignores it",
            )
        return True

    def close(self) -> None:
        """Stop it and release the wire; safe to call twice."""
        with contextlib.suppress(DeviceFault):  # it may be gone
            self.stop()
        self._transport.close()

    # --- lines ----------------------------------------------------------------------------------

    def _value(self, name: str) -> ValueLine:
        if name not in self.protocol.values:
            raise UnknownName("value", name, self.protocol.values, "names")
        return self.protocol.values[name]

    def _within(self, name: str, one: ValueLine, value: float) -> float:
        """Return a value as it can be told, which is within its limits too."""
        grid = step(one.tell or "") * one.scale
        told = round(value / grid) * grid
        low, high = one.low or 0.0, one.high or 0.0
        for number in (value, told):
            if not low - grid * 1e-6 <= number <= high + grid * 1e-6:
                limit = low if number < low else high
                raise InvalidValue(
                    f"{name} of {self.name} is {low:g} to {high:g} {one.unit}, not {number:g}.",
                    field=name,
                    value=str(number),
                    limit=limit,
                    unit=one.unit,
                )
        return told

    def _read(self, name: str, one: ValueLine) -> float:
        if one.ask is None:
            raise Refused(f"{name} of {self.name} cannot be asked for.", field=name)
        said = self._ask(one.ask)
        match = self._patterns[name].fullmatch(said)
        if match is None:
            raise self._line.garbled(one.ask.encode(), said.encode())
        return float(match[1]) * one.scale

    def _tell(self, text: str, told: str) -> None:
        if not told:
            self._line.tell(self.protocol.framed(text))
            return
        said = self._ask(text)
        if not pattern(told).fullmatch(said):
            raise DeviceFault(
                f"{self.name} answers {text!r} with {said!r}, not {told!r}.",
                subject=self.name,
                hint="it may refuse that in its present state",
            )

    def _ask(self, text: str) -> str:
        question = self.protocol.framed(text)
        said = self._line.ask(question)
        answer = self.protocol.unframed(said)
        if answer is None:
            raise self._line.garbled(question, said)
        return answer


class SocketLineDevice(LineDevice):
    """The same behind a socket."""

    Settings: ClassVar[type[LineSettings]] = SocketLineSettings
    transport: ClassVar[str] = "socket"


def _shape(one: ValueLine) -> Shape:
    effect = Effect.OBSERVE if one.tell is None else one.effect
    return Shape(
        kind=float,
        description=one.description,
        unit=one.unit,
        effect=effect,
        low=one.low,
        high=one.high,
        readable=one.ask is not None,
    )
