"""Notes in the audit log: stops, behind their back since they may not wait, and what is done."""

from __future__ import annotations

import asyncio
import logging

from handrail_drivers.errors import Refused

from handrail_bridge.rail.receipts import Receipts

PENDING = 16  # notes that wait for the disk at most; more of them say nothing new
PATIENCE = 5.0  # s that the end of a bridge waits for them

log = logging.getLogger(__name__)


class Notes:
    """Notes of one run. A log that cannot be written has a line in the other log."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._pending: dict[str, asyncio.Task[None]] = {}

    def add(self, what: str) -> None:
        """Have something written down soon; never waits. What waits already is not repeated."""
        if what in self._pending:
            return
        if len(self._pending) >= PENDING:
            log.warning("not written down, since the disk does not keep up: %s", what)
            return
        task = asyncio.create_task(self.write(what))
        self._pending[what] = task
        task.add_done_callback(lambda _: self._pending.pop(what))

    async def require(self, what: str) -> None:
        """Write down what is about to be done. Raises Refused where that cannot be written."""
        await self._receipts.written(self._receipts.note, what)

    async def write(self, what: str) -> None:
        """Write down what was done; a log that cannot be written does not undo it."""
        try:
            await self.require(what)
        except Refused as error:
            log.warning("%s", error)

    async def close(self) -> None:
        """Wait until all is written, for some time."""
        if self._pending:
            await asyncio.wait(self._pending.values(), timeout=PATIENCE)
