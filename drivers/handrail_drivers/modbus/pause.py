"""How long a unit, or a line, is left alone after it failed."""

from __future__ import annotations

import time

FIRST_PAUSE = 0.5  # s that a silent unit is left alone
LONGEST_PAUSE = 10.0  # s


class Pause:
    """Twice as long after each failure, up to a cap. ``until`` [s]: monotonic; 0: all is well."""

    __slots__ = ("_longest", "_seconds", "until")

    def __init__(self, longest: float = LONGEST_PAUSE) -> None:
        self._longest = longest  # s
        self._seconds = self.until = 0.0

    def failed(self) -> None:
        """Wait twice as long as the last time."""
        self._seconds = min(self._longest, 2 * self._seconds or FIRST_PAUSE)
        self.until = time.monotonic() + self._seconds

    def well(self) -> None:
        """Forget the past."""
        self._seconds = self.until = 0.0

    @property
    def left(self) -> float:
        """Time until it is tried again [s]."""
        return max(0.0, self.until - time.monotonic()) if self.until else 0.0
