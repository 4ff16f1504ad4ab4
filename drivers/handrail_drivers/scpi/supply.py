"""A power supply with one output that speaks SCPI, on a serial line or behind a socket.

Source: SCPI 1999.0, volume 2, chapters 3 (MEASure), 15 (OUTPut), 19 (SOURce) and 21 (SYSTem:ERRor,
which is read after each setting); IEEE 488.2 for ``*IDN?`` and ``*CLS``.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.api import Effect
from handrail_drivers.errors import DeviceFault, InvalidValue, Refused, UnknownName
from handrail_drivers.text_line import TextLine
from handrail_drivers.transport import Transport
from handrail_drivers.value_tools import Shape, Value, add_tools

NO_NUMBER = 9.9e37  # what stands for infinity; not-a-number is 9.91e37 (SCPI-99, 7.2.1)
NEAR = 0.001  # V, A: what a supply rounds its settings to, at most
SETTINGS = {"voltage": "VOLT", "current_limit": "CURR", "output": "OUTP"}
MEASURED = {"measured_voltage": "MEAS:VOLT?", "measured_current": "MEAS:CURR?"}


class SupplySettings(BaseModel):
    """A supply, and what it may give to what hangs on it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    most_voltage: Annotated[float, Field(gt=0)] = Field(description="V that may be set")
    most_current: Annotated[float, Field(gt=0)] = Field(description="A that may be set as limit")
    timeout: Annotated[float, Field(gt=0, le=10)] = Field(default=1.0, description="s, one answer")


class SerialSupplySettings(SupplySettings):
    """A supply on a serial line."""

    port: str = Field(description="device file")
    baud: Annotated[int, Field(gt=0)] = Field(default=9600, description="bit/s")


class SocketSupplySettings(SupplySettings):
    """A supply behind a socket."""

    address: Annotated[str, Field(pattern=r"^[^:\s]+:\d{1,5}$")] = Field(
        description="host:port, such as 192.168.1.40:5025"
    )


class Supply:
    """One output: voltage, current limit, on and off. It is switched off at a stop and at the end.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: its wire.
    """

    Settings: ClassVar[type[SupplySettings]] = SerialSupplySettings
    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: SupplySettings, transport: Transport) -> None:
        self.name = name
        self.identity = ""  # maker, model, serial number, firmware, once connected
        self._transport = transport
        self._line = TextLine(name, transport, settings.timeout)
        self._most = {
            "voltage": settings.most_voltage,
            "current_limit": settings.most_current,
        }
        add_tools(self, _shapes(settings))

    def stop(self) -> None:
        """Switch the output off.

        Raises:
            DeviceFault: whether it is off is not known.
        """
        self._line.tell(b"OUTP OFF\n")  # at once, though an old answer may still be waited for
        self.write("output", False)

    def connect(self) -> None:
        """Find the supply, and forget what it complained of before. Switches nothing.

        Raises:
            DeviceFault: what is there does not say who it is.
        """
        said = self._asked("*IDN?")
        if said.count(",") < 2:
            raise DeviceFault(f"{self.name} says that it is {said!r}.", subject=self.name)
        self.identity = said
        self._line.tell(b"*CLS\n")

    def read(self, names: Iterable[str] = ()) -> dict[str, Value]:
        """Return values by name, all where none is named.

        Raises:
            UnknownName: no such value.
            DeviceFault: it could not be read.
        """
        return {name: self._read(name) for name in tuple(names) or (*SETTINGS, *MEASURED)}

    def read_promptly(self, names: Iterable[str] = ()) -> dict[str, Value] | None:
        """Return None: a supply may always keep an event loop waiting."""

    def write(self, name: str, value: Value) -> bool:
        """Set a value and read it back.

        Raises:
            UnknownName: no such value.
            Refused: it is measured.
            InvalidValue: it is beyond what may be set.
            DeviceFault: the supply complains, or has set something else.
        """
        if name in MEASURED:
            raise Refused(f"{name} of {self.name} is only read.", field=name)
        if name not in SETTINGS:
            raise UnknownName("value", name, SETTINGS, "name")
        if name == "output":
            self._set(f"OUTP {'ON' if value else 'OFF'}")
        else:
            self._set(f"{SETTINGS[name]} {self._within(name, float(value)):.3f}")
        found = self._read(name)
        if abs(float(found) - float(value)) > NEAR:
            raise DeviceFault(
                f"{name} of {self.name} was set to {value} and reads {found}.",
                subject=self.name,
                field=name,
                value=found,
                limit=value,
                hint="a protection may have tripped: look at its display",
            )
        return True

    def close(self) -> None:
        """Switch the output off and release the wire; safe to call twice."""
        with contextlib.suppress(DeviceFault):  # it may be gone
            self.stop()
        self._transport.close()

    def _within(self, name: str, value: float) -> float:
        if not 0 <= value <= self._most[name]:
            raise InvalidValue(
                f"{name} of {self.name} is 0 to {self._most[name]:g}, not {value:g}.",
                field=name,
                value=str(value),
                limit=self._most[name],
            )
        return value

    def _asked(self, question: str) -> str:
        """Return an answer bare: many supplies end theirs in CR LF on a serial line."""
        return self._line.ask_text(question).strip()

    def _set(self, command: str) -> None:
        """Send a setting, and ask whether it was taken."""
        question = f"{command};:SYST:ERR?"
        said = self._asked(question)
        code, _, text = said.partition(",")
        if not code.lstrip("+-").isdecimal():
            raise self._line.garbled(question.encode(), said.encode())
        if int(code) != 0:
            raise DeviceFault(
                f"{self.name} refuses {command!r}: {text.strip(chr(34))} ({code}).",
                subject=self.name,
                value=int(code),
            )

    def _read(self, name: str) -> Value:
        question = MEASURED.get(name) or f"{SETTINGS[name]}?"
        said = self._asked(question)
        if name == "output" and said in ("0", "1"):
            return said == "1"
        try:
            number = float(said)
        except ValueError:
            number = math.nan
        if name == "output" or not abs(number) < NO_NUMBER:
            raise self._line.garbled(question.encode(), said.encode())
        return number


class SocketSupply(Supply):
    """The same behind a socket."""

    Settings: ClassVar[type[SupplySettings]] = SocketSupplySettings
    transport: ClassVar[str] = "socket"


def _shapes(settings: SupplySettings) -> dict[str, Shape]:
    set_ = Effect.CONFIGURE
    volts, amperes = settings.most_voltage, settings.most_current
    return {
        "voltage": Shape(float, "Voltage that is set.", "V", set_, 0.0, volts),
        "current_limit": Shape(float, "Current that it limits to.", "A", set_, 0.0, amperes),
        "output": Shape(bool, "Whether the output is on.", effect=set_),
        "measured_voltage": Shape(float, "Voltage at the output.", "V"),
        "measured_current": Shape(float, "Current through the output.", "A"),
    }
