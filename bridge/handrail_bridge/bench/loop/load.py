"""One load on a running cell, as a process of its own: ``python -m ... NAME ADDRESS``.

Prints a line once it has begun in earnest.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from handrail_drivers.errors import HandrailError, ProcessLost

from handrail_bridge.client import Client

CLIENTS = 64
CONSOLE = 50.0  # Hz
CHECKS = "checks on every core"
INFERENCE = "camera and inference"

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


async def look(rail: Client) -> None:
    """Have the newest picture looked at, and sent."""
    await rail.call("look")
    await rail.grab("overhead")


# By name: how many clients do what, beside what the cell does by itself.
LOADS: dict[str, tuple[int, Work]] = {
    f"{CLIENTS} gRPC clients": (CLIENTS, ask),
    f"state stream at {CONSOLE:.0f} Hz": (1, watch),
    INFERENCE: (1, look),
}
NAMES = (*LOADS, CHECKS)


async def main() -> None:
    """Work until the process is ended."""
    if sys.argv[1] == CHECKS:
        await check_everywhere()
        return
    clients, work = LOADS[sys.argv[1]]
    async with AsyncExitStack() as stack:
        rails = [
            await stack.enter_async_context(Client.connect(sys.argv[2])) for _ in range(clients)
        ]
        await asyncio.gather(*(work(rail) for rail in rails))
        print("begun", flush=True)  # noqa: T201  for who waits
        await asyncio.gather(*(_again(work, rail) for rail in rails))


async def check_everywhere() -> None:
    """Check plans, in as many processes as there are cores: a bridge has one of them."""
    command = [sys.executable, "-m", f"{__package__}.checks", str(os.getpid())]
    pipe = asyncio.subprocess.PIPE
    cores = range(len(os.sched_getaffinity(0)))
    checkers = [await asyncio.create_subprocess_exec(*command, stdout=pipe) for _ in cores]
    for checker in checkers:
        if checker.stdout is None or not await checker.stdout.readline():
            raise ProcessLost("A process that checks plans did not begin.")
    print("begun", flush=True)  # noqa: T201  for who waits
    await asyncio.gather(*(checker.wait() for checker in checkers))


async def _again(work: Work, rail: Client) -> None:
    while True:
        try:
            await work(rail)
        except HandrailError as error:  # the machine is too busy; that is what it is for
            print(error, file=sys.stderr)  # noqa: T201
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main())
