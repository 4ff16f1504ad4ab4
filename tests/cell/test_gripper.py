"""A parallel gripper on Modbus: its grip passes the same check, permit and loop as the arm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.pilot.grasp import Base, grasps, pick
from handrail_bridge.reports import Receipt
from handrail_drivers.errors import InvalidValue
from handrail_sim.cell_file import load_cell
from running_cell import (
    LINE_FAULTS,
    OnTheWay,
    RunningCell,
    mended,
    midway,
    twin_and_wires,
)
from waiting import until, until_async

ARM = load_cell("desk_2f85").arm
FINGERS = ("left_finger", "right_finger")
SLOW = 0.1  # of the fingers' fastest
MANY = 10**6  # answers that are garbled: all
JAW = 7  # its column in the history


@pytest.fixture(scope="module")
def wires() -> Iterator[RunningCell]:
    with twin_and_wires(cell="desk_2f85") as cell:
        yield cell


def opening(gap: float) -> dict[str, Any]:
    return {"steps": [{"tool": "gripper_set", "gap": gap}]}


def touched(cell: RunningCell) -> set[str]:
    """What both fingers touch, says the world."""
    pairs = [(one, other) for one, other, _ in cell.truth.snapshot()["contacts"]]
    by_finger = [
        {name for pair in pairs if finger in pair for name in pair if name != finger}
        for finger in FINGERS
    ]
    return set.intersection(*by_finger)


async def take(rail: Client) -> tuple[str, Receipt]:
    """Take the nearest thing, as the pilot would."""
    await rail.run({"steps": [{"tool": "arm_home"}]})
    seen = {
        name: thing
        for name, thing in (await rail.call("look"))["objects"].items()
        if thing["source"] == "seen"
    }
    base = Base(*ARM.axis)
    name = min(seen, key=lambda one: base.polar(seen[one]["position"])[0])
    others = [thing["position"] for other, thing in seen.items() if other != name]
    for grasp in grasps(seen[name], others, base, fingers=ARM.fingers):
        check = await rail.check({"steps": pick(grasp)})
        if check.permit is not None:
            return name, await rail.run({"steps": pick(grasp)})
    raise AssertionError(f"no way to take {name} was permitted")


async def it_goes_where_it_is_told(cell: RunningCell) -> None:
    """The world says so: a receipt alone could be made of what was asked."""
    gap = 0.03 if cell.joints()["gripper"] > 0.025 else 0.07
    async with cell.armed() as rail:
        assert (await rail.run(opening(gap))).completed
        assert cell.joints()["gripper"] == pytest.approx(gap / 2, abs=0.0005)


async def holds(rail: Client) -> bool:
    return bool((await rail.call("arm_state"))["holding"])


async def test_it_goes_to_a_gap(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        for gap in (0.07, 0.02):
            assert (await rail.run(opening(gap))).completed
            assert cell.joints()["gripper"] == pytest.approx(gap / 2, abs=0.0005)
            assert (await rail.call("arm_state"))["gap"] == pytest.approx(gap, abs=0.001)


async def test_a_gap_beyond_it_is_refused(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        before = cell.joints()["gripper"]
        step = {"tool": "arm_move_joints", "positions": {"gripper": 0.05}}
        with pytest.raises(InvalidValue, match=r"0\.0425 m"):
            await rail.run({"steps": [step]})
        assert cell.joints()["gripper"] == pytest.approx(before, abs=0.0002)


async def test_what_it_takes_is_between_both_fingers_and_a_stop_keeps_it(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        name, receipt = await take(rail)
        assert receipt.completed, receipt.reason
        assert name in touched(cell)
        await until_async(lambda: holds(rail), 5)  # it says so a moment after it presses
        await rail.stop("test")
        await until_async(cell.stands)
        assert name in touched(cell)
    async with cell.armed() as rail:  # reset, and armed again
        assert name in touched(cell)
        assert await holds(rail)
        await set_down(rail, name)
        assert name not in touched(cell)
        assert not await holds(rail)


async def set_down(rail: Client, name: str) -> None:
    """Where it was taken from."""
    tcp = (await rail.call("arm_state"))["tcp"]
    low = {"tool": "arm_move_to_pose", "position": [tcp[0], tcp[1], tcp[2] - 0.048], "speed": 0.4}
    high = {"tool": "arm_move_to_pose", "position": list(tcp)}
    goal = [{"predicate": "released"}, {"predicate": "object_upright", "object": name}]
    steps = [low, {"tool": "gripper_set", "gap": 0.05}, high]
    assert (await rail.run({"steps": steps, "goal": goal})).completed


async def test_one_that_loses_its_activation_stops_the_arm_and_stays_still(
    cell: RunningCell,
) -> None:
    """No request that comes later may make it open and close."""
    async with cell.armed() as rail:
        await rail.run(opening(0.03))
        moving = await midway(rail, cell)
        cell.truth.inject("brownout", "gripper_line")
        receipt = await moving
        assert not receipt.completed
        state = await rail.state()
        assert state.mode == Mode.FAULT
        assert "activation is lost" in state.reason or "lost torque" in state.reason
        await until_async(cell.stands)
        jaw = cell.truth.history(2.0)[:, JAW]
        assert float(np.ptp(jaw)) < 0.001


@pytest.mark.long
@pytest.mark.parametrize("fault", LINE_FAULTS)
async def test_a_fault_on_its_line_stops_the_fingers_and_nothing_counts_as_done(
    cell: RunningCell, fault: str
) -> None:
    async with cell.armed() as rail:
        assert (await rail.run(opening(0.07))).completed
        act = OnTheWay(
            cell,
            "gripper",
            0.004,
            lambda: cell.truth.inject(fault, "gripper_line", MANY),
        )
        closing = {"tool": "gripper_set", "gap": 0.01, "speed": SLOW}
        receipt = await rail.run({"steps": [closing]}, act)
        assert act.at, "nothing happened on the way"
        assert not receipt.completed
        await asyncio.to_thread(until, cell.stands)
        there = cell.position("gripper")
        assert there > 0.015, "it went on to its end"
        state = await rail.state()
        assert state.mode in (Mode.STOPPED, Mode.FAULT)
        assert "gripper" in state.reason
        mended(cell, "gripper_line")
        await asyncio.to_thread(cell.still_at, "gripper", there)
    await it_goes_where_it_is_told(cell)  # once an operator says so, and not before


@pytest.mark.long
async def test_its_cable_pulled_stops_the_arm(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        moving = await midway(rail, cell)
        cell.truth.pull("gripper_line")
        receipt = await moving
        assert not receipt.completed
        assert "gripper_line" in receipt.reason or "gripper" in receipt.reason
        await until_async(cell.stands)
    cell.truth.plug("gripper_line")
    await it_goes_where_it_is_told(cell)


@pytest.mark.long
async def test_one_that_kept_its_power_takes_to_a_driver_that_is_new_to_it(
    cell: RunningCell,
) -> None:
    await it_goes_where_it_is_told(cell)
    cell.down()
    cell.up()
    await it_goes_where_it_is_told(cell)
