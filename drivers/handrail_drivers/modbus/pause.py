"""How long a unit, or a line, is left alone after it failed."""

from __future__ import annotations

import time

FIRST_PAUSE = 0.5  # s that a silent unit is left alone
LONGEST_PAUSE = 10.0  # s
RETURNS = 1.5  # s, likewise, of one that has answered before: it is back within two
LOOK = 0.1  # s at least that such a one is waited for, so that it costs its neighbours little


class Pause:
    """Twice as long after each failure, up to a cap. ``until`` [s]: monotonic; 0: all is well."""

    __slots__ = ("_longest", "_seconds", "_slowest", "until")

    def __init__(self, longest: float = LONGEST_PAUSE) -> None:
        self._longest = longest  # s
        self._slowest = 0.0  # s that an answer took; 0: there was none yet
        self._seconds = self.until = 0.0

    def failed(self) -> None:
        """Wait twice as long as the last time."""
        self._seconds = min(self._longest, 2 * self._seconds or FIRST_PAUSE)
        self.until = time.monotonic() + self._seconds

    def answered(self, took: float) -> None:
        """Know that it is there, and how long [s] an answer of its took."""
        self._slowest = max(self._slowest, took)
        self._longest = min(self._longest, RETURNS)
        if self.until:
            self.well()

    def patience(self, timeout: float) -> float:
        """Return how long [s] an answer is waited for: less where one looks whether it is back."""
        if not self.until or not self._slowest:
            return timeout
        return min(timeout, max(LOOK, 2 * self._slowest))

    def well(self) -> None:
        """Begin anew with the shortest pause."""
        self._seconds = self.until = 0.0

    @property
    def is_gone(self) -> bool:
        """Whether it failed more than once in a row: one question may be missed."""
        return self._seconds > FIRST_PAUSE

    @property
    def left(self) -> float:
        """Time until it is tried again [s]."""
        return max(0.0, self.until - time.monotonic()) if self.until else 0.0
