"""What a controller with Marlin does with the bytes that it hears, and what it says. Pure, no I/O.

Source: Marlin 2, as for :mod:`handrail_drivers.marlin.words`; gcode/queue.cpp for lines,
module/planner.cpp (quick_stop, BLOCK_DELAY_FOR_1ST_MOVE) for what moves. It knows G0, G1, G28, and
the commands that a host asks with: straight lines, absolute, in millimetres.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence

from handrail_drivers.gcode.axes import AXES, MINUTE
from handrail_drivers.marlin import words

from handrail_sim.twin.gcode_planner import Place, Planner

TRAVEL = (290.0, 180.0, 60.0)  # mm, from 0
STEPS = (80.0, 80.0, 400.0)  # a mm
RATES = (80.0, 80.0, 30.0)  # mm/s
ACCELERATION = 500.0  # mm/s2
SEEK, BACK_OFF = 50.0, 1.0  # mm/s, mm, of homing (HOMING_BACKOFF_POST_MM)
FIRST = 0.1  # s that the first move waits for others
DEAF = 1.0  # s after a quick stop, in which moves are dropped
BUSY = 2.0  # s between two signs of life while it homes
QUEUE = 4  # commands that wait
LONGEST = 96  # signs of a line
GREETING = ("start", "Marlin 2.1.2.5", "echo: Last Updated: 2024-12-01", "echo:Hardcoded Defaults")
IDENTITY = (
    "FIRMWARE_NAME:Marlin 2.1.2.5 (Dec  1 2024 12:00:00) SOURCE_CODE_URL:github.com/MarlinFirmware/"
    "Marlin PROTOCOL_VERSION:1.0 MACHINE_TYPE:Gantry KINEMATICS:Cartesian EXTRUDER_COUNT:0",
    "Cap:EEPROM:1",
    "Cap:AUTOREPORT_POS:0",
)
ACKNOWLEDGED = ("M84", "M400", "G21", "G90")


def _axes(values: Sequence[float]) -> str:
    return " ".join(f"{axis}{value:.2f}" for axis, value in zip(AXES, values, strict=True))


SETTINGS = (  # by M503
    "echo:; Linear Units:",
    "echo:  G21 ; (mm)",
    "echo:; Steps per unit:",
    f"echo:  M92 {_axes(STEPS)}",
    "echo:; Max feedrates (units/s):",
    f"echo:  M203 {_axes(RATES)}",
    "echo:; Max Acceleration (units/s2):",
    f"echo:  M201 {_axes([ACCELERATION] * 3)}",
    "echo:; Acceleration (units/s2) (P<print-accel> T<travel-accel>):",
    f"echo:  M204 P{ACCELERATION:.2f} T{ACCELERATION:.2f}",
)


class Controller:
    """One controller of three axes. ``position`` [mm] is where it has sent its motors.

    Args:
        position: mm, machine coordinates: ``TRAVEL`` at the limit switches.
        axes: numbers of those that can be homed, in this order.
    """

    def __init__(self, position: Place, axes: Sequence[int]) -> None:
        self.stuck = False  # acknowledges all and moves nothing
        self.said: list[str] = []
        self.obeys_at_once = True  # built with EMERGENCY_PARSER
        self.tells_present = True  # built with M114_REALTIME
        self.shift = 0.0  # mm, by G92 on X
        self._axes = tuple(axes)
        self._switches: Sequence[bool] = (False,) * 3  # as they were last
        self._pending, self._last = "", 0  # of a line; number of the last one
        self.put(position)
        self.is_limp = False  # somebody has used it

    @property
    def position(self) -> Place:
        """Where the motors are sent [mm]."""
        return self._planner.position

    def put(self, position: Place) -> None:
        """Be somewhere else [mm], without a word."""
        self._planner = Planner(position, ACCELERATION, RATES)
        self._before = position  # a moment ago
        self.is_halted, self.is_limp, self.is_bounded = False, False, True
        self._queue: deque[str] = deque()
        self._homing: list[int] = []  # axes that are still to be homed, the present one first
        self._found: list[int] = []  # axes that were, and nobody knows
        self._feed = RATES[0]
        self.feed_rate = 1.0  # the part of it that the knob at its panel leaves, or more
        self._first = self._deaf = self._busy = 0.0  # s that are left

    def power(self) -> None:
        """Begin anew, its motors free, and take the place where it is for its origin."""
        self.put((0.0, 0.0, 0.0))
        self._pending, self._last, self.is_limp = "", 0, True
        self.said[:] = GREETING

    def halt(self) -> None:
        """Obey nothing any more, its motors free."""
        self.put(self.position)
        self.is_halted = self.is_limp = True
        self.said.append(f"{words.HALTED}. kill() called!")

    def hit(self) -> None:
        """A limit switch that is pressed on the way halts it, as its kill pin would."""
        self.halt()

    def hear(self, sign: bytes) -> None:
        """Take one byte. What it answers is in ``said``, line by line."""
        if self.is_halted:
            return
        if sign not in b"\r\n":
            if len(self._pending) < LONGEST:
                self._pending += sign.decode("ascii", "backslashreplace")
            return
        line, self._pending = self._pending.strip(), ""
        if line:
            self._take(line)
        self._work()

    def advance(self, duration: float, switches: Sequence[bool]) -> int | None:
        """Let so many seconds pass; ``switches`` says by axis which limit switch is pressed.

        Returns:
            The axis that has just been homed, if one has.
        """
        if self.is_halted:
            return None
        self._switches = switches
        self._deaf = max(0.0, self._deaf - duration)
        if self._homing:
            self._seek(duration)
        if self._found:
            return self._found.pop(0)
        self._before = self.position
        self._first = max(0.0, self._first - duration)
        if self._first == 0.0:
            self._planner.advance(duration)
        self._work()
        return None

    # --- lines ------------------------------------------------------------------------------------

    def _take(self, line: str) -> None:
        """Check a line's number and sum; obey what is obeyed at once, and queue it."""
        command = line
        if line.startswith("N"):
            found = words.unnumbered(line)
            wrong = (
                "checksum mismatch" if found is None else "Line Number is not Last Line Number+1"
            )
            if found is None or (found[0] != self._last + 1 and "M110" not in found[1]):
                wanted = self._last + 1
                self.said += [f"Error:{wrong}, Last Line: {self._last}", f"Resend: {wanted}", "ok"]
                return
            self._last, command = found
        if self.obeys_at_once and command == "M410":
            self._quick_stop()
        if self.obeys_at_once and command == "M112":
            self.halt()
        elif len(self._queue) < QUEUE:
            self._queue.append(command)

    def _work(self) -> None:
        """Do what waits, command by command, as far as the planner and homing let it."""
        while self._queue and not self._homing and not self.is_halted:
            command = self._queue[0]
            if command.startswith(("G0 ", "G1 ")) and self._planner.room == 0:
                return
            self._queue.popleft()
            if self._do(command):
                self.said.append("ok")

    def _do(self, command: str) -> bool:
        """Do one command; tell whether it is done."""
        code, _, rest = command.partition(" ")
        match code:
            case "G0" | "G1":
                self._move(_words(rest))
            case "G28":
                return self._home(rest)
            case "M18":
                self.is_limp = True
                self._planner.forget()
            case "M110":
                self._last = int(rest.removeprefix("N") or self._last)
            case "M112":
                self.halt()
                return False
            case "M410":
                self._quick_stop()
            case "M17":
                self.is_limp = False
            case "M220":
                self.feed_rate = _words(rest).get("S", 100.0 * self.feed_rate) / 100.0
            case _ if code not in ACKNOWLEDGED:
                self.said += self._told(code, rest) or [f'echo:Unknown command: "{command}"']
        return True

    def _told(self, code: str, rest: str) -> list[str]:
        """Return what is answered to a question; nothing: it is none."""
        match code:
            case "M118":
                return [rest]
            case "M114":
                return [self._place("R" in rest.split())]
            case "M115":
                return [*IDENTITY, f"Cap:{words.AT_ONCE}:{int(self.obeys_at_once)}"]
            case "M211":
                ends = f"echo:  Min:  {_axes([0.0] * 3)}   Max:  {_axes(TRAVEL)}"
                return [f"echo:  M211 {'S1 ; ON' if self.is_bounded else 'S0 ; OFF'}", ends]
            case "M503":
                return list(SETTINGS)
        return []

    def _place(self, present: bool) -> str:
        """Return where it is and what it counts, which it looks at once the place is printed."""
        place = here = self._planner.end
        if present and self.tells_present:
            place, here = self._before, self.position
            self._before = here
        shifted = (place[0] + self.shift, *place[1:])
        told = " ".join(f"{axis}:{at:.2f}" for axis, at in zip(AXES, shifted, strict=True))
        counts = [round(at * steps) for at, steps in zip(here, STEPS, strict=True)]
        counted = " ".join(f"{axis}:{count}" for axis, count in zip(AXES, counts, strict=True))
        return f"{told} E:0.00 Count {counted}"

    # --- motion -----------------------------------------------------------------------------------

    def _move(self, found: Mapping[str, float]) -> None:
        """Take a straight line; what is beyond the travel ends there, without a word."""
        self._feed = found.get("F", self._feed * MINUTE) / MINUTE
        if self.stuck or self._deaf > 0.0 or not found.keys() & set(AXES):
            return
        pairs = zip(AXES, self._planner.end, TRAVEL, strict=True)
        end = tuple(min(max(found.get(axis, at), 0.0), most) for axis, at, most in pairs)
        if not self._planner.moves:
            self._first = FIRST
        self.is_limp = False
        self._planner.add(end, self._feed * self.feed_rate)

    def _quick_stop(self) -> None:
        """Stand at once, and forget what waits; homing goes on with its next axis."""
        self._planner.forget()
        self._before, self._deaf = self.position, DEAF

    def _home(self, rest: str) -> bool:
        """Begin to home; tell whether all switches were found at once."""
        asked = [AXES.index(axis) for axis in rest.split()] or list(self._axes)
        self._homing = [axis for axis in self._axes if axis in asked]
        self._planner.forget()
        self.is_limp, self._busy = False, BUSY
        while self._homing and self._switches[self._homing[0]] and not self.stuck:
            self._hit_home()
        return not self._homing

    def _seek(self, duration: float) -> None:
        """Drive one axis to its switch, then a little back: there it is homed."""
        self._busy -= duration
        if self._busy <= 0:
            self._busy = BUSY
            self.said.append("echo:busy: processing")
        if self.stuck:
            return
        number = self._homing[0]
        if not self._switches[number]:
            self._be(number, self.position[number] + SEEK * duration)
            return
        self._hit_home()
        if not self._homing:
            self.said.append("ok")

    def _hit_home(self) -> None:
        number = self._homing.pop(0)
        self._be(number, TRAVEL[number] - BACK_OFF)
        self._found.append(number)

    def _be(self, number: int, at: float) -> None:
        place = list(self.position)
        place[number] = at
        self._planner.position = self._before = tuple(place)


def _words(text: str) -> dict[str, float]:
    """Return the words of a block by letter; what is malformed is left out, as Marlin does."""
    found = re.findall(r"([A-Z]) ?(-?\d+\.?\d*)", text)
    return {letter: float(number) for letter, number in found}
