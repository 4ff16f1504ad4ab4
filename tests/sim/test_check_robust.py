"""A plan that passes only where the world is as believed is told apart from one that passes."""

from __future__ import annotations

import math

import pytest
from desk_plans import at_home, carry, grip, joints, lying, pick, plan, point, pose
from handrail_sim.cell import Cell, Zone
from handrail_sim.check.checker import Checker
from handrail_sim.links import Links
from handrail_sim.verdict import Verdict, ViolationKind

WEST = math.radians(40)


def believing(cell: Cell, **spread: float) -> Cell:
    other = cell.check.spread.model_copy(update=spread)
    return cell.model_copy(update={"check": cell.check.model_copy(update={"spread": other})})


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


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


def to_a_hair(cell: Cell, enough: float) -> Verdict:
    """Be somewhere more exactly than every servo of the cell's other worlds is."""
    checker = Checker(believing(cell, enough=enough))
    there = point(0.2, WEST, 0.12)
    goal = [{"predicate": "at_pose", "position": there, "tolerance": 0.004}]
    return checker.check(plan(pose(there, tilt=0.4), goal=goal), at_home(cell, checker))


def test_too_few_worlds_are_a_violation_that_names_the_worst(cell: Cell) -> None:
    verdict = to_a_hair(cell, enough=1.0)
    (violation,) = verdict.violations
    found = verdict.robustness
    assert found is not None
    assert violation.kind == ViolationKind.ROBUSTNESS
    assert (violation.value, violation.limit) == (found.passed, found.worlds)
    assert f"In {found.worlds - found.passed} of {found.worlds} worlds" in violation.sentence
    assert violation.detail["kind"] == "goal"
    assert "of the believed friction" in violation.detail["world"]
    assert verdict.trajectory is None


def test_how_many_are_enough_is_the_cells(cell: Cell) -> None:
    never, often = to_a_hair(cell, enough=1.0), to_a_hair(cell, enough=0.1)
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
    near, far = 0.0, 0.15
    while far - near > 0.0002:
        away = (near + far) / 2
        gap = min(links.nearest(row, (), ((x + away, y, z), size, 0.0))[0] for row in rows[::5])
        near, far = (near, away) if gap > 0.0005 else (away, far)
    beside = {"kind": "keep_out", "center": (x + far, y, z), "size": size, "margin": 0.0}
    zoned = believing(cell, enough=0.0)
    zoned = zoned.model_copy(update={"zones": {"beside": Zone.model_validate(beside)}})
    (violation,) = Checker(zoned).check(sweep, begun).violations
    assert violation.kind == ViolationKind.ROBUSTNESS
    assert violation.detail["kind"] == ViolationKind.ZONE


def test_a_finger_that_comes_down_on_a_thing_in_one_world_is_harm(cell: Cell) -> None:
    """A grasp of what may lie 12 mm aside: in some world it is pressed on the table."""
    blind = Checker(believing(cell, place=0.012, enough=0.0))
    x, y, _ = point(0.2, WEST, 0.0)
    start = at_home(cell, blind, red_cube_a=lying(x, y, WEST))
    (violation,) = blind.check(plan(*pick(x, y, WEST)[:4]), start).violations
    assert violation.kind == ViolationKind.ROBUSTNESS
    assert violation.detail["kind"] == ViolationKind.FORCE


def test_who_is_too_fast_in_a_zone_in_one_world_is_refused(cell: Cell) -> None:
    """A little faster than allowed with other servos only."""
    turn = plan(joints(shoulder_pan=0.4))
    gate = {"kind": "slow", "center": (0.1, 0.1, 0.25), "size": (0.6, 0.6, 0.4)}

    def turned(speed: float) -> Verdict:
        zones = {"gate": Zone.model_validate({**gate, "speed": speed})}
        checker = Checker(believing(cell, enough=0.0).model_copy(update={"zones": zones}))
        return checker.check(turn, at_home(cell, checker))

    (nominal,) = turned(0.01).violations
    assert nominal.kind == ViolationKind.ZONE_SPEED
    (violation,) = turned(nominal.value * 1.0005).violations
    assert violation.kind == ViolationKind.ROBUSTNESS
    assert violation.detail["kind"] == ViolationKind.ZONE_SPEED


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
