"""Calls that wait for devices: their threads are counted, not who asked."""

from __future__ import annotations

import asyncio
import threading

import pytest
from handrail_bridge.devices.calls import MOST, DeviceCalls
from handrail_drivers.errors import DeviceSilent, Refused


async def test_who_leaves_leaves_the_thread_taken_until_the_device_answers() -> None:
    calls, answers = DeviceCalls(), threading.Event()
    waiting = [asyncio.create_task(calls.call(answers.wait)) for _ in range(MOST)]
    await asyncio.sleep(0)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    try:
        with pytest.raises(Refused, match=f"{MOST} calls wait for devices already"):
            await calls.call(answers.is_set)
    finally:
        answers.set()  # or the threads would outlive the test
    async with asyncio.timeout(30):
        while True:
            try:
                assert await calls.call(answers.is_set)
                break
            except Refused:
                await asyncio.sleep(0.01)


async def test_what_a_device_says_reaches_who_asked() -> None:
    def silent() -> None:
        raise DeviceSilent("The kiln did not answer.")

    with pytest.raises(DeviceSilent, match="kiln"):
        await DeviceCalls().call(silent)
