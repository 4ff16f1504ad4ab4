"""When every tick was due, began and had written: for benches, kept in memory until the end."""

from __future__ import annotations

from array import array
from pathlib import Path

KEPT = 131_072  # ticks: the newest
COLUMNS = 3


class Trace:
    """Rows of (due, began, written) [ns, monotonic], int64 in the file."""

    def __init__(self, file: str) -> None:
        self._file = Path(file)
        self._times = array("q", bytes(8 * COLUMNS * KEPT))
        self._ticks = 0

    def note(self, due_ns: int, began_ns: int, written_ns: int) -> None:
        """Keep one tick."""
        at = COLUMNS * (self._ticks % KEPT)
        self._times[at], self._times[at + 1], self._times[at + 2] = due_ns, began_ns, written_ns
        self._ticks += 1

    def save(self) -> None:
        """Write what was kept, oldest first."""
        at = COLUMNS * (self._ticks % KEPT)
        kept = self._times[at:] + self._times[:at] if self._ticks > KEPT else self._times[:at]
        self._file.write_bytes(kept.tobytes())
