"""What a cell wants a person to approve: said in sentences, and never instead of a refusal."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from desk_plans import at_home, carry, grip, joints, lying, pick, plan, point
from handrail_sim.cell import Cell, Zone
from handrail_sim.cell_file import SHIPPED
from handrail_sim.check.checker import Checker
from handrail_sim.demand_faults import demand_faults
from handrail_sim.demands import Approval, ToolName
from handrail_sim.plan import Plan, StepBase
from handrail_sim.verdict import Verdict

EAST, WEST = math.radians(-20), math.radians(40)
SWEEP = plan(carry(WEST), carry(EAST))
GATE = {"center": (0.2, 0.03, 0.25), "size": (0.1, 0.06, 0.1)}


def checked(cell: Cell, proposed: Plan = SWEEP, **approval: Any) -> Verdict:
    demanding = cell.model_copy(update={"approval": Approval(**approval)})
    checker = Checker(demanding)
    return checker.check(proposed, at_home(cell, checker))


def test_a_cell_that_demands_nothing_asks_nobody(cell: Cell) -> None:
    verdict = checked(cell)
    assert verdict.passed
    assert verdict.asks == ()


def test_every_plan(cell: Cell) -> None:
    assert checked(cell, always=True).asks == ("Every plan of this cell needs approval.",)


def test_named_tools(cell: Cell) -> None:
    proposed = plan(carry(WEST), grip(0.03), carry(EAST))
    (sentence,) = checked(cell, proposed, tools=("gripper_set",)).asks
    assert sentence.startswith("Step 1 is gripper_set")


def test_a_tool_by_another_name_is_that_tool(cell: Cell) -> None:
    """What moves the jaw is a grip, however it is written."""
    step = {"tool": "arm_move_joints", "positions": {cell.arm.gripper: 0.5}}
    (sentence,) = checked(cell, plan(carry(WEST), step), tools=("gripper_set",)).asks
    assert sentence.startswith("Step 1 moves gripper as gripper_set does")


def test_above_a_speed_of_the_tcp(cell: Cell) -> None:
    slow = plan({**joints(shoulder_pan=1.1), "speed": 0.1})
    (sentence,) = checked(cell, plan(joints(shoulder_pan=0.5)), speed=0.1).asks
    assert "In step" in sentence
    assert "m/s; above 0.1 m/s it needs approval" in sentence
    assert checked(cell, slow, speed=0.1).asks == ()


def test_above_a_height_of_the_tcp(cell: Cell) -> None:
    turn = plan(joints(shoulder_pan=1.1))
    (sentence,) = checked(cell, turn, height=0.23).asks
    assert "high; above 0.23 m it needs approval" in sentence
    assert checked(cell, turn, height=0.3).asks == ()


def test_above_a_force(cell: Cell) -> None:
    """A grip is a force that is wanted, and may need a person all the same."""

    def gripped(force: float) -> Verdict:
        demanding = cell.model_copy(update={"approval": Approval(force=force)})
        checker = Checker(demanding)
        cube = point(0.2, WEST, 0.0)[:2]
        start = at_home(cell, checker, red_cube_a=lying(*cube, WEST))
        return checker.check(plan(*pick(*cube, WEST)[:5]), start)

    verdict = gripped(1.0)
    assert verdict.passed
    (sentence,) = verdict.asks
    assert "red_cube_a" in sentence
    assert "above 1 N it needs approval" in sentence
    assert gripped(cell.check.grip_force).asks == ()


def test_in_a_zone(cell: Cell) -> None:
    zone = Zone.model_validate({"kind": "ask", **GATE})
    asking = cell.model_copy(update={"zones": {**cell.zones, "gate": zone}})
    verdict = checked(asking)
    assert verdict.passed, "a zone that asks forbids nothing"
    (sentence,) = verdict.asks
    assert "enters gate, which needs approval" in sentence
    assert "gate" not in asking.rules, "the loop does not stop in it"


def test_what_is_refused_is_not_asked_about(cell: Cell) -> None:
    zone = Zone.model_validate({"kind": "keep_out", **GATE})
    closed = cell.model_copy(update={"zones": {"gate": zone}})
    verdict = checked(closed, always=True)
    assert not verdict.passed
    assert verdict.asks == ()


def test_every_tool_of_a_plan_can_be_named() -> None:
    tools = {kind.model_fields["tool"].default for kind in StepBase.__subclasses__()}
    assert set(get_args(ToolName)) == tools


@pytest.mark.parametrize("wrong", [{"tools": (7,)}, {"speed": 0}, {"timeout": -1}])
def test_what_cannot_be_meant_is_no_cell(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Approval.model_validate(wrong)


@pytest.mark.parametrize(
    ("tool", "known"),
    [
        ("arm_home", True),
        ("red_scale_set_tared", True),
        ("arm_hom", False),
        ("arm_bus_home", False),  # a loop owns it: it has no tools
        ("scale_set_tared", False),
    ],
)
def test_a_tool_that_nobody_could_have_guards_nothing(tool: str, known: bool) -> None:
    data = tomllib.loads((SHIPPED / "cells" / "desk.toml").read_text())
    data["approval"] = {"tools": ["wait", tool]}
    faults = list(demand_faults(data, Path))
    assert [fault.path for fault in faults] == ([] if known else [("approval", "tools", 1)])
