"""A conveyor in the check: what lies on it is carried, what is pushed off it is not."""

from __future__ import annotations

import pytest
from desk_plans import at_home, grip, joints, lying, pick, plan, pose
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker

WAY = 0.1  # m
ON, BESIDE = (0.35, 0.2), (0.2, 0.14)


@pytest.fixture(scope="module")
def line() -> Cell:
    return load_cell("line")


@pytest.fixture(scope="module")
def checker(line: Cell) -> Checker:
    return Checker(line)


def test_what_lies_on_it_is_carried_and_what_lies_beside_it_is_not(
    line: Cell, checker: Checker
) -> None:
    start = at_home(line, checker, red_cube_a=lying(*ON), blue_cube=lying(*BESIDE))
    verdict = checker.check(plan(joints(belt=WAY)), start)
    assert verdict.passed, verdict.violations
    x, y, _ = verdict.end_objects["red_cube_a"].position
    assert (x, y) == pytest.approx((ON[0] - WAY, ON[1]), abs=0.003)
    assert verdict.end_objects["blue_cube"] == start.objects["blue_cube"]


def test_what_meets_a_standing_thing_is_displaced(line: Cell, checker: Checker) -> None:
    """Half of it lies on the table: the belt turns it, or leaves it behind."""
    start = at_home(line, checker, red_cube_a=lying(0.35, 0.2 - 0.042))
    verdict = checker.check(plan(joints(belt=0.3)), start)
    assert "displaced" in {violation.kind for violation in verdict.violations}


def test_what_the_arm_pushes_on_it_is_displaced(line: Cell, checker: Checker) -> None:
    there = (0.15, 0.2)
    start = at_home(line, checker, red_cube_a=lying(*there))
    into = pose((there[0], there[1] - 0.005, 0.02), tilt=0.3)
    verdict = checker.check(plan(grip(0.0), into), start)
    assert not verdict.passed


def test_pressing_a_held_thing_on_it_is_refused(line: Cell, checker: Checker) -> None:
    x, y = 0.15, 0.2
    start = at_home(line, checker, red_cube_a=lying(x, y))
    steps = pick(x, y, 0.0)
    onto = {**steps[3], "position": (*steps[3]["position"][:2], 0.004)}
    verdict = checker.check(plan(*steps[:5], onto), start)
    assert "force" in {violation.kind for violation in verdict.violations}, verdict.violations


def test_poses_and_home_leave_it_where_it_is(line: Cell, checker: Checker) -> None:
    steps = [joints(belt=WAY), pose((0.2, 0.1, 0.15), tilt=0.5), {"tool": "arm_home"}]
    verdict = checker.check(plan(*steps), at_home(line, checker))
    assert verdict.passed, verdict.violations
    assert verdict.trajectory is not None
    assert verdict.trajectory.joints[-1] == "belt"
    assert verdict.trajectory.predicted[-1, -1] == pytest.approx(WAY, abs=0.001)


def test_its_tube_is_narrow(line: Cell, checker: Checker) -> None:
    verdict = checker.check(plan(joints(belt=WAY)), at_home(line, checker))
    assert verdict.trajectory is not None
    assert verdict.trajectory.band[:, -1].max() <= 0.01
