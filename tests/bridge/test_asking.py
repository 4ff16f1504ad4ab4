"""A stream that talks all the time is left at once: a cancelled motion must not go on."""

from __future__ import annotations

import asyncio

import pytest
from handrail_bridge.client.asking import events


class Talkative:
    """A call with a message every moment."""

    def __init__(self) -> None:
        self.cancelled = False

    async def read(self) -> str:
        await asyncio.sleep(0)
        return "message"

    def cancel(self) -> None:
        self.cancelled = True


@pytest.mark.parametrize("moment", range(12))
async def test_no_message_swallows_a_cancellation(moment: int) -> None:
    call = Talkative()

    async def listen() -> None:
        async for _ in events(call):
            pass

    listening = asyncio.create_task(listen())
    for _ in range(moment):
        await asyncio.sleep(0)
    listening.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    ended = listening.done()
    listening.cancel()
    await asyncio.wait({listening})
    assert ended
    assert call.cancelled or moment == 0
