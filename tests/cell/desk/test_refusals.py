"""What must be refused is refused, with a sentence and numbers, and the world stays as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agent_rig import log_of
from handrail_bridge.client import Client
from handrail_bridge.reports import Permit, Receipt
from handrail_drivers.errors import InvalidValue, NotArmed, PermitRefused, PlanRefused, UnknownName
from handrail_sim.verdict import Violation
from running_cell import RunningCell
from waiting import until_async

HOME = {"steps": [{"tool": "arm_home"}]}
TURN = {"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 1.0}}]}


async def refused(cell: RunningCell, *steps: dict[str, Any], goal: Any = ()) -> Violation:
    """Run a plan that must be refused; return the violation that leads, all of them in order."""
    before = cell.joints()
    async with cell.armed() as rail:
        with pytest.raises(PlanRefused) as refusal:
            await rail.run({"steps": steps, "goal": goal})
    assert cell.joints() == pytest.approx(before, abs=0.005)
    assert refusal.value.verdict.violations
    for violation in refusal.value.verdict.violations:
        assert violation.sentence
        assert violation.unit or violation.kind == "goal"
    assert refusal.value.hint
    return refusal.value.verdict.violations[0]


def joints(**positions: float) -> dict[str, Any]:
    return {"tool": "arm_move_joints", "positions": positions}


def pose(*position: float, **more: float) -> dict[str, Any]:
    return {"tool": "arm_move_to_pose", "position": position, **more}


async def test_through_the_post(cell: RunningCell) -> None:
    violation = await refused(cell, pose(0.2416, -0.0544, 0.06, tilt=0.3))
    assert violation.kind == "collision"
    assert "post" in violation.subject


async def test_below_the_table(cell: RunningCell) -> None:
    violation = await refused(cell, pose(0.15, 0.15, -0.02))
    assert violation.kind in ("collision", "unreachable")


async def test_out_of_reach(cell: RunningCell) -> None:
    violation = await refused(cell, pose(0.6, 0.3, 0.1))
    assert violation.kind == "unreachable"
    assert violation.unit == "m"


async def test_closing_on_nothing_is_not_holding(cell: RunningCell) -> None:
    violation = await refused(
        cell, {"tool": "gripper_set", "gap": 0}, goal=[{"predicate": "holding"}]
    )
    assert violation.kind == "goal"


async def test_too_fast_or_not_a_number(cell: RunningCell) -> None:
    before = cell.joints()
    async with cell.armed() as rail:
        with pytest.raises(InvalidValue) as fast:
            await rail.run({"steps": [{**joints(shoulder_pan=0), "speed": 4.0}]})
        assert (fast.value.field, fast.value.limit) == ("steps[0].speed", 1)
        with pytest.raises(InvalidValue) as nan:
            await rail.run({"steps": [joints(shoulder_pan=float("nan"))]})
        assert nan.value.field == "steps[0].positions.shoulder_pan"
        with pytest.raises(InvalidValue) as far:
            await rail.run({"steps": [joints(shoulder_pan=90)]})
        assert (far.value.limit, far.value.unit) == (1.91986, "rad")
        with pytest.raises(UnknownName):
            await rail.run({"steps": [joints(shoulder_pen=1)]})
    assert cell.joints() == pytest.approx(before, abs=0.005)


async def execute(rail: Client, plan: dict[str, Any], permit: Permit) -> Receipt:
    async for event in rail.execute(plan, permit):
        if isinstance(event, Receipt):
            return event
    raise AssertionError("no receipt")


async def permit_for(rail: Client, plan: dict[str, Any]) -> Permit:
    permit = (await rail.check(plan)).permit
    assert permit is not None
    return permit


async def test_a_permit_is_spent_forged_or_for_another_plan(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        with pytest.raises(PermitRefused, match="not known"):
            await execute(rail, TURN, Permit("forged", "", "", 30))
        permit = await permit_for(rail, TURN)
        with pytest.raises(PermitRefused, match="another plan"):
            await execute(rail, HOME, permit)
        assert (await execute(rail, TURN, permit)).completed
        with pytest.raises(PermitRefused, match="spent"):
            await execute(rail, TURN, permit)
    said = 'by permit "forged": permit_refused, The permit is not known'
    await until_async(lambda: any(said in entry.body.get("what", "") for entry in log_of(cell)))


async def test_a_permit_does_not_outlive_its_start(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.run(HOME)
        permit = await permit_for(rail, HOME)
        await rail.run(TURN)
        with pytest.raises(PermitRefused, match="shoulder_pan has moved") as drift:
            await execute(rail, HOME, permit)
        assert drift.value.unit == "rad"
        assert drift.value.value > drift.value.limit


async def test_a_stop_kills_permits_and_only_the_operator_goes_on(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        permit = await permit_for(rail, TURN)
        await rail.stop("test")
        with pytest.raises(NotArmed, match="stopped") as stopped:
            await execute(rail, TURN, permit)
        assert "operator" in stopped.value.hint
    async with cell.armed() as rail:
        with pytest.raises(PermitRefused, match="killed by a stop"):
            await execute(rail, TURN, permit)


async def test_two_at_once_get_one_execution(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.run(HOME)
        permit = await permit_for(rail, TURN)
        both = await asyncio.gather(
            *(execute(rail, TURN, permit) for _ in range(2)), return_exceptions=True
        )
    assert sum(isinstance(one, Receipt) for one in both) == 1
