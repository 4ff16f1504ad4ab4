"""What wakes an agent that stays: a schedule, a trigger, a mail. Each cause counts once.

A cause and what it leaves behind (the next time, the trigger's state, the last mail read) are
written in one transaction, so that a restart neither forgets a wake nor has it twice. A wake is
over when an episode has ended well and it is known what became of its acts; until then it wakes the
agent again, with what it did.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cronsim import CronSim, CronSimError
from handrail_drivers.errors import InvalidValue

from handrail_bridge.agents.memory import Memory, insert, short
from handrail_bridge.agents.missing import Missing
from handrail_bridge.reports import Mail

ATTEMPTS = 3  # episodes of one wake
PENDING = 8  # wakes by others' mail at a time; what is more, the agent may list by itself
AT_ONCE = 50_000  # characters of mail in one wake: the longest one fits, in all usual scripts
ESCAPE = 12  # characters that one sign takes at most, as JSON in ASCII
RETRY = 60.0  # s until the second one, which doubles
ORDER = "the operator's mail"  # the cause that comes before all others
MISSING = "hardware_missing"  # the fact that holds which devices are known not to be there
READ = "mail_read"  # the fact that holds the number of the last mail read


@dataclass(frozen=True, slots=True)
class Wake:
    """Why an agent is awake. ``earlier`` are the numbers of episodes that were cut off at it."""

    id: int
    time: float  # s since the epoch
    cause: str  # start, schedule, trigger, hardware, mail or the operator's mail
    text: str
    earlier: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trigger:
    """A predicate that wakes when it becomes true; afterwards it rests for ``rest`` [s]."""

    id: int
    predicate: dict[str, Any]
    text: str
    rest: float
    was: bool
    fired: float


class Wakes:
    """The causes in one agent's memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    # --- schedules ------------------------------------------------------------------------------

    def schedule(self, cron: str, text: str) -> int:
        """Wake at the times of a cron expression, local time; return the schedule's number.

        Raises:
            InvalidValue: no cron expression, or one that comes too often.
        """
        return self._memory.add("schedules", cron=cron, text=short(text), next=following(cron))

    def schedules(self) -> list[dict[str, Any]]:
        """Return the schedules, with the next time [s since the epoch] of each."""
        return [dict(row) for row in self._memory.base.rows("SELECT * FROM schedules ORDER BY id")]

    def due(self, now: float) -> None:
        """Write a wake for every schedule whose time has come; missed times count as one."""
        with self._memory.base.writing() as base:
            for row in base.execute("SELECT * FROM schedules WHERE next <= ?", (now,)).fetchall():
                when = datetime.fromtimestamp(row["next"]).isoformat(" ", "minutes")
                _wake(base, "schedule", f"{row['cron']} ({when}): {row['text']}")
                values = (following(row["cron"], now), row["id"])
                base.execute("UPDATE schedules SET next = ? WHERE id = ?", values)

    # --- triggers -------------------------------------------------------------------------------

    def watch(self, predicate: dict[str, Any], text: str, rest: float, now: bool = False) -> int:
        """Wake when a predicate becomes true, which it is ``now``; return the trigger's number.

        The same predicate with the same text is one trigger, of the last ``rest``.
        """
        values = {"predicate": json.dumps(predicate), "text": short(text), "rest": rest, "was": now}
        with self._memory.base.writing() as base:
            number = insert(base, "triggers", values)
            base.execute("UPDATE triggers SET rest = ? WHERE id = ?", (rest, number))
        return number

    def triggers(self) -> list[Trigger]:
        """Return the triggers."""
        return [
            Trigger(
                row["id"],
                json.loads(row["predicate"]),
                row["text"],
                row["rest"],
                bool(row["was"]),
                row["fired"],
            )
            for row in self._memory.base.rows("SELECT * FROM triggers ORDER BY id")
        ]

    def saw(self, trigger: Trigger, met: bool, sentence: str, now: float) -> None:
        """Tell what a trigger's predicate is; its becoming true is a wake, unless it rests."""
        rested = now - trigger.fired >= trigger.rest
        if met == trigger.was:
            return
        if met and not rested:
            return  # it stays false in memory, so that it wakes once it has rested
        with self._memory.base.writing() as base:
            fired = now if met else trigger.fired
            values = (met, fired, trigger.id)
            base.execute("UPDATE triggers SET was = ?, fired = ? WHERE id = ?", values)
            if met:
                _wake(base, "trigger", f"{sentence}: {trigger.text}")

    # --- mail -----------------------------------------------------------------------------------

    def last_read(self) -> int:
        """Return the number of the last mail read."""
        return int(self._memory.fact(READ, "0"))

    def received(self, mails: Sequence[Mail]) -> None:
        """Write wakes for mail that has come, and that it is read: the operator's by itself.

        Of others' mail so many wakes wait at most: a flood of it costs no more sessions than that.
        """
        for part in _parts(mails):
            with self._memory.base.writing() as base:
                cause = ORDER if part[0].by_operator else "mail"
                waiting = "SELECT count(*) FROM wakes WHERE done = 0 AND cause = ?"
                (count,) = base.execute(waiting, (cause,)).fetchone()
                if cause == ORDER or count < PENDING:
                    _wake(base, cause, "\n".join(told(mail) for mail in part))
                values = (READ, str(part[-1].number))
                base.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", values)

    def hardware(self, notices: Iterable[str]) -> None:
        """Write one wake for devices that have vanished or come back, and that it is known."""
        missing = Missing(json.loads(self._memory.fact(MISSING, "[]")))
        news = missing.news(notices)
        if not news:
            return
        with self._memory.base.writing() as base:
            _wake(base, "hardware", "\n".join(news))
            values = (MISSING, json.dumps(sorted(missing.known)))
            base.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", values)

    def give(self, goal: str) -> bool:
        """Keep the goal that an agent is started with, and write its wake: once for these words.

        Tells whether it is a new one.
        """
        with self._memory.base.writing() as base:
            if base.execute("SELECT id FROM goals WHERE text = ?", (short(goal),)).fetchone():
                return False
            insert(base, "goals", {"time": time.time(), "text": goal})
            _wake(base, "start", f"you were given this goal: {goal}")
            return True

    # --- wakes ----------------------------------------------------------------------------------

    def unsure(self, wake: Wake) -> list[str]:
        """Return what a wake's episodes have begun and nobody knows the end of."""
        query = (
            "SELECT tool, arguments FROM acts JOIN episodes ON episodes.id = acts.episode "
            "WHERE episodes.wake = ? AND acts.ended IS NULL ORDER BY acts.id"
        )
        rows = self._memory.base.rows(query, (wake.id,))
        return [f"{row['tool']} {row['arguments']}" for row in rows]

    def next(self, now: float) -> Wake | None:
        """Return the wake whose time has come: the operator's mail first, then the oldest."""
        query = "SELECT * FROM wakes WHERE done = 0 AND not_before <= ? "
        query += "ORDER BY cause <> ?, id LIMIT 1"
        rows = self._memory.base.rows(query, (now, ORDER))
        for row in rows:
            episodes = self._memory.base.rows(
                "SELECT id FROM episodes WHERE wake = ? ORDER BY id", (row["id"],)
            )
            earlier = tuple(episode["id"] for episode in episodes)
            return Wake(row["id"], row["time"], row["cause"], row["text"], earlier)
        return None

    def over(self, wake: Wake) -> None:
        """Write that a wake has been dealt with."""
        with self._memory.base.writing() as base:
            base.execute("UPDATE wakes SET done = 1 WHERE id = ?", (wake.id,))

    def again(self, wake: Wake, now: float) -> bool:
        """Let a wake come again later; tell whether it will, or has come often enough."""
        tried = len(wake.earlier) + 1
        if tried >= ATTEMPTS:
            self.over(wake)
            return False
        with self._memory.base.writing() as base:
            values = (now + RETRY * 2 ** (tried - 1), wake.id)
            base.execute("UPDATE wakes SET not_before = ? WHERE id = ?", values)
        return True

    def soonest(self, now: float) -> float:
        """Return how long [s] until a schedule, or a wake that waits, is due; infinite: never."""
        rows = self._memory.base.rows(
            "SELECT min(next) AS due FROM schedules UNION ALL "
            "SELECT min(not_before) FROM wakes WHERE done = 0"
        )
        times: Iterable[float] = (row["due"] for row in rows if row["due"] is not None)
        return max(0.0, min(times, default=float("inf")) - now)


def following(cron: str, after: float | None = None) -> float:
    """Return when [s since the epoch] a cron expression is next true, in local time.

    Raises:
        InvalidValue: it is none, or never is.
    """
    start = datetime.fromtimestamp(time.time() if after is None else after)
    try:
        times = CronSim(cron, start)
        if len(cron.split()) > 5:
            raise CronSimError("seconds are not served")
        return next(times).timestamp()
    except (CronSimError, StopIteration) as error:
        raise InvalidValue(
            f"{cron!r} is no cron expression that ever comes true ({error}).",
            field="cron",
            value=cron,
            hint="five fields: minute hour day month weekday, such as 30 7 * * 1-5",
        ) from None


def told(mail: Mail) -> str:
    """Return a mail as an agent reads it; its text is shown as JSON, so that it stays a quote."""
    who = "the operator" if mail.by_operator else "a program or person unknown"
    answer = f", answering {mail.answers}" if mail.answers else ""
    quote = json.dumps(mail.text)
    if len(quote) > AT_ONCE:  # nearly all of it would be escapes
        quote = f"{json.dumps(mail.text[: AT_ONCE // ESCAPE])} (cut: it has {len(mail.text)} signs)"
    return f"mail {mail.number} from {json.dumps(mail.sender)} ({who}){answer}: {quote}"


def readable(mails: Iterable[Mail]) -> list[str]:
    """Return the first mails as an agent reads them: as many as it should read at once."""
    return [told(mail) for mail in next(_parts(mails, apart=False), [])]


def _parts(mails: Iterable[Mail], apart: bool = True) -> Iterator[list[Mail]]:
    """Yield mail in parts that are read at once; ``apart``: the operator's without others'."""
    part: list[Mail] = []
    size = 0
    for mail in mails:
        length = len(told(mail))
        other = apart and bool(part) and part[-1].by_operator != mail.by_operator
        if part and (other or size + length > AT_ONCE):
            yield part
            part, size = [], 0
        part.append(mail)
        size += length
    if part:
        yield part


def _wake(base: sqlite3.Connection, cause: str, text: str) -> None:
    now = time.time()
    base.execute(
        "INSERT INTO wakes (time, cause, text, not_before) VALUES (?, ?, ?, ?)",
        (now, cause, text, now),
    )
