"""What a Grbl controller does with the bytes that it hears, and what it says. Pure, no I/O.

Source: Grbl 1.1, as for :mod:`handrail_drivers.grbl.words`; protocol.c and system.c for what
happens in which state. It knows jogs, G0 and G1: straight lines, absolute, in millimetres. A
program that was held is forgotten, where the real one would go on with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from handrail_drivers.gcode.axes import AXES, MINUTE
from handrail_drivers.grbl import words
from handrail_drivers.grbl.words import State

from handrail_sim.twin.gcode_planner import Place, Planner

GREETING = ("", "Grbl 1.1h ['$' for help]")
LOCKED, RESET_FIRST = "[MSG:'$H'|'$X' to unlock]", "[MSG:Reset to continue]"
TOLD = (  # by `$$`: steppers always on, soft and hard limits, homing
    "0=10 1=255 2=0 3=0 4=0 5=0 6=0 10=3 11=0.01 12=0.002 13=0 20=1 21=1 22=1 23=0 24=25 25=1500 "
    "26=250 27=1 30=1000 31=0 32=0 100=80 101=80 102=400 110=4800 111=4800 112=1800 "
    "120=500 121=500 122=500 130=290 131=180 132=60"
)
SETTINGS = {int(one.split("=")[0]): float(one.split("=")[1]) for one in TOLD.split()}
NOWHERE = "0.000,0.000,0.000"
OFFSETS = [  # by `$#`: work coordinates are machine coordinates
    *(f"[G{number}:{NOWHERE}]" for number in (54, 55, 56, 57, 58, 59, 28, 30, 92)),
    "[TLO:0.000]",
    f"[PRB:{NOWHERE}:0]",
]
RATES = [SETTINGS[words.MOST_RATE + n] / MINUTE for n in range(3)]  # mm/s
SEEK, PULL_OFF = SETTINGS[25] / MINUTE, SETTINGS[27]  # mm/s, mm, of homing
LONGEST, RECEIVES = 80, 128  # signs of a line; of all that wait
FOLLOWS = (State.IDLE, State.JOG)


class Controller:
    """One controller of three axes. ``position`` [mm] is where it has sent its motors.

    Args:
        position: mm, machine coordinates: 0 at the limit switches.
        axes: numbers of those that are homed, in this order.
        state: Idle where somebody has homed it; Alarm, as after power comes.
    """

    def __init__(self, position: Place, axes: Sequence[int], state: State) -> None:
        self.stuck = False  # acknowledges all and moves nothing
        self.said: list[str] = []
        self._axes = tuple(axes)
        self.restart(position, state)

    @property
    def position(self) -> Place:
        """Where the motors are sent [mm]."""
        return self._planner.position

    @property
    def is_limp(self) -> bool:
        """Whether the motors have no current."""
        return self.state is State.SLEEP

    def put(self, position: Place) -> None:
        """Be somewhere else [mm], without a word, and know it."""
        self.restart(position, self.state)

    def power(self) -> None:
        """Begin anew, as power comes: locked until it is homed."""
        self.restart(self.position, State.ALARM)
        self.greet()

    def restart(self, position: Place, state: State) -> None:
        """Begin anew, without a word."""
        self._planner = Planner(position, SETTINGS[words.ACCELERATION], RATES)
        self.state, self._alarm, self._feed = state, 0, 0.0
        self._pending, self._waiting = b"", list[str]()
        self._homing: list[int] = []  # axes that are still to be homed, the present one first

    def hear(self, sign: bytes) -> None:
        """Take one byte. What it answers is in ``said``, line by line."""
        if sign == words.SOFT_RESET:
            self._soft_reset()
        elif self._alarm in words.CRITICAL or self._homing:
            return  # it looks at nothing else then
        elif sign == words.STATUS:
            self.said.append(self._status())
        elif sign == words.FEED_HOLD:
            self._hold()
        elif sign == words.JOG_CANCEL:
            if self.state is State.JOG:
                self._planner.hold()
        elif sign == b"~":
            if self.state is State.HOLD and not self._planner.moves:
                self.state = State.IDLE
        elif sign[0] < 0x80:
            self._collect(sign)

    def advance(self, duration: float, switches: Sequence[bool]) -> int | None:
        """Let so many seconds pass; ``switches`` says by axis which limit switch is pressed.

        Returns:
            The axis that has just been homed, if one has.
        """
        if self._homing:
            return self._seek(duration, switches)
        self._planner.advance(duration)
        if not self._planner.moves and self.state in (State.JOG, State.RUN):
            self.state = State.IDLE
        self._work()
        return None

    def hit(self) -> None:
        """Have a limit switch pressed where none should be."""
        self._fail(1)

    def greet(self) -> None:
        """Say who it is, as after power comes or a reset."""
        self.said += [*GREETING, *([LOCKED] if self.state is State.ALARM else [])]

    # --- lines ------------------------------------------------------------------------------------

    def _collect(self, sign: bytes) -> None:
        if sign not in b"\r\n":
            self._pending += sign
            return
        line, self._pending = self._pending.decode("ascii"), b""
        self._waiting.append(line.strip().upper().replace(" ", ""))
        self._work()

    def _work(self) -> None:
        """Do what waits, line by line, as far as the planner and the state let it."""
        while self._waiting and not (self._homing or self._planner.holds):
            is_full = self._planner.room == 0 and self._waiting[0].startswith(("$J=", "G", "X"))
            if is_full or self.state in (State.SLEEP, State.HOLD):
                return
            line = self._waiting.pop(0)
            error = 11 if len(line) > LONGEST else self._do(line)
            if error is not None:
                self.said.append(f"error:{error}" if error else "ok")

    def _do(self, line: str) -> int | None:
        """Do a line; return the number of its error, 0: none, None: it is answered later."""
        if line.startswith("$J="):
            return self._jog(line.removeprefix("$J="))
        match line:
            case "":
                return 0
            case "$$":
                self.said += [f"${number}={value:g}" for number, value in SETTINGS.items()]
                return 0
            case "$I":
                self.said += ["[VER:1.1h.20190825:]", "[OPT:V,15,128]"]
                return 0
            case "$G":
                self.said.append(f"[GC:G1 G54 G17 G21 G90 G94 M5 M9 T0 F{self._feed:g} S0]")
                return 0
            case "$#":
                self.said += OFFSETS
                return 0
            case "$X":
                self.state = State.IDLE if self.state is State.ALARM else self.state
                return 0
            case "$H" | "$SLP":
                return self._leave(line)
        if line.startswith("$"):
            return 3
        return 9 if self.state in (State.ALARM, State.JOG) else self._run(line)

    def _leave(self, line: str) -> int | None:
        """Home, or go to sleep."""
        if self.state not in (State.IDLE, State.ALARM):
            return 8
        if line == "$SLP":
            self.state = State.SLEEP
            return 0
        if self.stuck:
            return 0
        self.state, self._homing = State.HOME, list(self._axes)
        return None

    def _jog(self, text: str) -> int:
        found = _words(text)
        if self.state not in FOLLOWS:
            return 8
        if found is None or not found.keys() & set(AXES):
            return 16
        if "F" not in found:
            return 22
        if not self._reaches(found):
            return 15
        self._move(found, found["F"], State.JOG)
        return 0

    def _run(self, text: str) -> int:
        """Take a block of a program."""
        found = _words(text)
        if found is None:
            return 2
        self._feed = found.get("F", self._feed)
        if not found.keys() & set(AXES):
            return 0
        if self._reaches(found):
            self._move(found, self._feed, State.RUN)
        else:
            self._fail(2)
        return 0

    def _move(self, found: Mapping[str, float], feed: float, state: State) -> None:
        if not self.stuck:
            self._planner.add(self._target(found), feed / MINUTE)
            self.state = state if self._planner.moves else self.state

    def _target(self, found: Mapping[str, float]) -> Place:
        pairs = zip(AXES, self._planner.end, strict=True)
        return tuple(found.get(axis, at) for axis, at in pairs)

    def _reaches(self, found: Mapping[str, float]) -> bool:
        ways = [SETTINGS[words.TRAVEL + n] for n in range(3)]
        return all(-way <= to <= 0 for to, way in zip(self._target(found), ways, strict=True))

    # --- states -----------------------------------------------------------------------------------

    def _soft_reset(self) -> None:
        lost = self._planner.moves or bool(self._homing)
        if lost:
            self.said.append(f"ALARM:{6 if self._homing else 3}")
        is_locked = lost or self.state in words.LIMP
        self.restart(self.position, State.ALARM if is_locked else State.IDLE)
        self.greet()

    def _hold(self) -> None:
        if self.state in (State.RUN, State.JOG):
            self._planner.hold()
        if self.state in (State.RUN, State.IDLE):
            self.state = State.HOLD

    def _fail(self, alarm: int) -> None:
        self._planner.forget()
        self.state, self._alarm, self._homing = State.ALARM, alarm, []
        self.said += [f"ALARM:{alarm}", *([RESET_FIRST] if alarm in words.CRITICAL else [])]

    def _seek(self, duration: float, switches: Sequence[bool]) -> int | None:
        """Drive one axis to its switch, then a little back: there it is homed."""
        number = self._homing[0]
        place = list(self.position)
        found = switches[number]
        place[number] = -PULL_OFF if found else place[number] + SEEK * duration
        self._planner.position = tuple(place)
        if not found:
            return None
        self._homing.pop(0)
        if not self._homing:
            self.state = State.IDLE
            self.said.append("ok")
        return number

    def _status(self) -> str:
        part = f":{int(self._planner.moves)}" if self.state is State.HOLD else ""
        place = ",".join(f"{at:.3f}" for at in self.position)
        free = f"{self._planner.room},{RECEIVES - len(self._pending)}"
        feed = f"{self._planner.speed * MINUTE:.0f}"
        return f"<{self.state}{part}|MPos:{place}|Bf:{free}|FS:{feed},0>"


def _words(text: str) -> dict[str, float] | None:
    """Return the words of a block by letter, the G's left out; None: it is malformed."""
    found = re.findall(r"([A-Z])(-?\d+\.?\d*)", text)
    if "".join(letter + number for letter, number in found) != text:
        return None
    return {letter: float(number) for letter, number in found if letter != "G"}
