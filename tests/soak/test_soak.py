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
STOPS = 10  # plans for each protective stop that a shared machine may cause

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
        samples = await observed(cell, work)
        work.over.set()
    async with cell.agent() as rail:
        assert (await rail.state()).mode == Mode.ARMED
    assert min(work.plans, work.checks, work.looks, work.pictures) > 0
    quarter = samples[: len(samples) // 4 + 1]
    for name in samples[0]:
        assert_did_not_grow(
            name, [one[name] for one in quarter], [one[name] for one in samples[-3:]]
        )
    assert work.stops <= 1 + work.plans / STOPS


async def observed(cell: RunningCell, work: Work) -> list[dict[str, Holding]]:
    """Let the clients work; return what was held, sample by sample."""
    began = time.monotonic()
    samples = []
    while (elapsed := time.monotonic() - began) < SECONDS:
        await asyncio.sleep(min(PERIOD, SECONDS - elapsed))
        samples.append(census(cell))
        report(time.monotonic() - began, work, samples[-1])
    return samples


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


def assert_did_not_grow(name: str, before: list[Holding], after: list[Holding]) -> None:
    """Judge counts by several samples: a call that is under way holds a descriptor, too."""
    assert after[-1].pid == before[-1].pid, f"{name} was replaced"
    assert after[-1].memory <= before[-1].memory * GROWTH + SPARE, f"{name} leaks memory"
    for what in ("descriptors", "threads"):
        least = min(getattr(one, what) for one in after)
        assert least <= max(getattr(one, what) for one in before), f"{name} leaks {what}"
