"""Plays one permitted trajectory, at full speed or slowed down on its own path."""

from __future__ import annotations

from handrail_sim.verdict import Trajectory


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
        self._row = 0.0
        # Plain lists: six numbers a tick are faster without numpy.
        self._hold: list[list[float]] = trajectory.hold.tolist()
        self._lead: list[list[float]] = trajectory.lead.tolist()
        self._predicted: list[list[float]] = trajectory.predicted.tolist()

    @property
    def row(self) -> int:
        """The row that is being played."""
        return int(self._row)

    @property
    def finished(self) -> bool:
        """Whether the last row has been reached."""
        return self._row >= self.rows - 1

    def advance(self) -> None:
        """Go on by one tick at the present speed."""
        self._row = min(self._row + self.speed_scale, float(self.rows - 1))

    def slow(self, step: float) -> None:
        """Take step off the speed scale."""
        self.speed_scale = max(0.0, self.speed_scale - step)

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

    def _at(self, rows: list[list[float]]) -> list[float]:
        """Interpolate between the two rows around the present one."""
        row = int(self._row)
        part = self._row - row
        if part == 0.0:
            return rows[row]
        return [a + part * (b - a) for a, b in zip(rows[row], rows[row + 1], strict=True)]
