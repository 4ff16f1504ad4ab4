"""Plays one permitted trajectory, at full speed or slowed down on its own path."""

from __future__ import annotations

import numpy as np
from handrail_sim.verdict import Array, Trajectory


class Player:
    """Samples ``hold + speed_scale * lead`` and the predicted positions.

    ``speed_scale`` is 1 in normal motion; a stop ramps it to 0, so that the arm slows down on
    the checked path and ends on ``hold``.
    """

    def __init__(self, trajectory: Trajectory, motion_id: int, token: int) -> None:
        self.motion_id = motion_id
        self.token = token
        self.rows = trajectory.rows
        self.speed_scale = 1.0
        self._joints = len(trajectory.joints)
        self._row = 0.0
        self._begun = False
        self._hold = _flat(trajectory.hold)
        self._lead = _flat(trajectory.lead)
        self._predicted = _flat(trajectory.predicted)

    @property
    def row(self) -> int:
        """The row that is being played."""
        return int(self._row)

    @property
    def finished(self) -> bool:
        """Whether the last row has been reached."""
        return self._row >= self.rows - 1

    def advance(self, slow_by: float = 0.0) -> None:
        """Go on by one tick, after taking ``slow_by`` off the speed scale."""
        self.speed_scale = max(0.0, self.speed_scale - slow_by)
        if self._begun:
            self._row = min(self._row + self.speed_scale, float(self.rows - 1))
        self._begun = True  # the first tick plays row 0

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

    def _at(self, numbers: memoryview[float]) -> list[float]:
        """Interpolate between the two rows around the present one."""
        row = int(self._row)
        part = self._row - row
        width = self._joints
        at = row * width
        here = list(numbers[at : at + width])
        if part == 0.0:
            return here
        after = numbers[at + width : at + 2 * width]
        return [a + part * (b - a) for a, b in zip(here, after, strict=True)]


def _flat(block: Array) -> memoryview[float]:
    """Return the numbers row after row: six plain floats a tick are faster without numpy."""
    return memoryview(np.ascontiguousarray(block, dtype="<f8").tobytes()).cast("d")
