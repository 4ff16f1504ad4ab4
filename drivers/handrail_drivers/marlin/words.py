"""What a controller with Marlin says and is told. Pure, no I/O.

Source: Marlin 2, gcode/queue.cpp (line numbers, checksums, resends), module/motion.cpp and
gcode/host/M114.cpp (positions), gcode/host/M115.cpp, gcode/control/M211.cpp,
feature/e_parser.h (what is obeyed at once).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import xor

from handrail_drivers.gcode.axes import AXES, MINUTE, MM, axis_words

# Obeyed as soon as they have arrived, where Marlin is built with EMERGENCY_PARSER. The line that
# was begun before is ended first: within one they are not looked for.
QUICK_STOP, KILL = b"\nM410\n", b"\nM112\n"
NOTHING = b"\n"  # is skipped; a wire that only answers has occasion to say what it owes
AT_ONCE = "EMERGENCY_PARSER"  # the capability of M115
PLACE = "M114 R"  # where its motors are now; without R where its last line will end
RESEND = "Resend:"
HALTED = "Error:Printer halted"
LINE_ERRORS = ("Error:Line Number", "Error:checksum", "Error:No Checksum", "Error:No Line Number")

_NUMBERED = re.compile(r"N(?P<number>\d+) (?P<command>[^*]*)\*(?P<checksum>\d{1,3})")
_PLACE = re.compile(
    r"X:(-?\d+\.\d+) Y:(-?\d+\.\d+) Z:(-?\d+\.\d+)(?: E:-?\d+\.\d+)? "
    r"Count X: ?(-?\d+) Y: ?(-?\d+) Z: ?(-?\d+)"
)
_OK = re.compile(r"ok(?: .*)?")
_SETTING = re.compile(r"(?:echo:)?\s*(?P<code>[GM]\d+)(?P<words>(?: [A-Z]-?\d+(?:\.\d+)?)*)\b.*")
_LIMITS = re.compile(r"\bM(in|ax):\s+X(-?[\d.]+) Y(-?[\d.]+) Z(-?[\d.]+)")
_CAPABILITY = re.compile(r"Cap:([A-Z0-9_]+):([01])")
_KNOWN = re.compile(
    r"|start|wait|//.*|echo:.*|Error:.*|Resend: ?\d+|Cap:.*|area:.*|FIRMWARE_NAME:.*|"
    r" ?T\d?:.*|handrail \d+|[;GM].*"
)

Numbers = dict[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """Where it is: ``position`` [m] in its coordinates, X Y Z, and ``steps`` of its motors."""

    position: tuple[float, float, float]
    steps: tuple[int, int, int]


def numbered(number: int, command: str) -> bytes:
    """Return a command as a line with its number and its checksum."""
    body = f"N{number} {command}"
    return f"{body}*{checksum(body)}\n".encode("ascii")


def checksum(body: str) -> int:
    """Return the exclusive or of all signs before the asterisk."""
    return reduce(xor, body.encode("ascii"), 0)


def unnumbered(line: str) -> tuple[int, str] | None:
    """Return number and command of a line; None: it has none, or its checksum is wrong."""
    match = _NUMBERED.fullmatch(line)
    if match is None or not line.isascii():
        return None
    if checksum(line[: match.end("command")]) != int(match["checksum"]):
        return None
    return int(match["number"]), match["command"]


def is_ok(line: str) -> bool:
    """Tell whether a line says that a command has been taken; ADVANCED_OK says more."""
    return _OK.fullmatch(line) is not None


def resend_of(line: str) -> int | None:
    """Return the number of the line that it wants once more; None: it wants none."""
    wanted = line.removeprefix(RESEND).strip()
    return int(wanted) if line.startswith(RESEND) and wanted.isdecimal() else None


def report_of(line: str) -> Report | None:
    """Return the place that a line tells; None: it tells none."""
    match = _PLACE.fullmatch(line)
    if match is None:
        return None
    x, y, z = (float(part) / MM for part in match.groups()[:3])
    a, b, c = (int(part) for part in match.groups()[3:])
    return Report((x, y, z), (a, b, c))


def settings_of(lines: Iterable[str]) -> dict[str, Numbers]:
    """Return what M503 and M211 tell: numbers by letter, by code such as ``M92``."""
    found: dict[str, Numbers] = {}
    for line in lines:
        if match := _SETTING.fullmatch(line):
            words = match["words"].split()
            found[match["code"]] = {word[0]: float(word[1:]) for word in words}
    return found


def limits_of(lines: Iterable[str]) -> Mapping[str, tuple[float, float]] | None:
    """Return the ends [m] of every axis that M211 tells; None: it tells none."""
    ends: dict[str, list[float]] = {}
    for line in lines:
        for match in _LIMITS.finditer(line):
            ends[match[1]] = [float(part) / MM for part in match.groups()[1:]]
    if ends.keys() != {"in", "ax"}:
        return None
    return {axis: (low, high) for axis, low, high in zip(AXES, ends["in"], ends["ax"], strict=True)}


def capabilities_of(lines: Iterable[str]) -> frozenset[str]:
    """Return what M115 says that it can do."""
    told = [match for line in lines if (match := _CAPABILITY.fullmatch(line))]
    return frozenset(match[1] for match in told if match[2] == "1")


def is_known(line: str) -> bool:
    """Tell whether a line is one that Marlin says at all."""
    return any(one.fullmatch(line) for one in (_OK, _PLACE, _KNOWN))


def move(target: Mapping[str, float], speed: float) -> str:
    """Return the straight move to a place, [m] by axis, at a path speed [m/s]."""
    return f"G1 {axis_words(target)} F{speed * MM * MINUTE:.1f}"
