"""Dead helpers, clients that never read, a full disk: a stop always answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc.aio
import psutil
import pytest
from handrail.v1 import rail_pb2, rail_pb2_grpc
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState, Receipt
from handrail_bridge.server.places import WATCHES
from handrail_drivers.errors import ProcessLost, Refused
from running_cell import (
    RunningCell,
    assert_stood_at_once,
    midway,
    patient,
)
from waiting import until, until_async

HOME = {"steps": [{"tool": "arm_home"}]}
LONG = {
    "steps": [
        {"tool": "arm_move_joints", "positions": {"shoulder_pan": pan}, "speed": 0.3}
        for pan in (0.4, 1.2) * 4
    ]
}  # its check takes seconds
SLOW = {"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.2}, "speed": 0.05}]}
STREAMS = 300
ATTACKED = 100  # ticks
STARVED = ("stale_reading", "servo_silent", "process_lost", "tube_left")  # by too few cores
TRIES = 4  # in one of which the machine leaves the loop its share, and only the stop ends it
CHECKING = 0.1  # s of processor time that only a check takes


# -- the checker ---------------------------------------------------------------------------


def checker(cell: RunningCell) -> psutil.Process:
    """The process that checks plans."""
    children = psutil.Process(cell.process.pid).children()
    return next(
        child for child in children if "handrail_bridge.rail.check_process" in child.cmdline()
    )


def spent(process: psutil.Process) -> float:
    """Processor time [s] of a process."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def test_a_check_whose_process_is_killed_ends_and_the_next_one_passes(
    cell: RunningCell,
) -> None:
    await cell.home()
    async with cell.armed() as rail:
        descriptors = psutil.Process(cell.process.pid).num_fds()
        worker, before = checker(cell), cell.joints()
        idle = spent(worker)
        since = time.monotonic()
        check = asyncio.create_task(rail.check(LONG))
        await asyncio.to_thread(until, lambda: spent(worker) > idle + CHECKING)
        worker.kill()
        with pytest.raises(ProcessLost, match="another one takes its place"):
            await check
        assert (await rail.check(HOME)).permit is not None
        assert checker(cell).pid != worker.pid
        assert psutil.Process(cell.process.pid).num_fds() <= descriptors
        assert (await rail.state()).mode == Mode.ARMED
    assert cell.joints() == pytest.approx(before, abs=0.005)
    assert cell.moved_since(since) < 0.005


# -- clients that never read ---------------------------------------------------------------


@contextlib.asynccontextmanager
async def deaf(cell: RunningCell) -> AsyncIterator[None]:
    """A client that has opened hundreds of state streams and reads none."""
    async with grpc.aio.insecure_channel(cell.ready["address"]) as channel:
        rail: rail_pb2_grpc.RailAsyncStub = rail_pb2_grpc.RailStub(channel)
        request = rail_pb2.WatchStateRequest(rate_hz=100)
        calls = [rail.WatchState(request) for _ in range(STREAMS)]
        await until_async(lambda: sum(call.done() for call in calls) >= STREAMS - WATCHES)
        yield


async def test_streams_that_nobody_reads_delay_neither_loop_nor_stop(cell: RunningCell) -> None:
    bridge = psutil.Process(cell.process.pid)
    descriptors = bridge.num_fds()
    for _ in range(TRIES):
        await cell.home()
        receipt, since, missed = await stop_under_attack(cell)
        if receipt.fault_code not in STARVED and missed < 1:
            break
    assert (receipt.reason, receipt.completed) == ("test", False)
    assert missed < 1
    assert_stood_at_once(cell, since)
    await asyncio.to_thread(until, lambda: bridge.num_fds() <= descriptors)
    await cell.home()


async def stop_under_attack(cell: RunningCell) -> tuple[Receipt, float, float]:
    """Stop a slow motion; return its receipt, when [s], and how many ticks were missed per tick."""
    async with cell.armed() as rail:
        states: list[CellState] = []
        moving = asyncio.create_task(rail.run(SLOW, states.append))
        await asyncio.to_thread(until, lambda: states and states[-1].progress > 0)
        async with deaf(cell):
            before = states[-1].loop
            await asyncio.to_thread(
                until,
                lambda: moving.done() or states[-1].loop.ticks > before.ticks + ATTACKED,
            )
            now = states[-1].loop
            missed = (now.overruns - before.overruns) / max(1, now.ticks - before.ticks)
            since = time.monotonic()
            assert await rail.stop("test") in (Mode.STOPPED, Mode.FAULT)
            return await moving, since, missed


# -- the disk ------------------------------------------------------------------------------


@contextlib.contextmanager
def full_disk(cell: RunningCell) -> Iterator[None]:
    """Let no file of the bridge's grow while the block runs; that holds for root, too."""
    bridge = psutil.Process(cell.process.pid)
    (log,) = cell.folder.rglob("audit.db-wal")
    before = bridge.rlimit(resource.RLIMIT_FSIZE)
    bridge.rlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))
    try:
        yield
    finally:
        bridge.rlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_refuses_motion_and_no_stop(cell: RunningCell) -> None:
    await cell.home()
    async with cell.armed() as rail:
        moving = await midway(rail, cell)
        with full_disk(cell):
            since = time.monotonic()
            assert await rail.stop("test") == Mode.STOPPED
            assert not (await moving).completed
            assert_stood_at_once(cell, since)
            await cell.arm()
            stood = time.monotonic()
            with pytest.raises(Refused, match="cannot be written") as refused:
                await rail.run(HOME)
            assert refused.value.field == "audit"
            assert "disk" in refused.value.hint
            assert cell.moved_since(stood) < 0.005
            assert await rail.stop("test") == Mode.STOPPED
    await cell.home()


@pytest.mark.parametrize(
    "at", ["handrail/desk/audit.db/", pytest.param("handrail", marks=pytest.mark.long)]
)
def test_what_is_in_the_place_of_the_log_lets_no_bridge_start(
    cell: RunningCell, tmp_path: Path, at: str
) -> None:
    if at.endswith("/"):
        (tmp_path / at).mkdir(parents=True)
    else:
        (tmp_path / at).touch()
    said = up(cell, tmp_path)
    assert said["code"] == "refused"
    assert str(tmp_path / at).rstrip("/") in said["message"]


def up(cell: RunningCell, folder: Path) -> dict[str, Any]:
    """Start a bridge with directories of its own, which must be refused; return its error."""
    beside = RunningCell(cell.twin, folder, str(patient(folder)))
    ended = beside.cli("up", "desk", "--json")
    assert ended.returncode == 1, ended
    error: dict[str, Any] = json.loads(ended.stdout)["error"]
    return error
