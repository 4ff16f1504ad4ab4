"""Waiting for what others do (a thread, a process, the world); a test fails where it never is."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from handrail_bridge.loop.loops import Loops
    from handrail_bridge.loop.state import LoopState

T = TypeVar("T")

LIMIT = 20.0  # s
PAUSE = 0.01  # s between two looks


def until(what: Callable[[], T], limit: float = LIMIT) -> T:
    """Return the first true answer of ``what``; fail after ``limit`` [s]."""
    deadline = time.monotonic() + limit
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not within {limit:g} s: {what}"
        time.sleep(PAUSE)
    return answer


async def until_async(what: Callable[[], Any], limit: float = LIMIT) -> Any:
    """The same beside an event loop that goes on; ``what`` may be a coroutine function."""
    async with asyncio.timeout(limit):
        while True:
            answer = what()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(PAUSE)


async def state_where(loops: Loops, true: Callable[[LoopState], bool]) -> LoopState:
    """Return the first state of the loops that is so."""
    state: LoopState = await until_async(lambda: (now := loops.state()) and true(now) and now)
    return state
