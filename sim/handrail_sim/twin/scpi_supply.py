"""A power supply behind SCPI, with a resistor on its output. Pure, no I/O.

Source of the commands: :mod:`handrail_drivers.scpi.supply`; error numbers are SCPI's (1999.0,
volume 2, section 21.8). Headers have their short or their long form (volume 1, section 6.2.1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import ClassVar, Self

from handrail_drivers.emulator import Exchange, Place, StandIn

LOAD = 10.0  # ohm
MOST = {"VOLT": 60.0, "CURR": 10.0}  # V, A that it can give
FACTORY = {"VOLT": 0.0, "CURR": 1.0}
LONGEST = 256  # bytes of a line
ERRORS = 8  # that it remembers
NO_ERROR = '0,"No error"'
LONG = {"VOLTAGE": "VOLT", "CURRENT": "CURR", "MEASURE": "MEAS", "OUTPUT": "OUTP"}
LONG |= {"SYSTEM": "SYST", "ERROR": "ERR"}
UNDEFINED, OUT_OF_RANGE = '-113,"Undefined header"', '-222,"Data out of range"'


class ScpiSupply(StandIn):
    """One supply, on a serial line."""

    line: ClassVar[str] = "serial"

    def __init__(self) -> None:
        self._set = dict(FACTORY)
        self._on = False
        self._load = LOAD
        self._pending = b""
        self._errors: deque[str] = deque(maxlen=ERRORS)

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the supply of one device; nothing about it depends on its place."""
        del place
        return cls()

    def exchanges(self, data: bytes, line_baud: int | None) -> list[Exchange]:
        """Take bytes; return what is answered to the lines that they complete."""
        del line_baud
        *lines, pending = (self._pending + data).split(b"\n")
        self._pending = pending[:LONGEST]
        return [(len(line) + 1, self._answered(line), 0.0) for line in lines]

    def forget_partial(self) -> None:
        """It waits for the end of a line for ever."""

    def outputs(self) -> Mapping[str, float]:
        """Return what hangs on it gets."""
        volts, amperes = self._given()
        return {"on": float(self._on), "voltage": volts, "current": amperes, **self._set}

    def power_cycle(self) -> None:
        """Begin anew, switched off."""
        self._set, self._on = dict(FACTORY), False
        self._errors.clear()

    def change(self) -> None:
        """Have somebody turn its knob."""
        self._set["VOLT"] += 0.5

    def _given(self) -> tuple[float, float]:
        if not self._on:
            return 0.0, 0.0
        amperes = min(self._set["CURR"], self._set["VOLT"] / self._load)
        return amperes * self._load, amperes

    def _answered(self, line: bytes) -> bytes:
        said = [
            answer
            for part in line.decode("ascii", "replace").strip().split(";")
            if (answer := self._command(_short(part)))
        ]
        return ";".join(said).encode() + b"\n" if said else b""

    def _command(self, text: str) -> str:
        if text.endswith("?"):
            return self._told(text.removesuffix("?"))
        match text.split(" "):
            case ["*CLS"]:
                self._errors.clear()
            case ["*RST"]:
                self._set, self._on = dict(FACTORY), False
            case ["OUTP", "ON" | "OFF" | "1" | "0" as word]:
                self._on = self._on if self.stuck else word in ("ON", "1")
            case ["VOLT" | "CURR" as name, number]:
                self._take(name, number)
            case _:
                self._errors.append(UNDEFINED)
        return ""

    def _told(self, question: str) -> str:
        """Return what is answered to a question."""
        volts, amperes = self._given()
        match question:
            case "*IDN":
                return "HANDRAIL,PS-60,0001,1.0"
            case "*OPC":
                return "1"  # what was set is set at once
            case "SYST:ERR":
                return self._errors.popleft() if self._errors else NO_ERROR
            case "MEAS:VOLT":
                return f"{volts:.4f}"
            case "MEAS:CURR":
                return f"{amperes:.4f}"
            case "OUTP":
                return str(int(self._on))
            case "VOLT" | "CURR":
                return f"{self._set[question]:.4f}"
        self._errors.append(UNDEFINED)
        return ""

    def _take(self, name: str, number: str) -> None:
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 <= value <= MOST[name]:
            self._errors.append(OUT_OF_RANGE)
        elif not self.stuck:
            self._set[name] = value


def _short(command: str) -> str:
    """Return a command in capitals, its header in the short form, without an optional SOURce."""
    header, space, rest = command.strip().upper().partition(" ")
    asks = "?" if header.endswith("?") else ""
    parts = [LONG.get(one, one) for one in header.removesuffix("?").strip(":").split(":")]
    if parts[0] in ("SOUR", "SOURCE"):
        parts = parts[1:]
    return ":".join(parts) + asks + space + rest.strip()


class ScpiSocketSupply(ScpiSupply):
    """The same behind a socket."""

    line: ClassVar[str] = "socket"
