"""Which units are on a line. Only reads are sent."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from handrail_drivers.errors import InvalidValue, ModbusException, ModbusGarbled, ModbusSilent
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.identity import Identity, identity
from handrail_drivers.modbus.lines import LineSettings, line_settings
from handrail_drivers.modbus.read_only import ReadOnlyLine

MOST_UNIT = 255
SERIAL_UNITS = tuple(range(1, 248))
TCP_UNITS = (*range(1, 17), 255)  # a silent one costs a whole timeout
TCP_TIMEOUT = 1.0  # s: gateways wait for their serial side first
GATEWAY_TIMEOUT = 0.5  # s
SERIAL_TIMEOUT = 0.2  # s
BAUDS = (19200, 9600, 115200)  # bit/s, the likeliest first
PARITIES = ("even", "none")
NOBODY = (10, 11)  # exceptions by which a gateway says that there is no such unit
ENOUGH = 4  # units that answer alike and look like one device

Progress = Callable[[str, int, int, int], None]
"""Called before each request with line, unit, how many were asked, how many there are."""


@dataclass(frozen=True, slots=True)
class Found:
    """A unit that answers: on which line, how, and what it says of itself."""

    unit: int
    line: LineSettings
    answer: str
    identity: Identity | None


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found, and what a person should know about it: a sentence each."""

    found: tuple[Found, ...]
    notes: tuple[str, ...]
    requests: int
    seconds: float


def read_units(text: str) -> tuple[int, ...]:
    """Return unit numbers from ``1-10,17``, in order, each once.

    Raises:
        InvalidValue: that is no such list, or a number is not within 1 and 255.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,3})\s*(?:-\s*([0-9]{1,3})\s*)?", part)
        if match is None:
            raise _no_units(text, f"{part!r} is no number and no range")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= MOST_UNIT:
            raise _no_units(text, f"{part.strip()} is not within 1 and {MOST_UNIT}")
        found |= set(range(first, last + 1))
    return tuple(sorted(found))


def candidates(
    bauds: Sequence[int] = (), parities: Sequence[str] = (), **given: object
) -> tuple[LineSettings, ...]:
    """Return the settings to try on a line: several for a serial one, one for others.

    Raises:
        InvalidValue: one of them cannot be.
    """
    if given.get("timeout") is None:
        waits = {"tcp": TCP_TIMEOUT, "rtu_over_tcp": GATEWAY_TIMEOUT}
        kind = next((name for name in waits if given.get(name)), "")
        given["timeout"] = waits.get(kind, SERIAL_TIMEOUT)
    if not given.get("port"):
        return (line_settings(retries=0, **given),)
    pairs = itertools.product(bauds or BAUDS, parities or PARITIES)
    return tuple(
        line_settings(retries=0, baud=baud, parity=parity, **given) for baud, parity in pairs
    )


def default_units(line: LineSettings) -> tuple[int, ...]:
    """Return the units to ask for: all on a serial line, the usual ones on TCP."""
    return TCP_UNITS if line.tcp else SERIAL_UNITS


def scan(
    lines: Sequence[LineSettings],
    units: Sequence[int] = (),
    every: bool = False,
    progress: Progress = lambda *_: None,
) -> Scan:
    """Ask every unit for one holding register, with one set of line settings after the other.

    An exception is an answer, too, unless a gateway says by it that nobody is there. Ends with
    the first settings with which somebody answers: units that share a line share its settings.

    Args:
        lines: settings of one line, the likeliest first.
        units: whom to ask; none: the usual.
        every: go on with the other settings.
        progress: is told of every step.

    Raises:
        BusLost: the port or the connection cannot be opened.
    """
    return _Search(lines, units, progress).run(every)


class _Search:
    """One scan."""

    def __init__(
        self, lines: Sequence[LineSettings], units: Sequence[int], progress: Progress
    ) -> None:
        self._lines, self._units, self._progress = lines, units, progress
        self._total = sum(len(units or default_units(line)) for line in lines)
        self._notes: list[str] = []
        self._asked = self._requests = 0

    def run(self, every: bool) -> Scan:
        """Try line after line."""
        began = time.monotonic()
        found: list[Found] = []
        for settings in self._lines:
            with ReadOnlyLine(settings) as line:
                here = list(self._on(line))
                self._note_line(line, here)
                self._requests += line.requests
            found += here
            if here and not every:
                break
        seconds = time.monotonic() - began
        return Scan(tuple(found), tuple(self._notes), self._requests, seconds)

    def _on(self, line: ReadOnlyLine) -> Iterator[Found]:
        for unit in self._units or default_units(line.settings):
            self._progress(line.settings.shown, unit, self._asked, self._total)
            self._asked += 1
            if (answer := self._answer(line, unit)) is not None:
                yield Found(unit, line.settings, answer, identity(line, unit))

    def _answer(self, line: ReadOnlyLine, unit: int) -> str | None:
        try:
            said = line.ask(frames.read(unit, Table.HOLDING, 0, 1))
        except ModbusException as error:
            return None if error.value in NOBODY else _refusal(error)
        except ModbusGarbled:
            self._notes.append(
                f"Unit {unit} on {line.settings.shown}: something came that is no answer. "
                "Another speed or parity, or two units with one number."
            )
            return None
        except ModbusSilent:
            return None
        return f"holding register 0 is {frames.words(said)[0]}"

    def _note_line(self, line: ReadOnlyLine, found: Sequence[Found]) -> None:
        if line.late:
            self._notes.append(
                f"{line.late} answers on {line.settings.shown} came later than "
                f"{line.settings.timeout:g} s: try a longer --timeout."
            )
        asked = self._units or default_units(line.settings)
        alike = len(found) == len(asked) and len({one.answer for one in found}) == 1
        if line.settings.port is None and len(asked) >= ENOUGH and alike:
            self._notes.append(
                "Every unit that was asked answers alike: the device may look past their numbers."
            )


def _refusal(error: ModbusException) -> str:
    code = error.value if isinstance(error.value, int) else 0
    return f"refuses: {frames.EXCEPTIONS.get(code, 'unknown')} (exception {code})"


def _no_units(text: str, why: str) -> InvalidValue:
    return InvalidValue(
        f"These are no units: {why}.", field="units", value=text, hint="write 1-10,17"
    )
