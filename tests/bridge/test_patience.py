"""Many waits with one timer: who waits too long is told, whoever cancelled somebody has the say."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from handrail_bridge.client import tool_calls
from handrail_bridge.client.patience import RINGS, Patience
from handrail_bridge.client.tool_calls import ToolCalls
from handrail_drivers.errors import ProcessLost

SOON = 0.02  # s
LONG = 60.0  # s


async def never() -> None:
    await asyncio.Event().wait()


async def test_a_wait_that_does_not_end_is_ended() -> None:
    patience = Patience(SOON)
    for _ in range(2):
        with pytest.raises(TimeoutError), patience:
            await never()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_many_short_waits_are_none_that_is_long() -> None:
    patience = Patience(SOON)
    loop = asyncio.get_running_loop()
    end = loop.time() + 3 * SOON
    while loop.time() < end:
        with patience:
            await asyncio.sleep(0)
    patience.close()


async def test_one_timer_serves_all_waits_and_rings_only_while_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, wound = asyncio.get_running_loop(), 0
    later = loop.call_later

    def counted(*arguments: Any) -> Any:
        nonlocal wound
        wound += 1
        return later(*arguments)

    monkeypatch.setattr(loop, "call_later", counted)
    patience = Patience(RINGS * SOON)
    for _ in range(100):
        with patience:
            pass
    assert wound == 1
    while patience._timer is not None:
        await asyncio.sleep(0)
    assert wound == 1


async def test_a_cancellation_by_another_is_no_timeout() -> None:
    patience = Patience(LONG)

    async def waits() -> None:
        with patience:
            await never()

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    patience.close()


async def test_a_cancellation_at_the_same_time_counts() -> None:
    patience = Patience(SOON)

    async def waits() -> None:
        with patience:
            with contextlib.suppress(asyncio.CancelledError):
                await never()
            task.cancel()  # by another, before the block knows that it was late
            await asyncio.sleep(0)

    task = asyncio.create_task(waits())
    with pytest.raises(asyncio.CancelledError):
        await task


class Silent:
    """A bridge whose stream takes calls and never answers."""

    def __init__(self) -> None:
        self.streams = 0

    def CallTools(self) -> Any:
        self.streams += 1
        return self

    def done(self) -> bool:
        return False

    def cancel(self) -> None:
        pass

    async def write(self, _: Any) -> None:
        pass

    async def read(self) -> None:
        await never()


async def test_a_bridge_that_falls_silent_in_a_call_is_said_and_its_stream_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tool_calls, "ANSWER", SOON)
    bridge: Any = Silent()
    calls = ToolCalls(bridge)
    for _ in range(2):
        with pytest.raises(ProcessLost, match="did not answer within"):
            await calls.call("read", "{}")
    assert bridge.streams == 2
