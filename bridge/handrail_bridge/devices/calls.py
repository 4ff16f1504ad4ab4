"""Calls of devices' methods, which may wait for a wire: each in a thread, and not too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from handrail_drivers.errors import Refused

MOST = 32  # at a time; the bridge has more threads (bridge.py)


class DeviceCalls:
    """Counts threads, not callers: who leaves before the device has answered leaves its thread."""

    def __init__(self) -> None:
        self._running = 0

    async def call(self, method: Callable[[], Any]) -> Any:
        """Return what a method returns, off the event loop.

        Raises:
            Refused: too many wait already; and what the method raises.
        """
        if self._running >= MOST:
            raise Refused(
                f"{MOST} calls wait for devices already.", limit=MOST, hint="try again later"
            )
        self._running += 1
        calling = asyncio.get_running_loop().run_in_executor(None, method)
        calling.add_done_callback(self._ended)
        return await asyncio.shield(calling)

    def _ended(self, called: asyncio.Future[Any]) -> None:
        self._running -= 1
        if not called.cancelled():
            called.exception()  # where nobody is left to be told
