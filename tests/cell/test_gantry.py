"""Gantries on a serial line: they move by permitted plans, stand at a stop, return disarmed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.loop.state import Mode
from handrail_bridge.rail.measured import STALE
from handrail_drivers.errors import HandrailError
from running_cell import OnTheWay, RunningCell, twin_and_wires
from waiting import until_async

pytestmark = pytest.mark.long
END = 20.0  # s
BRAKES = 0.03  # m: the way of a stop at full speed, and of what is on its way to the machine


# What a limit switch that is hit on the way ends a plan with, and what arming is refused with then.
HIT = {"gantry": ("limit switch", "has to be homed"), "gantry_marlin": ("halted", "halted")}


@pytest.fixture(scope="module", params=HIT)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def wires(kind: str) -> Iterator[RunningCell]:
    with twin_and_wires(cell=kind) as cell:
        yield cell


def to(x: float) -> dict[str, Any]:
    return {"steps": [{"tool": "arm_move_joints", "positions": {"x": x}}]}


def elsewhere(cell: RunningCell) -> float:
    return 0.03 if cell.position("x") > 0.14 else 0.25


async def test_a_plan_moves_it(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        goal = elsewhere(cell)
        receipt = await rail.run(to(goal))
        assert receipt.completed, receipt.reason
        assert cell.position("x") == pytest.approx(goal, abs=0.001)


async def test_a_stop_has_it_stand(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        stopping: list[asyncio.Task[Any]] = []
        act = OnTheWay(
            cell, "x", 0.05, lambda: stopping.append(asyncio.create_task(rail.stop("t")))
        )
        receipt = await rail.run(to(elsewhere(cell)), act)
        assert not receipt.completed
        await asyncio.gather(*stopping)
        await asyncio.to_thread(cell.still_at, "x", cell.position("x"), BRAKES)
        assert abs(cell.position("x") - act.position) < BRAKES
        assert (await rail.state()).mode == Mode.STOPPED


async def test_unplugged_and_plugged_in_again_it_is_there_and_disarmed(
    cell: RunningCell,
) -> None:
    async with cell.armed() as rail:
        act = OnTheWay(cell, "x", 0.05, lambda: cell.truth.pull("machine"))
        receipt = await rail.run(to(elsewhere(cell)), act)
        assert not receipt.completed
        assert "machine" in receipt.reason
        there = cell.position("x")
        await asyncio.to_thread(cell.still_at, "x", there, BRAKES)
        missing = [one for one in (await rail.cell()).notices if "not connected" in one]
        assert [one.split(":")[0] for one in missing] == ["machine"]
        cell.truth.plug("machine")

        async def connected() -> bool:
            return not any("not connected" in one for one in (await rail.cell()).notices)

        await until_async(connected, END)
        with pytest.raises(HandrailError):
            await rail.run(to(0.1))  # it is in fault until the operator says otherwise
    async with cell.armed() as rail:
        assert (await rail.run(to(elsewhere(cell)))).completed


async def rearmed(operator: OperatorClient) -> None:
    await operator.reset()  # refused by Marlin, which is halted

    async def heard() -> bool:
        return (await operator.state()).age <= STALE

    await until_async(heard, END)  # Grbl, again, in alarm
    await operator.arm()


async def test_a_hit_switch_locks_it(cell: RunningCell, kind: str) -> None:
    says, refuses = HIT[kind]
    async with cell.armed() as rail:
        act = OnTheWay(cell, "x", 0.05, lambda: cell.truth.inject("limit", "machine"))
        receipt = await rail.run(to(elsewhere(cell)), act)
        assert not receipt.completed
        assert says in receipt.reason
        await asyncio.to_thread(cell.still_at, "x", cell.position("x"), BRAKES)
    async with cell.operator() as operator:
        with pytest.raises(HandrailError, match=refuses):
            await rearmed(operator)
