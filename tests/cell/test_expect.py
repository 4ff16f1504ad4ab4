"""A step that does not bring what was expected ends the plan there, on the running cell."""

from __future__ import annotations

from typing import Any

from handrail_bridge.audit import NAME, read
from handrail_bridge.loop.state import Mode
from handrail_bridge.motion import EXPECTATION
from running_cell import RunningCell, eventually

JAW = {"predicate": "joint_in_range", "joint": "gripper", "low": -1, "high": 0.3}
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


async def test_a_jaw_that_does_not_close_ends_the_plan_before_the_arm_turns(
    cell: RunningCell,
) -> None:
    async with cell.armed() as rail:
        await rail.run({"steps": [{"tool": "arm_home"}, {"tool": "gripper_set", "gap": 0.04}]})
        cell.truth.inject("jammed", "gripper")
        try:
            receipt = await rail.run(closing([JAW]))
        finally:
            cell.truth.inject("free", "gripper")
    assert not receipt.completed
    assert receipt.fault_code == EXPECTATION
    assert receipt.reason.startswith("Step 1 was expected to bring 'joint_in_range': gripper is at")
    eventually(cell.stands)
    assert cell.joints()["shoulder_pan"] > 1.0, "it had turned away by half the way at least"
    async with cell.agent() as rail:
        assert (await rail.state()).mode == Mode.ARMED, "no fault: the next plan may run"
    log = cell.folder / "handrail" / "desk" / NAME
    assert read(log, 1)[0].body["fault_code"] == EXPECTATION
