"""The audit log: what was asked, permitted, done and measured; append-only and hash-chained.

An SQLite file in WAL mode. Every entry is on the disk before :meth:`AuditLog.append` returns, and
its hash covers the one before, so that no entry can be changed, taken out or put in between
without :func:`verify` naming the place. Entries cut off at the end show only to who kept a later
head: ``handrail audit verify`` prints it and takes it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail_drivers.errors import AuditBroken, Refused

NAME = "audit.db"
FIRST = "0" * 64  # what the first entry's hash covers
BUSY = 2.0  # s to wait for another process that reads or writes
COLUMNS = "SELECT number, time, event, body, hash FROM entries"
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, event TEXT NOT NULL,
    body TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entries_are_fixed BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``time`` [s] since the epoch; ``hash`` covers all of it and the entry before."""

    number: int
    time: float
    event: str
    body: dict[str, Any]
    hash: str


class AuditLog:
    """One cell's log, open for appending."""

    def __init__(self, folder: Path) -> None:
        """Open or make the log in a folder.

        Raises:
            Refused: it cannot be written.
        """
        self.path = folder / NAME
        self._lock = threading.Lock()  # entries come from several threads
        try:
            self._base = _connect(self.path, "rwc")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")  # each commit is on the disk
            self._base.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    def append(self, event: str, **body: Any) -> Entry:
        """Write one entry; it is on the disk when this returns.

        Raises:
            Refused: it cannot be written; the log is as before.
        """
        with self._lock:
            try:
                return self._insert(event, json.dumps(body))
            except sqlite3.Error as error:
                raise self._unwritable(error) from error

    def entries(self, last: int) -> list[Entry]:
        """Return the last entries, oldest first."""
        with self._lock:
            return list(_last(self._base, last))

    def newest(self, *events: str) -> Entry | None:
        """Return the last entry of one of these events."""
        among = ", ".join("?" * len(events))
        query = f"{COLUMNS} WHERE event IN ({among}) ORDER BY number DESC LIMIT 1"
        with self._lock:
            row = self._base.execute(query, events).fetchone()
        return _entry(row) if row else None

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _insert(self, event: str, body: str) -> Entry:
        base = self._base
        with base:  # commits, or rolls back
            base.execute("BEGIN IMMEDIATE")  # who else writes waits: the chain does not fork
            found = base.execute("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1")
            number, before = found.fetchone() or (0, FIRST)
            now = time.time()
            digest = _digest(before, number + 1, now, event, body)
            row = (number + 1, now, event, body, digest)
            base.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
        return Entry(number + 1, now, event, json.loads(body), digest)

    def _unwritable(self, error: sqlite3.Error) -> Refused:
        return Refused(
            f"The audit log {self.path} cannot be written ({error}); "
            "nothing moves that leaves no record.",
            field="audit",
            hint="make room on the disk, or make the folder writable, and restart",
        )


def read(path: Path, last: int) -> list[Entry]:
    """Return the last entries of a log, oldest first, without writing to it.

    Raises:
        AuditBroken: it is not there, or is no such log.
    """
    with _reading(path) as base:
        return list(_last(base, last))


def verify(path: Path, head: str = "") -> Entry:
    """Compute the whole chain again and return its last entry.

    Args:
        path: the log's file.
        head: a hash that was printed earlier; it has to be in the chain.

    Raises:
        AuditBroken: an entry was changed, taken out or put in, or the log was cut off; it says
            where.
    """
    with _reading(path) as base:
        before, number, kept = FIRST, 0, not head
        last: Entry | None = None
        for row in base.execute(f"{COLUMNS} ORDER BY number"):
            if row[0] != number + 1:
                raise _broken(path, f"entry {number + 1} is missing", number + 1)
            number = row[0]
            if _digest(before, *row[:4]) != row[4]:
                raise _broken(path, f"entry {number} is not what was written", number)
            before = row[4]
            kept = kept or before == head
            last = _entry(row)
    if last is None:
        raise _broken(path, "it has no entries", 0)
    if not kept:
        raise _broken(path, f"the head {head[:12]} is not in it: entries were cut off", number)
    return last


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A log that is open for reading while the block runs; what is wrong with it is our error."""
    try:
        with contextlib.closing(_connect(path, "ro")) as base:
            yield base
    except (sqlite3.Error, ValueError) as error:
        raise _broken(path, f"it cannot be read ({error})", 0) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY,
        isolation_level=None,
        check_same_thread=False,
    )


def _last(base: sqlite3.Connection, count: int) -> Iterator[Entry]:
    found = base.execute(f"{COLUMNS} ORDER BY number DESC LIMIT ?", (count,)).fetchall()
    yield from map(_entry, reversed(found))


def _entry(row: tuple[int, float, str, str, str]) -> Entry:
    number, when, event, body, digest = row
    return Entry(number, when, event, json.loads(body), digest)


def _digest(before: str, number: int, when: float, event: str, body: str) -> str:
    """Hash an entry with the one before; JSON keeps its parts apart."""
    covered = json.dumps([before, number, repr(when), event, body])
    return hashlib.sha256(covered.encode()).hexdigest()


def _broken(path: Path, what: str, number: int) -> AuditBroken:
    return AuditBroken(
        f"The audit log {path} cannot be trusted: {what}.",
        field="entry",
        value=number,
        hint="keep the file as evidence; a copy from before tells what was there",
    )
