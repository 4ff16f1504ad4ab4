"""SQLite files of ours: how they are opened, and what is said when they fail."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from handrail_drivers.errors import Refused

BUSY = 2.0  # s to wait for another process that reads or writes


class Database:
    """One file in WAL mode; what :meth:`writing` leaves is on the disk. Safe between threads."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open or make the file.

        Raises:
            Refused: it cannot be written.
        """
        self.path = path
        self._lock = threading.RLock()
        with self._telling():
            self._base = sqlite3.connect(
                path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            self._base.row_factory = sqlite3.Row
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")  # each commit is on the disk
            self._base.executescript(schema)
        path.chmod(0o600)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block is written, or nothing.

        Raises:
            Refused: it cannot be written; the file is as before.
        """
        with self._lock, self._telling(), self._base:
            self._base.execute("BEGIN IMMEDIATE")
            yield self._base

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return what a query finds."""
        with self._lock, self._telling():
            return self._base.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise Refused(
                f"{self.path} cannot be used ({error}).",
                field=str(self.path),
                hint="make room on the disk, and the folder writable",
            ) from error
