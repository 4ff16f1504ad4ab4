"""One load on a running cell, as a process of its own: ``python -m ... NAME ADDRESS``, until ended.

Prints a line once it has begun in earnest.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from handrail_drivers.errors import HandrailError

from handrail_bridge.client import Client

CLIENTS = 64
CONSOLE = 50.0  # Hz
SWEEP = {"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.8}, "speed": 0.15}
BACK = {"tool": "arm_move_joints", "positions": {"shoulder_pan": -0.8}, "speed": 0.15}

Work = Callable[[Client], Awaitable[object]]


async def ask(rail: Client) -> None:
    """One call."""
    await rail.cell()


async def watch(rail: Client) -> None:
    """The console's state stream, for a while."""
    left = int(CONSOLE)
    async for _ in rail.watch(CONSOLE):
        left -= 1
        if left == 0:
            return


async def check(rail: Client) -> None:
    """Check some 14 s of motion."""
    await rail.check({"steps": [SWEEP, BACK]})


async def look(rail: Client) -> None:
    """Take a picture, find what is on it, and have it sent."""
    await rail.call("look")
    await rail.grab("overhead")


# By name: how many clients do what.
LOADS: dict[str, tuple[int, Work]] = {
    f"{CLIENTS} gRPC clients": (CLIENTS, ask),
    f"state stream at {CONSOLE:.0f} Hz": (1, watch),
    "checks on every core": (len(os.sched_getaffinity(0)), check),
    "camera and perception": (1, look),
}


async def main() -> None:
    """Work until the process is ended."""
    clients, work = LOADS[sys.argv[1]]
    async with AsyncExitStack() as stack:
        rails = [
            await stack.enter_async_context(Client.connect(sys.argv[2])) for _ in range(clients)
        ]
        await asyncio.gather(*(work(rail) for rail in rails))
        print("begun", flush=True)  # noqa: T201  for who waits
        await asyncio.gather(*(_again(work, rail) for rail in rails))


async def _again(work: Work, rail: Client) -> None:
    while True:
        try:
            await work(rail)
        except HandrailError as error:  # the machine is too busy; that is what it is for
            print(error, file=sys.stderr)  # noqa: T201
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main())
