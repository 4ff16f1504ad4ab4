"""When a rollout's rows are: of which step of the plan, and how long after its beginning."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows at ``rate`` [Hz], row 0 before the first setpoint; step i begins at ``step_rows[i]``.

    ``step_rows`` ends with the number of setpoints; rows after it belong to the last step.
    """

    step_rows: Sequence[int]
    rate: float

    def moment(self, row: int) -> tuple[int, float]:
        """Return the step and the time [s] of a row."""
        step = bisect_right(self.step_rows, max(row - 1, 0)) - 1
        return min(step, len(self.step_rows) - 2), row / self.rate

    def row(self, time: float) -> int:
        """Return the row of a time [s]."""
        return round(time * self.rate)

    def thinned(self, every: int) -> Timeline:
        """Return the timeline of every so manieth row."""
        return Timeline([-(-row // every) for row in self.step_rows], self.rate / every)
