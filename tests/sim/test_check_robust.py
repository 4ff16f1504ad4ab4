"""A plan that passes only where the world is as believed is told apart from one that passes."""

from __future__ import annotations

import math

import pytest
from desk_plans import at_home, carry, lying, pick, plan, point, pose, scattered, sort
from handrail_sim.cell import Cell, Zone
from handrail_sim.check.checker import Checker
from handrail_sim.verdict import StartState, ViolationKind

WEST = math.radians(40)


def believing(cell: Cell, **spread: float) -> Cell:
    other = cell.check.spread.model_copy(update=spread)
    return cell.model_copy(update={"check": cell.check.model_copy(update={"spread": other})})


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture(scope="module")
def start(cell: Cell, checker: Checker) -> StartState:
    return at_home(cell, checker, **scattered(cell, 0))


def test_a_motion_through_the_air_passes_everywhere(cell: Cell, checker: Checker) -> None:
    found = checker.check(plan(carry(WEST)), at_home(cell, checker)).robustness
    assert found is not None
    assert (found.passed, found.worlds, found.worst) == (8, 8, "")


def test_a_way_that_is_clear_by_less_than_the_world_may_differ_is_refused(cell: Cell) -> None:
    """Beside a cube that may lie 25 mm aside, 15 mm are enough in one world only."""
    doubtful = Checker(believing(cell, place=0.025))
    x, y, _ = point(0.2, WEST, 0.0)
    beside = point(0.2, WEST + 0.35, 0.03)
    to = plan(carry(WEST + 0.35), pose(beside))
    sure = Checker(believing(cell, place=0.0))
    begun = at_home(cell, sure, red_cube_a=lying(x, y, WEST))
    assert sure.check(to, begun).violations == ()
    verdict = doubtful.check(to, begun)
    assert verdict.robustness is not None
    assert verdict.robustness.passed < verdict.robustness.worlds
    assert "red_cube_a lies" in verdict.robustness.worst


def test_too_few_worlds_are_a_violation_that_names_the_worst(cell: Cell, start: StartState) -> None:
    """A grasp that friction alone decides."""
    slippery = Checker(believing(cell, friction=0.95, enough=1.0))
    verdict = slippery.check(sort(cell, "red_cube_a", start), start)
    (violation,) = verdict.violations
    found = verdict.robustness
    assert found is not None
    assert violation.kind == ViolationKind.ROBUSTNESS
    assert (violation.value, violation.limit) == (found.passed, found.worlds)
    assert f"In {found.worlds - found.passed} of {found.worlds} worlds" in violation.sentence
    assert violation.detail["kind"] in ("dropped", "goal", "displaced")
    assert "of the believed friction" in violation.detail["world"]
    assert verdict.trajectory is None


def test_how_many_are_enough_is_the_cells(cell: Cell, start: StartState) -> None:
    asked = sort(cell, "red_cube_a", start)
    never = Checker(believing(cell, friction=0.95, enough=1.0)).check(asked, start)
    often = Checker(believing(cell, friction=0.95, enough=0.1)).check(asked, start)
    assert not never.passed
    assert often.passed
    assert often.robustness == never.robustness


def test_harm_in_one_world_is_too_much(cell: Cell) -> None:
    """With servos that lag by very much more, a pass just clear of the post is none."""
    tight = plan(carry(WEST), carry(math.radians(-60)))
    checker = Checker(cell)
    begun = at_home(cell, checker)
    assert checker.check(tight, begun).passed
    lame = believing(cell, gain=0.6, enough=0.0)
    low = {"kind": "keep_out", "center": (0.2, -0.05, 0.1), "size": (0.2, 0.2, 0.2), "margin": 0.0}
    zoned = lame.model_copy(update={"zones": {"low": Zone.model_validate(low)}})
    verdict = Checker(zoned).check(tight, begun)
    assert not verdict.passed
    assert {v.kind for v in verdict.violations} <= {ViolationKind.ROBUSTNESS, ViolationKind.ZONE}


def test_a_plan_that_fails_as_believed_is_not_tried_elsewhere(cell: Cell, checker: Checker) -> None:
    verdict = checker.check(plan(pose((0.2, 0.1, 0.001))), at_home(cell, checker))
    assert not verdict.passed
    assert verdict.robustness is None


def test_a_pick_under_the_post_names_its_step(cell: Cell, checker: Checker) -> None:
    x, y, _ = point(0.2, WEST, 0.0)
    begun = at_home(cell, checker, red_cube_a=lying(x, y, WEST))
    verdict = checker.check(plan(*pick(x, y, WEST)), begun)
    assert verdict.violations == ()
    assert verdict.robustness is not None
    assert verdict.robustness.passed >= 6
