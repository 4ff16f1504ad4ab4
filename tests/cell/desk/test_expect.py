"""A step that does not bring what was expected ends the plan there, on the running cell."""

from __future__ import annotations

import asyncio
from typing import Any

from handrail_bridge.loop.state import Mode
from handrail_bridge.rail.audit import NAME, read
from handrail_bridge.rail.motion import EXPECTATION
from handrail_bridge.reports import CellState
from running_cell import RunningCell
from waiting import until_async

JAW = {"predicate": "joint_in_range", "joint": "gripper", "low": -1, "high": 0.3}
PART = {"predicate": "sensor_in_range", "sensor": "button.part", "low": 0.5, "high": 1.5}
TURN = {"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.6}, "speed": 0.4}


def closing(expect: list[dict[str, Any]]) -> dict[str, Any]:
    """Open the jaw, close it, and turn away."""
    opened = {"tool": "gripper_set", "gap": 0.04}
    closed = {"tool": "gripper_set", "gap": 0.005, "expect": expect}
    return {"steps": [opened, closed, TURN]}


async def test_what_comes_as_expected_goes_on(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.run({"steps": [{"tool": "arm_home"}]})
        receipt = await rail.run(closing([JAW, {"predicate": "released"}]))
    assert receipt.completed, receipt.reason
    assert cell.joints()["shoulder_pan"] < 0.65


async def test_what_does_not_stay_as_expected_ends_the_plan_there(cell: RunningCell) -> None:
    """A sensor says in time that the part is gone: the arm does not turn away without it."""
    away = asyncio.Event()

    def take_it_away(_: CellState) -> None:
        if not away.is_set():
            away.set()
            cell.truth.press("button", "part")  # closed contacts open: it reads 0

    async with cell.armed() as rail:
        await rail.run({"steps": [{"tool": "arm_home"}]})
        try:
            receipt = await rail.run(closing([PART]), take_it_away)
        finally:
            cell.truth.release("button", "part")
    assert not receipt.completed
    assert receipt.fault_code == EXPECTATION
    assert receipt.reason.startswith("Step 1 was expected to bring 'sensor_in_range': button.part")
    await until_async(cell.stands)
    assert cell.joints()["shoulder_pan"] > 1.0, "it had turned away by half the way at least"
    async with cell.agent() as rail:
        assert (await rail.state()).mode == Mode.ARMED, "no fault: the next plan may run"
    log = cell.folder / "handrail" / "desk" / NAME
    assert read(log, 1)[0].body["fault_code"] == EXPECTATION
