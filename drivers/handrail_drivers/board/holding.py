"""Which outputs a session keeps off their safe values, and how often the board let go of any."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

WRAP = 0x10000  # at which the board's counters begin anew


class Holding:
    """Outputs by name. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[int, float]] = {}  # raw value, and since when [s]
        self._made_safe: dict[str, float] = {}  # when [s]: a command of before is not kept

    def outputs(self) -> dict[str, tuple[int, float]]:
        """Return what is kept: raw values, and since when they are allowed [s, monotonic]."""
        with self._lock:
            return dict(self._held)

    def keeps(self, name: str, raw: int) -> bool:
        """Tell whether an output is kept at a raw value."""
        with self._lock:
            return name in self._held and self._held[name][0] == raw

    def keep(self, name: str, raw: int, asked: float) -> bool:
        """Keep an output where it was set; tell whether nothing made it safe since ``asked``."""
        with self._lock:
            if asked <= self._made_safe.get(name, 0.0):
                return False
            self._held[name] = (raw, asked)
            return True

    def forget(self, name: str) -> None:
        """Keep an output no more."""
        with self._lock:
            self._held.pop(name, None)

    def let_go(self, names: Iterable[str]) -> None:
        """Keep these no more, nor what is being commanded for them now."""
        with self._lock:
            for name in names:
                self._held.pop(name, None)
                self._made_safe[name] = time.monotonic()


class Tally:
    """How often the board has made outputs safe by itself, as far as is known here.

    Args:
        counted: how often it had when the session began.
    """

    def __init__(self, counted: int) -> None:
        self._lock = threading.Lock()
        self._known = counted

    def heard(self) -> None:
        """Count one that it has told."""
        with self._lock:
            self._known += 1

    def lost(self, counted: int) -> int:
        """Return how many of those that it counts were not heard of; they are known from now on."""
        with self._lock:
            lost = (counted - self._known) % WRAP
            if lost > WRAP // 2:  # none: others were heard since it counted
                return 0
            self._known += lost
            return lost
