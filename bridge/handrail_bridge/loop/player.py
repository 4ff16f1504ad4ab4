"""Plays one permitted trajectory, at full speed or slowed down on its own path."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from handrail_sim.verdict import Array, Trajectory

SLUGGISH = 2.5  # a loaded servo's time by that of the bare one: the arm's weight swings back
SETTLED = 3.0  # times a servo's own, after which a change of speed is no more felt
STRONG = 1.5  # how much farther a servo may go than the check's believes
NEARLY = 1e-4  # rad: so little ahead is not ahead


class Player:
    """Samples ``hold + speed_scale * lead`` and what the check predicted.

    ``speed_scale`` is 1 in normal motion; a reflex lowers it, a stop ramps it to 0, so that the
    arm slows down on the checked path and ends on ``hold``. A loop of another ``rate`` [Hz] than
    the trajectory's samples between its rows.

    Where setpoints stood, because ticks were missed or readings late, joints go the rest of the
    way to the last one, their lead, like exp(-time / ``settling``) [s], the servos' own time. They
    are then ahead of what the check saw, and fall back as slowly; the tube is wider by as much.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        motion_id: int,
        token: int,
        rate: int,
        speed_scale: float = 1.0,
        settling: float = 0.0,
        stiffness: Sequence[float] = (),
    ) -> None:
        self.motion_id = motion_id
        self.token = token
        self.rows = trajectory.rows
        self.speed_scale = speed_scale
        self._pace = trajectory.rate / rate  # rows a tick
        self._joints = len(trajectory.joints)
        self._row = 0.0
        self.begun = False  # whether the first row has been played
        self._ahead = [0.0] * self._joints  # rad, at most
        self._runs_on = math.exp(-1 / (settling * rate)) if settling else 0.0
        self._stiffness = stiffness or (0.0,) * self._joints
        self._settles = math.ceil(SETTLED * settling * rate)  # ticks
        self._unsteady = 0  # ticks for which a change of speed is still felt
        self._falls_back = math.exp(-1 / (SLUGGISH * settling * rate)) if settling else 0.0
        self._hold, self._lead, self._predicted, self._effort, self._band, self._effort_band = (
            _flat(block) for block in trajectory.blocks
        )

    @property
    def row(self) -> int:
        """The row that is being played."""
        return int(self._row)

    @property
    def finished(self) -> bool:
        """Whether the last row has been reached."""
        return self._row >= self.rows - 1

    def advance(self, speed_scale: float, step: float) -> None:
        """Go on by one tick, slowing down towards ``speed_scale`` by ``step`` at most."""
        before = self.speed_scale
        self.speed_scale = min(before, max(speed_scale, before - step))
        self._unsteady = self._settles if self.speed_scale < before else max(0, self._unsteady - 1)
        if self.begun:
            self._row = min(self._row + self.speed_scale * self._pace, float(self.rows - 1))
        self.begun = True  # the first tick plays row 0
        if max(self._ahead) > 0:
            self._ahead = [x * self._falls_back if x > NEARLY else 0.0 for x in self._ahead]

    def ease(self, step: float) -> None:
        """Slow down by a step on the row that is being played."""
        self.speed_scale = max(0.0, self.speed_scale - step)
        self._unsteady = self._settles

    def hold_back(self, ticks: int) -> None:
        """Know that the setpoints stood for so many ticks more than the check saw."""
        went = 1 - self._runs_on**ticks
        ways = zip(self._ahead, self._here(self._lead), strict=True)
        self._ahead = [x + went * max(0.0, STRONG * abs(lead) - x) for x, lead in ways]

    def command(self) -> list[float]:
        """Return the setpoints [rad] of this moment."""
        scale = self.speed_scale
        return [
            hold + scale * lead
            for hold, lead in zip(self._at(self._hold), self._at(self._lead), strict=True)
        ]

    def predicted(self) -> list[float]:
        """Return where the check saw the joints [rad] at this moment."""
        return self._at(self._predicted)

    def effort(self) -> list[float] | None:
        """Return the efforts [N.m] of this moment; None while the speed changes: none were seen."""
        return None if self._unsteady else self._at(self._effort)

    def band(self) -> list[float]:
        """Return how far [rad] the joints may be from where they were seen."""
        return [width + x for width, x in zip(self._here(self._band), self._ahead, strict=True)]

    def effort_band(self) -> list[float]:
        """Return how far [N.m] the efforts may be from what was predicted.

        A joint that is slower than the check saw, or ahead, needs less of what drove it.
        """
        band = self._here(self._effort_band)
        slower = 1.0 - self.speed_scale
        if slower == 0.0 and max(self._ahead) == 0.0:
            return band
        parts = zip(band, self._stiffness, self._here(self._lead), self._ahead, strict=True)
        return [w + k * (slower * abs(lead) + ahead) for w, k, lead, ahead in parts]

    def _at(self, numbers: memoryview[float]) -> list[float]:
        """Interpolate between the two rows around the present one."""
        here = self._here(numbers)
        part = self._row - int(self._row)
        if part == 0.0:
            return here
        at = (int(self._row) + 1) * self._joints
        after = numbers[at : at + self._joints]
        return [a + part * (b - a) for a, b in zip(here, after, strict=True)]

    def _here(self, numbers: memoryview[float]) -> list[float]:
        """Return the present row."""
        at = int(self._row) * self._joints
        return list(numbers[at : at + self._joints])


def _flat(block: Array) -> memoryview[float]:
    """Return the numbers row after row: six plain floats a tick are faster without numpy.

    They are not copied where they lie in one piece: whoever plays them keeps them as they are.
    """
    return np.ascontiguousarray(block, dtype=np.float64).data.cast("B").cast("d")
