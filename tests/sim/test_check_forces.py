"""Forces: a cube may be gripped, and must not be pressed on what it stands on."""

from __future__ import annotations

import math
from typing import Any

import pytest
from desk_plans import at_home, grip, lying, pick, plan, point, pose
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.demands import ForceLimit
from handrail_sim.verdict import StartState, Verdict, ViolationKind
from handrail_sim.world import load_model

AZIMUTH = math.radians(40)
X, Y, _ = point(0.2, AZIMUTH, 0.0)


def demanding(cell: Cell, **check: Any) -> Cell:
    return cell.model_copy(update={"check": cell.check.model_copy(update=check)})


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture(scope="module")
def start(cell: Cell, checker: Checker) -> StartState:
    return at_home(cell, checker, red_cube_a=lying(X, Y, AZIMUTH))


def lowered(by: float) -> Any:
    """Take the cube and bring it back down, ``by`` [m] lower than it was grasped."""
    taken = pick(X, Y, AZIMUTH)[:-1]
    (grasp,) = [step for step in taken if step.get("speed") == 0.4]
    x, y, z = grasp["position"]
    return plan(*taken, {**grasp, "position": (x, y, z - by), "speed": 0.3}, grip(0.05))


def kinds(verdict: Verdict) -> set[str]:
    return {violation.kind for violation in verdict.violations}


def test_gripping_and_lifting_is_no_pressing(checker: Checker, start: StartState) -> None:
    assert checker.check(plan(*pick(X, Y, AZIMUTH)), start).violations == ()


def test_what_is_held_must_not_be_pressed_on_the_table(checker: Checker, start: StartState) -> None:
    verdict = checker.check(lowered(0.012), start)
    (violation,) = [v for v in verdict.violations if v.kind == ViolationKind.FORCE]
    assert violation.subject == "red_cube_a and table"
    assert violation.unit == "N"
    assert violation.value > violation.limit
    assert "let go of red_cube_a higher" in violation.hint


def test_setting_it_down_gently_passes(checker: Checker, start: StartState) -> None:
    assert ViolationKind.FORCE not in kinds(checker.check(lowered(-0.004), start))


def test_the_grip_has_a_limit_of_its_own(cell: Cell, start: StartState) -> None:
    gentle = Checker(demanding(cell, grip_force=1.0))
    verdict = gentle.check(plan(*pick(X, Y, AZIMUTH)), start)
    (violation, *_) = verdict.violations
    assert violation.kind == ViolationKind.FORCE
    assert "presses on red_cube_a" in violation.sentence


def test_a_pair_may_have_its_own_limit(cell: Cell, start: StartState) -> None:
    body = cell.objects["red_cube_a"].body
    soft = (ForceLimit(one=body, other="table", force=500.0),)
    verdict = Checker(demanding(cell, forces=soft)).check(lowered(0.012), start)
    assert "red_cube_a and table" not in {v.subject for v in verdict.violations}


@pytest.mark.parametrize(
    ("one", "other", "field", "right"),
    [
        ("red_cube", "table", "one", "red_cube_a"),  # misspelt
        ("red_cube_a", "tabel", "other", "table"),
        ("table", "table", "other", "red_cube_a"),  # nothing that moves
        ("red_cube_a", "shoulder", "other", "moving_jaw"),  # a link that holds nothing
    ],
)
def test_a_limit_that_would_not_count_is_no_cell(
    cell: Cell, one: str, other: str, field: str, right: str
) -> None:
    told = (
        ForceLimit(one="table", other="blue_cube", force=9.0),  # either way round
        ForceLimit(one=one, other=other, force=1.0),
    )
    with pytest.raises(InvalidCell, match=f"no force between '{one}' and '{other}'") as refused:
        load_model(demanding(cell, forces=told))
    assert refused.value.field == f"check.forces[1].{field}"
    assert right in refused.value.choices


def test_what_falls_knocks_but_is_not_pressed(checker: Checker, start: StartState) -> None:
    taken = pick(X, Y, AZIMUTH)[:-1]
    high = pose((X, Y, 0.12), tilt=0.0, yaw=AZIMUTH)
    verdict = checker.check(plan(*taken, high, grip(0.05)), start)
    assert ViolationKind.FORCE not in kinds(verdict)


def test_what_is_too_heavy_is_not_carried(cell: Cell, start: StartState) -> None:
    arm = cell.arm.model_copy(update={"payload": 0.02})
    verdict = Checker(cell.model_copy(update={"arm": arm})).check(plan(*pick(X, Y, AZIMUTH)), start)
    (violation,) = verdict.violations
    assert violation.kind == ViolationKind.PAYLOAD
    assert (violation.value, violation.limit, violation.unit) == (0.03, 0.02, "kg")
    assert violation.step == 4
