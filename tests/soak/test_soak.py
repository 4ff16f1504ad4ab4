"""A cell at work for HANDRAIL_SOAK seconds: nothing grows, and no plan fails. `make soak`."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import pytest
from census import Holding, census
from handrail_bridge.loop.state import Mode
from running_cell import RunningCell, twin_and_wires
from work import Work

SECONDS = float(os.environ.get("HANDRAIL_SOAK", "1800"))
PERIOD = min(60.0, SECONDS / 10)  # s between two samples
GROWTH = 1.05  # of a process's memory after the first quarter
WARM = 240.0  # s until the twin's logs and the allocators' pools are full: they grow until then
SPARE = 2.0 if SECONDS / 4 >= WARM else 20.0  # MiB
STOPS = 1 + SECONDS / 60  # protective stops that a shared machine may cause

pytestmark = [pytest.mark.soak, pytest.mark.timeout(SECONDS + 300)]


@pytest.fixture
def cell() -> Iterator[RunningCell]:
    with twin_and_wires() as cell:
        cell.up()
        yield cell


async def test_a_cell_at_work_neither_grows_nor_fails(cell: RunningCell) -> None:
    work = Work(cell)
    async with asyncio.TaskGroup() as clients:
        for task in (work.move, work.watch, work.check, work.photograph):
            clients.create_task(task())
        quarter, end = await observed(cell, work)
        work.over.set()
    assert min(work.plans, work.checks, work.looks, work.pictures) > 0
    assert work.stops <= STOPS
    async with cell.agent() as rail:
        assert (await rail.state()).mode == Mode.ARMED
    for name in quarter:
        assert_did_not_grow(name, quarter[name], end[name])


async def observed(cell: RunningCell, work: Work) -> tuple[dict[str, Holding], ...]:
    """Let the clients work; return what was held after a quarter of the time, and at the end."""
    began = time.monotonic()
    quarter = held = {}
    while (elapsed := time.monotonic() - began) < SECONDS:
        await asyncio.sleep(min(PERIOD, SECONDS - elapsed))
        held = census(cell)
        if not quarter and time.monotonic() - began >= SECONDS / 4:
            quarter = held
        report(time.monotonic() - began, work, held)
    return quarter, held


def report(elapsed: float, work: Work, held: dict[str, Holding]) -> None:
    """Print one line of progress."""
    memory = ", ".join(f"{name} {one.memory:.1f}" for name, one in held.items())
    assert work.state is not None
    print(
        f"{elapsed:5.0f} s: {work.plans} plans, {work.checks} checks, {work.looks} looks, "
        f"{work.pictures} pictures, {work.busy} told to wait, {work.stops} protective stops, "
        f"{work.state.loop.overruns} overruns; MiB: {memory}; "
        f"descriptors {'+'.join(str(one.descriptors) for one in held.values())}, "
        f"threads {'+'.join(str(one.threads) for one in held.values())}",
        flush=True,
    )


def assert_did_not_grow(name: str, quarter: Holding, end: Holding) -> None:
    assert end.pid == quarter.pid, f"{name} was replaced"
    assert end.memory <= quarter.memory * GROWTH + SPARE, f"{name} leaks memory"
    assert end.descriptors <= quarter.descriptors, f"{name} leaks descriptors"
    assert end.threads <= quarter.threads, f"{name} leaks threads"
