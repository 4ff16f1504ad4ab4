"""Stops in mid-motion, judged by the world's own history."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import NotArmed
from running_cell import RunningCell, assert_stood_at_once, midway, sweep
from waiting import until_async

NEAR = 0.03  # rad


async def test_a_stop_holds_and_is_latched(cell: RunningCell) -> None:
    async with cell.armed() as rail, cell.agent() as anybody:
        running = await midway(rail, cell)
        since = time.monotonic()
        assert await anybody.stop("a test") == Mode.STOPPED
        receipt = await running
        assert not receipt.completed
        assert "a test" in receipt.reason
        await asyncio.to_thread(assert_stood_at_once, cell, since)  # heartbeats go on
        with pytest.raises(NotArmed, match="stopped"):
            await sweep(rail, cell)
    truth = cell.truth.snapshot()
    assert truth["tcp"]["position"][2] > 0.05, "it fell"


async def test_arming_after_a_stop_neither_jumps_nor_sags(cell: RunningCell) -> None:
    async with cell.operator() as operator:
        since = time.monotonic()
        before = np.array(cell.truth.snapshot()["tcp"]["position"])
        for _ in range(3):
            await operator.stop("again")
            assert (await operator.reset()).mode == Mode.DISARMED
            assert (await operator.arm()).mode == Mode.ARMED
        assert cell.moved_since(since) < 0.01
        after = np.array(cell.truth.snapshot()["tcp"]["position"])
    assert np.linalg.norm(after - before) < 0.001


async def test_leaving_an_execution_stops_that_motion_alone(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        running = await midway(rail, cell)
        since = time.monotonic()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.to_thread(assert_stood_at_once, cell, since)  # heartbeats go on
        assert (await rail.state()).mode == Mode.ARMED
        assert (await sweep(rail, cell)).completed


async def test_a_revoked_lease_stops_what_its_holder_moves(cell: RunningCell) -> None:
    async with cell.armed() as rail, cell.operator() as operator:
        running = await midway(rail, cell)
        since = time.monotonic()
        await operator.revoke_lease("test")
        receipt = await running
        assert not receipt.completed
        await asyncio.to_thread(assert_stood_at_once, cell, since)  # heartbeats go on
        assert (await operator.state()).mode == Mode.ARMED


async def test_a_silent_holder_stops(cell: RunningCell) -> None:
    async with cell.armed():
        pass
    async with cell.agent() as rail:
        lease = rail.lease("silent", heartbeat=0.5)
        await lease.__aenter__()
        running = await midway(rail, cell)
        for task in asyncio.all_tasks():
            if task.get_coro().__name__ == "_beat":
                task.cancel()
        receipt = await running
        assert not receipt.completed
        assert receipt.reason
        await lease.__aexit__(None, None, None)
    await until_async(cell.stands)
