"""A plan that passes only where the world is as believed is told apart from one that passes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from desk_plans import at_home, carry, grip, lying, pick, plan, point, pose, scattered, sort
from handrail_sim.cell import Cell, Zone
from handrail_sim.check.checker import Checker
from handrail_sim.links import Links
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
    """Beside a cube that may lie 25 mm aside, 12 mm are not enough in every world."""
    doubtful = Checker(believing(cell, place=0.025))
    x, y, _ = point(0.2, WEST, 0.0)
    beside = point(0.2, WEST + 0.2, 0.03)
    to = plan(carry(WEST + 0.2), grip(0.0), pose(beside, tilt=0.1))
    sure = Checker(believing(cell, place=0.0))
    begun = at_home(cell, sure, red_cube_a=lying(x, y, WEST))
    assert sure.check(to, begun).violations == ()
    verdict = doubtful.check(to, begun)
    assert verdict.robustness is not None
    assert verdict.robustness.passed < verdict.robustness.worlds
    assert "red_cube_a lies" in verdict.robustness.worst


def test_too_few_worlds_are_a_violation_that_names_the_worst(cell: Cell, start: StartState) -> None:
    """A grasp of what may lie 20 mm aside."""
    blind = Checker(believing(cell, place=0.02, enough=1.0))
    verdict = blind.check(sort(cell, "red_cube_a", start), start)
    (violation,) = verdict.violations
    found = verdict.robustness
    assert found is not None
    assert violation.kind == ViolationKind.ROBUSTNESS
    assert (violation.value, violation.limit) == (found.passed, found.worlds)
    assert f"In {found.worlds - found.passed} of {found.worlds} worlds" in violation.sentence
    assert violation.detail["kind"] in ("dropped", "goal", "displaced", "force")
    assert "of the believed friction" in violation.detail["world"]
    assert verdict.trajectory is None


def test_how_many_are_enough_is_the_cells(cell: Cell, start: StartState) -> None:
    asked = sort(cell, "red_cube_a", start)
    never = Checker(believing(cell, place=0.02, enough=1.0)).check(asked, start)
    often = Checker(believing(cell, place=0.02, enough=0.1)).check(asked, start)
    assert not never.passed
    assert often.passed
    assert often.robustness == never.robustness


def test_harm_in_one_world_is_too_much(cell: Cell, checker: Checker) -> None:
    """A zone half a millimetre beside the way as believed: other servos bring the arm into it."""
    sweep = plan(carry(WEST), carry(math.radians(-60)))
    begun = at_home(cell, checker)
    believed = checker.check(sweep, begun)
    assert believed.trajectory is not None
    assert believed.path is not None
    links, size = Links(cell), (0.02, 0.02, 0.02)
    rows = believed.trajectory.predicted.tolist()
    x, y, z = believed.path[len(rows) // 2].tolist()
    for away in np.arange(0.15, 0.0, -0.0003).tolist():
        box = ((x + away, y, z), size, 0.0)
        if min(links.nearest(row, (), box)[0] for row in rows) < 0.0005:
            break
    beside = {"kind": "keep_out", "center": box[0], "size": size, "margin": 0.0}
    zoned = believing(cell, enough=0.0)
    zoned = zoned.model_copy(update={"zones": {"beside": Zone.model_validate(beside)}})
    (violation,) = Checker(zoned).check(sweep, begun).violations
    assert violation.kind == ViolationKind.ROBUSTNESS
    assert violation.detail["kind"] == ViolationKind.ZONE


def test_a_plan_that_fails_as_believed_is_not_tried_elsewhere(cell: Cell, checker: Checker) -> None:
    verdict = checker.check(plan(pose((0.2, 0.1, 0.001))), at_home(cell, checker))
    assert not verdict.passed
    assert verdict.robustness is None


def test_a_good_grasp_passes_in_most(cell: Cell, checker: Checker) -> None:
    x, y, _ = point(0.2, WEST, 0.0)
    begun = at_home(cell, checker, red_cube_a=lying(x, y, WEST))
    verdict = checker.check(plan(*pick(x, y, WEST)), begun)
    assert verdict.violations == ()
    assert verdict.robustness is not None
    assert verdict.robustness.passed >= 6
