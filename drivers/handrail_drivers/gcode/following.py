"""From setpoints, one a tick, to moves that follow them. Pure, no I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from handrail_drivers.gcode.axes import NEAR

BEHIND = 0.001  # m that it may be behind its setpoint and still turn back without a stop
AHEAD = 2.0  # ticks later than they are told, moves are done: setpoints may be faster then
SLOWEST = 0.0005  # m/s of a move
SHORT = 0.0001  # m: more than a step of any machine
LONGEST_TICK = 0.2  # s between two setpoints that still tell a speed

Place = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """To a place [m] by joint, along a straight line at a speed [m/s]."""

    goal: Place
    speed: float


class Cancel:
    """Have it come to a stand, and forget the moves that wait."""


class Follower:
    """Turns the setpoints of one machine into moves.

    A move is as fast as its setpoint is far from the one before, and will be far from the next.
    The machine keeps behind by what it needs to come to a stand; what it is farther behind is made
    up for by a share a second.

    Args:
        gain: 1/s.
    """

    def __init__(self, gain: float) -> None:
        self._gain = gain
        self.goal: Place | None = None  # the end of the last move; None: there is none
        self._setpoint: Place | None = None  # the last one, and when it came [s]
        self._told = 0.0
        self._speed = 0.0  # m/s, of the setpoints
        self._cancels = False  # it was told to stand, and does not yet

    def begin(self) -> None:
        """Begin anew, from wherever the machine is."""
        self.goal = self._setpoint = None
        self._speed, self._cancels = 0.0, False

    def is_short(self, position: Place) -> bool:
        """Tell whether a machine has not come to the end of its last move."""
        return self.goal is not None and math.dist(self.goal, position) > SHORT

    def next(
        self, setpoint: Place, position: Place, now: float, acceleration: float, *, jogs: bool
    ) -> Move | Cancel | None:
        """Return what the machine is told now, if anything.

        Args:
            setpoint: m, by joint.
            position: m, where the last report had it.
            now: s, monotonic.
            acceleration: m/s2, the machine's.
            jogs: whether it moves, and can be told to stand; else it goes to its goals in turn.
        """
        passed, self._told = now - self._told, now
        before, self._setpoint = self._setpoint, setpoint
        is_steady = before is not None and 0 < passed < LONGEST_TICK
        speed = math.dist(setpoint, before) / passed if before and is_steady else 0.0
        faster, self._speed = max(0.0, speed - self._speed), speed
        self._cancels = jogs and (self._cancels or self._turns_back(setpoint, position))
        if self._cancels:
            self.goal = None
            return Cancel()
        if math.dist(setpoint, position if self.goal is None else self.goal) < NEAR:
            return None
        brakes = speed**2 / (2 * acceleration)
        behind = math.dist(setpoint, position) - speed * passed - brakes
        feed = speed + AHEAD * faster + self._gain * max(0.0, behind)
        return Move(setpoint, max(SLOWEST, feed))

    def _turns_back(self, setpoint: Place, position: Sequence[float]) -> bool:
        """Tell whether a setpoint has come back half of the way that the machine has yet to go."""
        if self.goal is None:
            return False
        ahead = [end - at for end, at in zip(self.goal, position, strict=True)]
        back = [end - to for end, to in zip(self.goal, setpoint, strict=True)]
        way = math.hypot(*ahead)
        return way > BEHIND and sum(a * b for a, b in zip(ahead, back, strict=True)) > 0.5 * way**2
