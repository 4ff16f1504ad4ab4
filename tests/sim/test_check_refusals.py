"""Plans that must not pass are refused by name, with numbers and a hint that leads on."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from desk_plans import (
    after,
    at_home,
    carry,
    grip,
    joints,
    lying,
    pick,
    plan,
    point,
    pose,
)
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.verdict import StartState
from handrail_sim.world import jaw_gaps
from verdicts import passes, refused

WEST = math.radians(40)
EAST = math.radians(-45)
CUBE = point(0.2, WEST, 0.0)[:2]


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture
def home(cell: Cell, checker: Checker) -> StartState:
    return at_home(cell, checker)


@pytest.fixture
def cube(cell: Cell, checker: Checker) -> StartState:
    """At home, a cube in the west."""
    return at_home(cell, checker, red_cube_a=lying(*CUBE, WEST))


# --- collisions --------------------------------------------------------------------------------


def test_straight_from_a_pick_to_a_bin_hits_the_post(
    cell: Cell, checker: Checker, cube: StartState
) -> None:
    straight = plan(*pick(*CUBE, WEST)[:-1], pose(point(0.2, EAST, 0.095), tilt=math.radians(15)))
    violation = refused(checker.check(straight, cube))
    assert (violation.kind, violation.subject, violation.step) == (
        "collision",
        "gripper and post",
        6,
    )
    assert violation.value < 0
    box = cell.obstacles["post"]
    assert violation.detail["obstacle"] == "post"
    assert violation.detail["top_z"] == pytest.approx(0.15)
    assert violation.detail["center"] == list(box.center)
    assert violation.detail["size"] == list(box.size)
    assert "0.150" in violation.hint


def test_what_is_held_must_pass_the_post_as_well(checker: Checker, cube: StartState) -> None:
    """The gripper clears the post; the cube in it does not."""
    held = after(passes(checker, cube, *pick(*CUBE, WEST)))
    low = [pose(point(0.21, azimuth, 0.168), tilt=math.radians(50)) for azimuth in (0.2, -0.7)]
    violation = refused(checker.check(plan(*low), held))
    assert violation.subject == "red_cube_a and post"
    assert violation.kind in ("collision", "clearance")


def test_what_is_held_must_pass_what_the_cell_does_not_name(
    cell: Cell, checker: Checker, cube: StartState
) -> None:
    """As much of somebody's own model as stands there, and is no single box."""
    held = after(passes(checker, cube, *pick(*CUBE, WEST)))
    nameless = Checker(cell.model_copy(update={"obstacles": {}}))
    low = [pose(point(0.21, azimuth, 0.168), tilt=math.radians(50)) for azimuth in (0.2, -0.7)]
    violation = refused(nameless.check(plan(*low), held))
    assert violation.subject == "red_cube_a and post"
    assert violation.kind in ("collision", "clearance")


@pytest.mark.parametrize(
    "step",
    [pose(point(0.2, WEST, -0.02)), joints(shoulder_lift=0.35, wrist_flex=1.4)],
)
def test_into_the_table(checker: Checker, home: StartState, step: dict[str, Any]) -> None:
    violation = refused(checker.check(plan(carry(WEST), step), home))
    assert (violation.kind, violation.step) == ("collision", 1)
    assert violation.subject in ("gripper and table", "moving_jaw and table")
    assert "table" in violation.hint


def test_into_a_bins_wall(cell: Cell, checker: Checker, home: StartState) -> None:
    x, y, _ = cell.regions["red_bin"].center
    wall = (x + 0.047 * math.cos(EAST), y + 0.047 * math.sin(EAST), 0.03)
    verdict = checker.check(plan(carry(EAST), pose(wall, yaw=EAST + math.pi / 2)), home)
    assert refused(verdict).detail["obstacle"] == "red_bin"
    assert "collision" in {violation.kind for violation in verdict.violations}


def test_into_itself(checker: Checker, home: StartState) -> None:
    folded = joints(shoulder_lift=-1.7, elbow_flex=1.6, wrist_flex=1.6)
    violation = refused(checker.check(plan(folded), home))
    assert (violation.kind, violation.subject) == ("collision", "gripper and shoulder")
    assert "arm_home" in violation.hint


def test_a_collision_is_told_without_its_consequences(checker: Checker, home: StartState) -> None:
    """A jammed joint lags and strains; that is no second fault of the plan."""
    sweep = plan(pose(point(0.2, WEST, 0.06)))
    verdict = checker.check(sweep, home)
    assert refused(verdict).kind == "collision"
    assert {violation.kind for violation in verdict.violations} <= {"collision", "clearance"}


# --- out of reach, out of range ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "more"),
    [
        ((0.6, 0.3, 0.1), {}),
        ((0.2, 0.1, 0.2), {}),  # a gripper that points down cannot be so high
        ((0.3, 0.2, 0.05), {"tilt": 0.0}),
        ((0.2, 0.1, 0.06), {"yaw": 3.6}),  # the wrist does not turn so far; the jaw is symmetric
        ((0.25, -0.2, 0.45), {"tilt": 0.4, "yaw": 0.3}),
        ((0.25, 0.15, -0.4), {}),  # the arm alone gets far below the table's top
    ],
)
def test_out_of_reach_gets_a_pose_that_is_not(
    checker: Checker, home: StartState, position: tuple[float, ...], more: dict[str, float]
) -> None:
    violation = refused(checker.check(plan(carry(0.3), pose(position, **more)), home))
    assert (violation.kind, violation.step) == ("unreachable", 1)
    assert violation.value > violation.limit
    nearest = violation.detail["nearest"]
    assert f"{nearest['position'][0]:.4f}" in violation.hint
    again = checker.check(plan(carry(0.3), pose(**nearest)), home)
    assert again.violations == ()
    assert math.dist(nearest["position"], position) < 0.5


def test_millimetres_are_recognised(checker: Checker, home: StartState) -> None:
    violation = refused(checker.check(plan(pose((200, 100, 50))), home))
    assert violation.kind == "unreachable"
    assert "(0.2, 0.1, 0.05) m" in violation.hint


def test_how_far_is_too_far_is_measured_from_the_arm(cell: Cell, home: StartState) -> None:
    """It may stand anywhere in the world."""
    arm = cell.arm.model_copy(update={"axis": (2.5, 0.0)})
    checker = Checker(cell.model_copy(update={"arm": arm}))
    assert "millimetres" not in refused(checker.check(plan(pose((2.7, 0.1, 0.1))), home)).hint
    violation = refused(checker.check(plan(pose((0.2, 0.1, 0.1))), home))
    assert (violation.value, violation.limit, violation.unit) == (pytest.approx(2.3), 2.0, "m")
    assert "millimetres" in violation.hint


@pytest.mark.parametrize(("gap", "end"), [(0.11, -1), (0.001, 0)])
def test_beyond_what_the_jaw_opens(
    cell: Cell, checker: Checker, home: StartState, gap: float, end: int
) -> None:
    """It is not set to the nearest gap in silence; gap 0 means closed."""
    violation = refused(checker.check(plan(grip(gap)), home))
    assert (violation.kind, violation.subject, violation.unit) == ("joint_position", "gripper", "m")
    assert violation.value == gap
    limits = jaw_gaps(cell)
    assert limits is not None
    assert violation.limit == limits[end]
    assert checker.check(plan(grip(0.0), grip(round(limits[1], 4)), grip(0.004)), home).passed


def test_beyond_a_joints_limit(checker: Checker, home: StartState) -> None:
    violation = refused(checker.check(plan(joints(elbow_flex=1.7)), home))
    assert (violation.kind, violation.subject) == ("joint_position", "elbow_flex")
    assert (violation.value, violation.limit, violation.unit) == (1.7, 1.69, "rad")


def test_a_cell_may_allow_less_than_the_arm_can(cell: Cell, home: StartState) -> None:
    """The narrower limit binds poses as well."""
    narrow = cell.arm.limits["shoulder_pan"].model_copy(update={"low": -0.3})
    limits = {**cell.arm.limits, "shoulder_pan": narrow}
    arm = cell.arm.model_copy(update={"limits": limits})
    strict = Checker(cell.model_copy(update={"arm": arm}))
    violation = refused(strict.check(plan(carry(math.radians(60))), home))
    assert violation.kind == "unreachable"


def test_longer_than_a_plan_may_last(cell: Cell, checker: Checker, home: StartState) -> None:
    wait = {"tool": "wait", "seconds": 30}
    violation = refused(checker.check(plan(wait, wait, wait), home))
    assert (violation.kind, violation.limit, violation.unit) == ("duration", 60.0, "s")


# --- things ------------------------------------------------------------------------------------


def test_closing_on_nothing_is_not_holding(checker: Checker, cube: StartState) -> None:
    goal = [{"predicate": "holding", "object": "red_cube_a"}]
    verdict = checker.check(plan(carry(WEST), grip(0.0), goal=goal), cube)
    violation = refused(verdict)
    assert (violation.kind, violation.subject) == ("goal", "holding")
    assert "nothing is held" in violation.sentence
    assert f"{CUBE[0]:.3f}" in violation.hint
    assert not verdict.goal[0].met


@pytest.mark.parametrize(
    "goal",
    [
        {"predicate": "holding", "object": "blue_cube"},
        {"predicate": "released"},
        {"predicate": "object_in_region", "object": "red_cube_a", "region": "red_bin"},
        {"predicate": "object_in_region", "object": "blue_cube", "region": "red_bin"},
        {"predicate": "at_pose", "position": (0.2, 0.0, 0.2)},
        {"predicate": "joint_in_range", "joint": "wrist_roll", "low": 1.0, "high": 2.0},
    ],
)
def test_a_goal_that_is_not_met(checker: Checker, cube: StartState, goal: dict[str, Any]) -> None:
    violation = refused(checker.check(plan(*pick(*CUBE, WEST), goal=[goal]), cube))
    assert (violation.kind, violation.subject) == ("goal", goal["predicate"])


@pytest.mark.parametrize("seed", range(5))
def test_what_is_pushed_away_is_named(cell: Cell, checker: Checker, seed: int) -> None:
    azimuth = math.radians(np.random.default_rng(seed).uniform(15, 90))
    start = at_home(cell, checker, blue_cube=lying(*point(0.2, azimuth, 0)[:2]))
    through = [pose(point(radius, azimuth, 0.03)) for radius in (0.14, 0.24)]
    violation = refused(checker.check(plan(carry(azimuth), *through), start))
    assert (violation.kind, violation.subject, violation.step) == ("displaced", "blue_cube", 2)
    assert violation.value > violation.limit


def test_what_is_knocked_off_another_is_named(cell: Cell, checker: Checker) -> None:
    below = lying(*CUBE, WEST)
    x, y, z = below.position
    above = dataclasses.replace(below, position=(x, y, z + 0.025))
    start = at_home(cell, checker, red_cube_a=below, blue_cube=above)
    through = [pose(point(radius, WEST, 0.055)) for radius in (0.14, 0.24)]
    verdict = checker.check(plan(carry(WEST), *through), start)
    violation = refused(verdict)
    assert (violation.kind, violation.subject) == ("displaced", "blue_cube")


def slack(cube: StartState, gap: float) -> list[dict[str, Any]]:
    steps = pick(*CUBE, WEST)
    steps[4] = grip(gap)
    return steps


def test_what_slips_right_after_the_grasp_is_dropped(checker: Checker, cube: StartState) -> None:
    """The jaw barely touches: the cube is lost while it is lifted, not let go."""
    violation = refused(checker.check(plan(*slack(cube, 0.0265)), cube))
    assert (violation.kind, violation.subject, violation.step) == ("dropped", "red_cube_a", 5)


def test_letting_go_is_not_dropping(checker: Checker, cube: StartState) -> None:
    picked = pick(*CUBE, WEST)
    for opened in (grip(0.05), joints(gripper=0.7)):
        passes(checker, cube, *picked[:5], opened, picked[5], carry(WEST))


def test_an_object_of_unknown_place_is_in_nobodys_way(cell: Cell, checker: Checker) -> None:
    lost = lying(*CUBE, source="unknown")
    start = at_home(cell, checker, red_cube_a=lost)
    through = [pose(point(radius, WEST, 0.03)) for radius in (0.14, 0.24)]
    verdict = passes(checker, start, carry(WEST), *through)
    assert verdict.end_objects["red_cube_a"] == lost


def test_a_plan_never_checked_has_no_trajectory(checker: Checker, home: StartState) -> None:
    """Nothing of a refused plan can be played."""
    bad: list[Plan] = [
        plan(pose((9, 9, 9))),
        plan(joints(elbow_flex=3)),
        plan(pose(point(0.2, 0.7, -0.03))),
    ]
    for one in bad:
        assert checker.check(one, home).trajectory is None
