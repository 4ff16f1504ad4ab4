"""The mailbox of a cell: what agents, people and programs tell one another. It moves nothing.

Mail is numbered and stays: a reader remembers the last number that it has read. Only the newest
:data:`KEPT` are kept; of the operator's as many, whatever others send.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from handrail.v1 import mail_pb2, mail_pb2_grpc
from handrail_drivers.errors import InvalidValue

from handrail_bridge.database import Database
from handrail_bridge.reports import Mail
from handrail_bridge.rpc.messages import write_mail
from handrail_bridge.server.answering import Context, answering, is_operators
from handrail_bridge.server.places import LETTERS, READERS, Places

NAME = "mail.db"
KEPT = 10_000
LONGEST = 8192  # characters of a text
LONGEST_NAME = 80
AT_ONCE = 200
USUAL = 50
PATIENCE = 60.0  # s, longest wait for mail
SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, text TEXT NOT NULL, by_operator INTEGER NOT NULL,
    answers INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS mail_for ON mail (recipient, number);
CREATE INDEX IF NOT EXISTS mail_by ON mail (by_operator, number);
"""


FORGET = """
DELETE FROM mail WHERE by_operator = :by_operator AND number <= (
    SELECT number FROM mail WHERE by_operator = :by_operator
    ORDER BY number DESC LIMIT 1 OFFSET :kept
)
"""


class Mailbox:
    """The mail of one cell, in a file in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._base = Database(folder / NAME, SCHEMA)
        # The operator's are apart: nobody else takes them.
        self._readers = {who: Places(READERS, "waits for mail") for who in (True, False)}
        self._letters = {who: Places(LETTERS, "calls of the mailbox") for who in (True, False)}
        self._arrived = asyncio.Event()

    async def send(
        self, sender: str, recipient: str, text: str, answers: int = 0, by_operator: bool = False
    ) -> Mail:
        """Deliver one mail; it is on the disk when this returns.

        Raises:
            InvalidValue: a part is empty or too long.
            Refused: it cannot be written, or too many are being written.
        """
        _require("sender", sender, LONGEST_NAME)
        _require("recipient", recipient, LONGEST_NAME)
        _require("text", text, LONGEST)
        row = (time.time(), sender, recipient, text, by_operator, answers)
        with self._letters[by_operator]:
            number = await asyncio.to_thread(self._insert, row)
        self._arrived.set()
        self._arrived = asyncio.Event()
        return Mail(number, *row)

    def _insert(self, row: tuple[Any, ...]) -> int:
        *_, by_operator, _ = row
        columns = "time, sender, recipient, text, by_operator, answers"
        with self._base.writing() as base:
            done = base.execute(f"INSERT INTO mail ({columns}) VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608 # our own words
            number = int(done.lastrowid or 0)
            base.execute(FORGET, {"by_operator": by_operator, "kept": KEPT})
        return number

    async def newer(
        self,
        recipient: str = "",
        after: int = 0,
        limit: int = 0,
        wait: float = 0.0,
        by_operator: bool = False,
    ) -> list[Mail]:
        """Return mail newer than ``after``, the oldest first; wait for some where there is none.

        Raises:
            InvalidValue: a limit or a wait out of range.
            Refused: too many wait already, or look at this moment.
        """
        _require_range("limit", limit, AT_ONCE, "1")
        _require_range("wait_s", wait, PATIENCE, "s")
        with self._letters[by_operator]:
            found = await self._found(recipient, after, limit)
        if found or not wait:
            return found
        with self._readers[by_operator]:
            return await self._await(recipient, after, limit, wait)

    async def _await(self, recipient: str, after: int, limit: int, wait: float) -> list[Mail]:
        try:
            async with asyncio.timeout(wait):
                while True:
                    arrived = self._arrived
                    if found := await self._found(recipient, after, limit):
                        return found
                    await arrived.wait()
        except TimeoutError:
            return []

    async def _found(self, recipient: str, after: int, limit: int) -> list[Mail]:
        query = "SELECT * FROM mail WHERE number > ? AND (? = '' OR recipient = ?) "
        query += "ORDER BY number LIMIT ?"
        values = (after, recipient, recipient, limit or USUAL)
        rows = await asyncio.to_thread(self._base.rows, query, values)
        return [Mail(**{**row, "by_operator": bool(row["by_operator"])}) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._base.close()


class MailService(mail_pb2_grpc.MailboxServicer):
    """handrail.v1.Mailbox, for agents and operators alike."""

    def __init__(self, box: Mailbox) -> None:
        self._box = box

    @answering
    async def Send(self, request: mail_pb2.SendRequest, context: Context) -> mail_pb2.SendResponse:
        mail = await self._box.send(
            request.sender,
            request.recipient,
            request.text,
            request.answers,
            is_operators(context),
        )
        return mail_pb2.SendResponse(mail=write_mail(mail))

    @answering
    async def List(self, request: mail_pb2.ListRequest, context: Context) -> mail_pb2.ListResponse:
        found = await self._box.newer(
            request.recipient,
            request.after,
            request.limit,
            request.wait_s,
            is_operators(context),
        )
        return mail_pb2.ListResponse(mails=[write_mail(mail) for mail in found])


def _require(field: str, text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest:
        raise InvalidValue(
            f"{field} has 1 to {longest} characters.", field=field, value=len(text), limit=longest
        )


def _require_range(field: str, value: float, most: float, unit: str) -> None:
    if not 0 <= value <= most:
        raise InvalidValue(
            f"{field} goes from 0 to {most:g}.", field=field, value=value, limit=most, unit=unit
        )
