"""A thread for each device: what brings one to rest waits for no client, and for no other device.

The bridge's other threads are shared with all that clients have it do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from handrail_drivers.errors import HandrailError

log = logging.getLogger(__name__)


class OwnThreads:
    """Begins the same act with several devices at once; each does its own in turn.

    Args:
        devices: by name.
    """

    def __init__(self, devices: Mapping[str, object]) -> None:
        self._devices = devices
        self._threads = {name: ThreadPoolExecutor(1, f"{name} rest") for name in devices}

    def begin(self, act: str) -> asyncio.Future[list[str]]:
        """Have every device do something, begun when this returns.

        The future has for each what went wrong, in a sentence; empty where nothing did.
        """
        loop = asyncio.get_running_loop()
        begun = [
            loop.run_in_executor(thread, getattr(self._devices[name], act))
            for name, thread in self._threads.items()
        ]
        return asyncio.gather(*map(_outcome, begun))

    async def close(self) -> str:
        """Close every device, and return what went wrong."""
        failed = " ".join(filter(None, await self.begin("close")))
        if failed:
            log.warning("%s", failed)
        for thread in self._threads.values():
            thread.shutdown(wait=False)
        return failed


async def _outcome(begun: asyncio.Future[None]) -> str:
    """Return what went wrong; whatever it was keeps no other device from its end."""
    try:
        await begun
    except HandrailError as error:
        return str(error)
    except Exception as error:
        log.exception("a device failed")
        return repr(error)
    return ""
