"""What a Grbl controller says and is told. Pure, no I/O.

Source: Grbl 1.1, doc/markdown/interface.md, commands.md, jogging.md and settings.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from handrail_drivers.gcode.axes import MINUTE, MM, axis_words

# Single bytes, obeyed at once wherever in a line they come.
STATUS, FEED_HOLD, SOFT_RESET, JOG_CANCEL = b"?", b"!", b"\x18", b"\x85"

# Numbers of settings.
IDLE_DELAY, REPORTS, INCHES, SOFT_LIMITS, HOMING = 1, 10, 13, 20, 22
MOST_RATE, ACCELERATION, TRAVEL = 110, 120, 130  # of X; Y and Z follow

ERRORS = {
    2: "a number is missing or malformed",
    3: "it does not know this command",
    5: "homing is not enabled in its settings",
    8: "it has to be idle for this command",
    9: "it is locked by an alarm, or jogging",
    11: "the line is too long",
    15: "the target is beyond its travel",
    16: "it is no jog",
    22: "the feed rate is missing",
}
ALARMS = {
    1: "a limit switch was hit; its position is lost",
    2: "a motion would leave its travel",
    3: "it was reset while it moved; its position is lost",
    4: "the probe was not in its expected state",
    5: "the probe found nothing",
    6: "homing was reset",
    7: "the safety door opened while it homed",
    8: "homing did not clear a limit switch",
    9: "homing found no limit switch",
}
CRITICAL = (1, 2)  # alarms after which it answers nothing until it is reset


class State(StrEnum):
    """The states of the machine."""

    IDLE = "Idle"
    RUN = "Run"
    JOG = "Jog"
    HOLD = "Hold"
    HOME = "Home"
    ALARM = "Alarm"
    DOOR = "Door"
    CHECK = "Check"
    SLEEP = "Sleep"


MOVING = (State.RUN, State.JOG, State.HOME)
LIMP = (State.ALARM, State.SLEEP)  # where it is it does not know, or it has no current


@dataclass(frozen=True, slots=True)
class Report:
    """One status report. ``position`` [m] is the machine's, X Y Z."""

    state: State
    part: int  # of a hold: 0 it stands, 1 it still slows down
    position: tuple[float, float, float]

    @property
    def stands(self) -> bool:
        """Whether nothing moves, and nothing that waits in it can begin to."""
        return self.state is State.HOLD and self.part == 0


_REPORT = re.compile(
    r"<(?P<state>[A-Z][a-z]+)(?::(?P<part>\d))?"
    r"\|MPos:(?P<position>-?\d+\.\d+,-?\d+\.\d+,-?\d+\.\d+)(?:\|[A-Za-z]+:[^|<>]*)*>"
)
_SETTING = re.compile(r"\$(?P<number>\d{1,3})=(?P<value>-?\d+(?:\.\d+)?)")
_KNOWN = re.compile(r"ok|error:\d+|ALARM:\d+|\[[^\[\]]*\]|>.*|Grbl .*|\$.*|")


def report_of(line: str) -> Report | None:
    """Return the status report that a line is; None: it is none, or without machine position."""
    match = _REPORT.fullmatch(line)
    if match is None or match["state"] not in set(State):
        return None
    x, y, z = (float(part) / MM for part in match["position"].split(","))
    return Report(State(match["state"]), int(match["part"] or 0), (x, y, z))


def setting_of(line: str) -> tuple[int, float] | None:
    """Return number and value of a setting that a line tells; None: it tells none."""
    match = _SETTING.fullmatch(line)
    return None if match is None else (int(match["number"]), float(match["value"]))


def number_after(prefix: str, line: str) -> int | None:
    """Return the number of ``error:15`` or ``ALARM:1``; None: the line is none of these."""
    return int(line.removeprefix(prefix)) if re.fullmatch(prefix + r"\d{1,3}", line) else None


def is_known(line: str) -> bool:
    """Tell whether a line is one that Grbl says at all."""
    return _KNOWN.fullmatch(line) is not None or _REPORT.fullmatch(line) is not None


def jog(target: Mapping[str, float], speed: float) -> str:
    """Return the jog to a place in machine coordinates, [m] by axis, at a path speed [m/s]."""
    return f"$J=G53G21{axis_words(target)}F{speed * MM * MINUTE:.1f}"
