"""Which outputs a session keeps off their safe values, and what of before is void."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable


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
