"""What a stop brings to rest besides the loops: devices that no loop moves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from handrail_bridge.rail.notes import Notes

END = 15.0  # s: longer than any exchange with its repetitions

log = logging.getLogger(__name__)


class Resting:
    """Begins at every stop, also where another one is on its way; what fails is written down.

    Args:
        rest: brings everything to rest; says what did not come to it.
        notes: for the audit log.
    """

    def __init__(self, rest: Callable[[], Awaitable[str]], notes: Notes) -> None:
        self._rest, self._notes = rest, notes
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> asyncio.Task[None]:
        """Begin at once; whoever wants to know may wait for the task."""
        task = asyncio.create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Wait for what has begun, for some time: a plugin may hang."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END)

    async def _run(self) -> None:
        try:
            failed = await self._rest()
        except Exception as error:  # ours: it has to be known at least
            log.exception("what no loop moves could not be brought to rest")
            failed = repr(error)
        if failed:
            log.warning("%s", failed)
            self._notes.add(failed)
