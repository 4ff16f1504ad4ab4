"""What brings devices to rest beside clients that have taken all threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from handrail_bridge.devices.own_threads import OwnThreads
from handrail_bridge.rail import resting
from handrail_bridge.rail.resting import Resting

LIMIT = 20.0  # s


class Valve:
    def __init__(self, free: threading.Event) -> None:
        self._free = free
        self.closed = threading.Event()

    def stop(self) -> None:
        assert self._free.wait(LIMIT)
        self.closed.set()

    def close(self) -> None:
        raise ZeroDivisionError("a plugin's")


async def test_a_stop_waits_for_no_client_and_for_no_other_device() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    clients, stuck, free = threading.Event(), threading.Event(), threading.Event()
    free.set()
    valves = {"stuck": Valve(stuck), "other": Valve(free)}
    threads = OwnThreads(valves)
    client = asyncio.create_task(asyncio.to_thread(clients.wait, LIMIT))
    try:
        await asyncio.sleep(0)
        for _ in range(3):  # however often
            stopping = threads.begin("stop")
        while not valves["other"].closed.is_set():
            await asyncio.sleep(0.001)
        assert not stopping.done()
    finally:
        stuck.set()
        clients.set()
    assert await stopping == ["", ""]
    assert await client
    assert "ZeroDivisionError" in await threads.close(), "one that breaks is said"


async def test_a_stop_that_hangs_keeps_no_bridge_from_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(resting, "END", 0.01)
    notes: Any = None
    found = Resting(hang, notes)
    begun = found.begin()
    async with asyncio.timeout(LIMIT):
        await found.close()
    assert not begun.done()
    begun.cancel()
