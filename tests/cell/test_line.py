"""A conveyor on Modbus: it moves by permitted plans alone, and stands whatever dies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import Receipt
from handrail_drivers.errors import HandrailError, InvalidValue, LeaseRefused
from running_cell import LINE_FAULTS, OnTheWay, RunningCell, mended, twin_and_wires
from waiting import until

SPEED = 0.1  # m/s, the belt's
RAMP = 0.05  # m that a stop may take
NEAR = 0.02  # m
MANY = 10**6  # answers that are garbled: all
PRESSED = 2.0  # N; its drive has 12


@pytest.fixture(scope="module")
def wires() -> Iterator[RunningCell]:
    with twin_and_wires(cell="line") as cell:
        yield cell


def belt(cell: RunningCell) -> tuple[float, float]:
    """True position [m] and speed [m/s]."""
    joint = cell.truth.snapshot()["joints"]["belt"]
    return joint["position"], joint["velocity"]


def stands(cell: RunningCell) -> bool:
    return abs(belt(cell)[1]) < 0.002


def to(position: float, **more: Any) -> dict[str, Any]:
    step = {"tool": "arm_move_joints", "positions": {"belt": position}, **more}
    return {"steps": [step]}


async def elsewhere(cell: RunningCell) -> float:
    """A place for the belt at least 0.15 m from where it is."""
    return 0.05 if belt(cell)[0] > 0.2 else 0.34


def on_the_way(cell: RunningCell, act: Callable[[], object]) -> OnTheWay:
    return OnTheWay(cell, "belt", 0.03, act)


async def moved(rail: Client, plan: dict[str, Any], on_state: Any = None) -> Receipt:
    return await rail.run(plan, on_state) if on_state else await rail.run(plan)


async def stood(cell: RunningCell, on: OnTheWay, beyond: float = RAMP) -> None:
    """The belt stands, not much farther than it was when it happened."""
    await asyncio.to_thread(until, lambda: stands(cell))
    assert on.at, "nothing happened on the way"
    assert abs(belt(cell)[0] - on.position) < beyond


async def pressed_no_more(rail: Client) -> None:
    """Wait until the belt's drive pushes no more."""
    async with asyncio.timeout(20), contextlib.aclosing(rail.watch(100)) as states:
        async for state in states:
            if all(abs(one.effort) < PRESSED for one in state.joints if one.name == "belt"):
                return


async def test_a_belt_brings_what_lies_on_it(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.run({"steps": [{"tool": "arm_home"}]})
        before = cell.truth.snapshot()["objects"]["red_cube_a"]["position"]
        receipt = await rail.run(to(0.24))
        assert receipt.completed, receipt.reason
        position, speed = belt(cell)
        assert position == pytest.approx(0.24, abs=0.003)
        assert speed == pytest.approx(0.0, abs=0.002)
        assert receipt.end_position["belt"] == pytest.approx(position, abs=0.001)
        after = cell.truth.snapshot()["objects"]["red_cube_a"]["position"]
        assert before[0] - after[0] == pytest.approx(position, abs=0.01)
        seen = (await rail.call("look"))["objects"]["red_cube_a"]
        assert seen["source"] == "seen"
        # What was seen is carried along in the check, and is not reported as pushed.
        assert (await rail.run(to(0.3))).completed


async def test_what_lies_beyond_its_way_is_refused_with_its_unit(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        with pytest.raises(InvalidValue) as refused:
            await rail.check(to(0.5))
        assert (refused.value.limit, refused.value.unit) == (0.36, "m")


async def test_a_stop_stops_the_belt(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        stopping: list[asyncio.Task[Any]] = []
        act = on_the_way(cell, lambda: stopping.append(asyncio.create_task(rail.stop("test"))))
        receipt = await moved(rail, to(await elsewhere(cell)), act)
        assert not receipt.completed
        await asyncio.gather(*stopping)
        await stood(cell, act)
        assert (await rail.state()).mode == Mode.STOPPED


async def test_a_jam_is_a_protective_stop(cell: RunningCell) -> None:
    """What is jammed is not pressed on, so that it does not leap when it is freed."""
    async with cell.armed() as rail:
        act = on_the_way(cell, lambda: cell.truth.inject("jammed", "belt"))
        receipt = await moved(rail, to(await elsewhere(cell)), act)
        assert not receipt.completed
        assert "belt is" in receipt.reason
        assert " rad" not in receipt.reason  # it slides
        await pressed_no_more(rail)
        cell.truth.inject("free", "belt")
        await stood(cell, act, beyond=0.01)


async def test_an_inverter_that_falls_silent_is_a_protective_stop(cell: RunningCell) -> None:
    """It cannot be told to stand any more: it stands by its own timeout."""
    async with cell.armed() as rail:
        act = on_the_way(cell, lambda: cell.truth.pull("belt_drive"))
        receipt = await moved(rail, to(await elsewhere(cell)), act)
        assert not receipt.completed
        assert "belt_drive" in receipt.reason
        await stood(cell, act, beyond=SPEED * (0.3 + 0.2) + RAMP)
    cell.truth.plug("belt_drive")


@pytest.mark.long
@pytest.mark.parametrize("fault", LINE_FAULTS)
async def test_a_fault_on_its_line_stops_the_belt_and_nothing_counts_as_done(
    cell: RunningCell, fault: str
) -> None:
    async with cell.armed() as rail:
        goal = await elsewhere(cell)
        act = on_the_way(cell, lambda: cell.truth.inject(fault, "belt_drive", MANY))
        receipt = await moved(rail, to(goal), act)
        await stood(cell, act, beyond=SPEED * (0.3 + 0.2) + RAMP)
        there = belt(cell)[0]
        assert abs(there - goal) > NEAR, "it went on to its end"
        assert not receipt.completed
        state = await rail.state()
        assert state.mode in (Mode.STOPPED, Mode.FAULT)
        assert "belt" in state.reason
        mended(cell, "belt_drive")
        await asyncio.to_thread(cell.still_at, "belt", there)
    async with cell.armed() as rail:  # once an operator says so, and not before
        receipt = await rail.run(to(goal))
        assert receipt.completed, receipt.reason
        assert belt(cell)[0] == pytest.approx(goal, abs=0.003)


@pytest.mark.long
async def test_a_loop_that_dies_leaves_no_belt_running(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        family = psutil.Process(cell.process.pid).children(recursive=True)
        loops = [one for one in family if "handrail_bridge.loop.process" in " ".join(one.cmdline())]
        act = on_the_way(cell, lambda: [one.kill() for one in loops])
        with contextlib.suppress(HandrailError):
            await moved(rail, to(await elsewhere(cell)), act)
        await stood(cell, act, beyond=SPEED * (0.3 + 0.2) + RAMP)
    cell.down()
    cell.up()
    await cell.home()


async def test_a_lease_of_the_arm_moves_no_belt(cell: RunningCell) -> None:
    await cell.arm()
    async with cell.agent() as rail, rail.lease("arm", devices=("arm_bus",)):
        check = await rail.check(to(await elsewhere(cell)))
        assert check.permit is not None
        before = belt(cell)[0]
        with pytest.raises(LeaseRefused):
            await anext(rail.execute(to(await elsewhere(cell)), check.permit))
        assert belt(cell)[0] == pytest.approx(before, abs=0.001)
