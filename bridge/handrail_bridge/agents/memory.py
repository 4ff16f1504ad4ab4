"""What an agent remembers: goals, notes, and a log of its episodes and acts. One file an agent.

An act is written before it is done and again afterwards. One that has no end was cut off, or its
answer was lost: nobody knows what became of it until somebody has looked (:meth:`uncertain`).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail_drivers.errors import InvalidValue, Refused, UnknownName

from handrail_bridge.database import Database
from handrail_bridge.run_dir import private

LONGEST = 4000  # characters of a goal or a note
MOST = 100  # goals, schedules or triggers at a time
WORDS = 12  # of a search
SAME = {  # what one has to share with another to be that one, set a second time
    "goals": ("text",),
    "schedules": ("cron", "text"),
    "triggers": ("predicate", "text"),
}
NAMES = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SCHEMA = """
CREATE TABLE IF NOT EXISTS goals (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, text TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open', why TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS wakes (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, cause TEXT NOT NULL, text TEXT NOT NULL,
    not_before REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS episodes (
    id INTEGER PRIMARY KEY, wake INTEGER NOT NULL, began REAL NOT NULL, ended REAL,
    outcome TEXT NOT NULL DEFAULT '', tokens INTEGER NOT NULL DEFAULT 0,
    metres REAL NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS acts (
    id INTEGER PRIMARY KEY, episode INTEGER NOT NULL, began REAL NOT NULL, tool TEXT NOT NULL,
    arguments TEXT NOT NULL, plan_digest TEXT NOT NULL, ended REAL,
    outcome TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS schedules (
    id INTEGER PRIMARY KEY, cron TEXT NOT NULL, text TEXT NOT NULL, next REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS triggers (
    id INTEGER PRIMARY KEY, predicate TEXT NOT NULL, text TEXT NOT NULL, rest REAL NOT NULL,
    was INTEGER NOT NULL DEFAULT 0, fired REAL NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE IF NOT EXISTS recall USING fts5 (text, kind UNINDEXED, time UNINDEXED);
"""
CUT_OFF = "interrupted"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing done, or begun. ``ended`` is None where nobody wrote down its end."""

    id: int
    episode: int
    began: float  # s since the epoch
    tool: str
    arguments: str  # JSON
    plan_digest: str
    ended: float | None
    outcome: str

    @property
    def became(self) -> str:
        """What became of it, in words."""
        return "nobody knows whether it was done" if self.ended is None else self.outcome


class Memory:
    """The memory of one agent of one cell; one process at a time has it open."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open or make the memory of the agent ``name`` in a cell's state directory.

        Raises:
            InvalidValue: no name that a file may have.
            Refused: another process has it open, or it cannot be written.
        """
        if not NAMES.fullmatch(name):
            raise InvalidValue(
                "An agent's name has 1 to 40 of a-z, 0-9, _ and -.", field="name", value=name
            )
        self.name = name
        own = private(folder / "agents")
        self._lock = os.open(own / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.base = Database(own / f"{name}.db", SCHEMA)
        except BlockingIOError:
            os.close(self._lock)
            raise Refused(
                f"An agent named {name!r} is at work already.", field="name", hint="choose a --name"
            ) from None
        except Refused:
            os.close(self._lock)
            raise
        self._cut_off()

    def close(self) -> None:
        """Close the file and let another process in."""
        self.base.close()
        os.close(self._lock)

    # --- goals and notes ------------------------------------------------------------------------

    def set_goal(self, text: str) -> int:
        """Keep a goal until it is closed; return its number."""
        return self.add("goals", time=time.time(), text=short(text))

    def close_goal(self, number: int, state: str, why: str) -> None:
        """Close an open goal as ``done`` or ``dropped``.

        Raises:
            UnknownName: there is no open goal of this number.
        """
        with self.base.writing() as base:
            done = base.execute(
                "UPDATE goals SET state = ?, why = ? WHERE id = ? AND state = 'open'",
                (state, short(why), number),
            )
            if not done.rowcount:
                raise UnknownName("open goal", str(number), map(str, self.goals()), "goal")

    def goals(self) -> dict[int, str]:
        """Return the open goals by number."""
        rows = self.base.rows("SELECT id, text FROM goals WHERE state = 'open' ORDER BY id")
        return {row["id"]: row["text"] for row in rows}

    def note(self, text: str) -> int:
        """Keep a note; return its number."""
        number = self.add("notes", time=time.time(), text=short(text))
        self._recall("note", text)
        return number

    def notes(self, last: int) -> list[str]:
        """Return the newest notes, the oldest of them first."""
        rows = self.base.rows("SELECT text FROM notes ORDER BY id DESC LIMIT ?", (last,))
        return [row["text"] for row in reversed(rows)]

    def search(self, words: str, most: int = 10) -> list[dict[str, Any]]:
        """Return notes and episodes in which any of these words is, the best first."""
        quoted = [f'"{word}"' for word in re.findall(r"\w+", words)[:WORDS]]
        if not quoted:
            return []
        query = "SELECT kind, time, text FROM recall WHERE recall MATCH ? ORDER BY rank LIMIT ?"
        return [dict(row) for row in self.base.rows(query, (" OR ".join(quoted), most))]

    # --- episodes and acts ----------------------------------------------------------------------

    def begin_episode(self, wake: int = 0) -> int:
        """Write that an episode begins; 0 is one that a person at a terminal asked for."""
        return self.add("episodes", wake=wake, began=time.time())

    def end_episode(self, number: int, outcome: str, tokens: int, metres: float) -> None:
        """Write how an episode ended."""
        with self.base.writing() as base:
            base.execute(
                "UPDATE episodes SET ended = ?, outcome = ?, tokens = ?, metres = ? WHERE id = ?",
                (time.time(), outcome, tokens, metres, number),
            )
        self._recall("episode", outcome)

    def spend(self, number: int, tokens: int, metres: float) -> None:
        """Write what a running episode has spent so far, so that a crash does not forget it."""
        with self.base.writing() as base:
            base.execute(
                "UPDATE episodes SET tokens = ?, metres = ? WHERE id = ?", (tokens, metres, number)
            )

    def tokens_since(self, moment: float) -> int:
        """Return the tokens of all episodes that began since a time [s]."""
        rows = self.base.rows(
            "SELECT coalesce(sum(tokens), 0) AS spent FROM episodes WHERE began >= ?", (moment,)
        )
        return int(rows[0]["spent"])

    def begin_act(
        self, episode: int, tool: str, arguments: Mapping[str, Any], plan_digest: str = ""
    ) -> int:
        """Write that something is about to be done. Raises Refused where it cannot be written."""
        return self.add(
            "acts",
            episode=episode,
            began=time.time(),
            tool=tool,
            arguments=json.dumps(dict(arguments)),
            plan_digest=plan_digest,
        )

    def end_act(self, number: int, outcome: str) -> None:
        """Write what became of an act."""
        with self.base.writing() as base:
            base.execute(
                "UPDATE acts SET ended = ?, outcome = ? WHERE id = ?",
                (time.time(), outcome[:LONGEST], number),
            )

    def acts(self, episode: int) -> list[Act]:
        """Return what an episode did, in order."""
        rows = self.base.rows("SELECT * FROM acts WHERE episode = ? ORDER BY id", (episode,))
        return [Act(**row) for row in rows]

    def uncertain(self) -> list[Act]:
        """Return the acts that were begun and have no end: nobody knows what became of them."""
        return [
            Act(**row)
            for row in self.base.rows("SELECT * FROM acts WHERE ended IS NULL ORDER BY id")
        ]

    # --- the file -------------------------------------------------------------------------------

    def add(self, table: str, **values: Any) -> int:
        """Write one row and return its number; one that is the same as another stays that one.

        Raises:
            Refused: the file cannot be written, or there are too many already.
        """
        with self.base.writing() as base:
            return insert(base, table, values)

    def remove(self, table: str, number: int) -> None:
        """Take out one schedule or trigger. Raises UnknownName where there is none."""
        with self.base.writing() as base:
            if not base.execute(f"DELETE FROM {table} WHERE id = ?", (number,)).rowcount:  # noqa: S608 # our own words
                rows = base.execute(f"SELECT id FROM {table}").fetchall()  # noqa: S608 # our own words
                known = (str(row["id"]) for row in rows)
                raise UnknownName(table.removesuffix("s"), str(number), known, "number")

    def fact(self, name: str, otherwise: str = "") -> str:
        """Return a small thing that is remembered by name."""
        rows = self.base.rows("SELECT value FROM facts WHERE name = ?", (name,))
        return str(rows[0]["value"]) if rows else otherwise

    def remember(self, name: str, value: str) -> None:
        """Remember a small thing by name."""
        with self.base.writing() as base:
            base.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _recall(self, kind: str, text: str) -> None:
        with self.base.writing() as base:
            base.execute("INSERT INTO recall VALUES (?, ?, ?)", (text, kind, time.time()))

    def _cut_off(self) -> None:
        """Close the episodes of a process that died; their wakes wait again."""
        with self.base.writing() as base:
            base.execute(
                "UPDATE episodes SET ended = ?, outcome = ? WHERE ended IS NULL",
                (time.time(), CUT_OFF),
            )


def insert(base: sqlite3.Connection, table: str, values: Mapping[str, Any]) -> int:
    """Write one row in a transaction that is open, as :meth:`Memory.add` does."""
    if table in SAME:
        where = " WHERE state = 'open'" if table == "goals" else ""
        kept = base.execute(f"SELECT * FROM {table}{where}").fetchall()  # noqa: S608 # our own words
        for row in kept:
            if all(row[name] == values[name] for name in SAME[table]):
                return int(row["id"])
        if len(kept) >= MOST:
            raise Refused(f"There are {MOST} {table} already.", limit=MOST)
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    query = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 # our own words
    return int(base.execute(query, tuple(values.values())).lastrowid or 0)


def short(text: str) -> str:
    """Return a text, or refuse one that is empty or too long to keep.

    Raises:
        InvalidValue: it is.
    """
    if not text.strip() or len(text) > LONGEST:
        raise InvalidValue(
            f"A text to remember has 1 to {LONGEST} characters.",
            field="text",
            value=len(text),
            limit=LONGEST,
        )
    return text
