"""Arms with six and seven joints: the same check, from the same few lines of a cell file."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest
from desk_plans import plan, pose
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell, require_movable
from handrail_sim.check.checker import Checker
from handrail_sim.check.ik import Reach
from handrail_sim.plan import MoveToPose
from handrail_sim.verdict import StartState, Verdict
from handrail_sim.world import Scene, load_model

ARMS = ["ur5e", "panda"]
# Either side of the post, lower than its top.
NEAR, FAR = (0.45, 0.05, 0.2), (0.3, -0.35, 0.2)


@pytest.fixture(scope="module", params=ARMS)
def cell(request: pytest.FixtureRequest) -> Cell:
    return load_cell(str(request.param))


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


def checked(checker: Checker, *steps: dict[str, Any], **goal: Any) -> Verdict:
    goals = [goal] if goal else []
    return checker.check(plan(*steps, goal=goals), checker.at_home())


def kinds(verdict: Verdict) -> set[str]:
    return {violation.kind for violation in verdict.violations}


def test_a_pose_is_reached_and_the_goal_met(checker: Checker) -> None:
    target = (0.3, 0.4, 0.3)
    verdict = checked(checker, pose(target), predicate="at_pose", position=target, tolerance=0.01)
    assert verdict.violations == ()
    assert verdict.robustness is not None
    assert verdict.robustness.passed == verdict.robustness.worlds


def test_home_is_free_and_points_down(cell: Cell) -> None:
    model = load_model(cell)
    data, scene = mujoco.MjData(model), Scene(model, cell)
    data.qpos[scene.joint_qpos] = [cell.arm.home[name] for name in cell.arm.all_joints]
    mujoco.mj_forward(model, data)
    approach = data.site_xmat[scene.tcp].reshape(3, 3)[:, 2]
    assert approach[2] < -0.99
    bodies = {model.body(body).name for body in range(model.nbody)} - {"floor", "post", "crate"}
    touching = [
        {model.body(model.geom_bodyid[geom]).name for geom in pair}
        for pair in data.contact.geom.tolist()
    ]
    assert not [pair for pair in touching if pair & bodies]


def test_poses_all_round_are_found_exactly(cell: Cell) -> None:
    reach = Reach(cell)
    home = [cell.arm.home[name] for name in cell.arm.all_joints]
    rng = np.random.default_rng(3)
    missed = []
    for _ in range(40):
        radius, azimuth = rng.uniform(0.35, 0.55), rng.uniform(-2.0, 2.0)
        position = (radius * math.cos(azimuth), radius * math.sin(azimuth), rng.uniform(0.15, 0.5))
        yaw, tilt = rng.uniform(-1.5, 1.5), rng.uniform(0.0, 0.6)
        step = MoveToPose(position=position, tilt=tilt, yaw=azimuth + yaw)
        found = reach.solve(step, home)
        if not found.reached:
            missed.append(step)
    assert len(missed) <= 2, missed


def test_through_the_post_is_refused_and_round_it_a_way_is_found(checker: Checker) -> None:
    straight = checked(checker, pose(NEAR), pose(FAR))
    assert kinds(straight) & {"collision", "clearance"}
    assert any("post" in violation.subject for violation in straight.violations)
    round_ = checked(checker, pose(NEAR, avoid=True), pose(FAR, avoid=True))
    assert round_.violations == ()


def test_the_crate_may_not_be_pushed(checker: Checker) -> None:
    low = {"tool": "arm_move_to_pose", "tilt": 0.0}
    before, after = {**low, "position": (0.45, 0.45, 0.05)}, {**low, "position": (0.45, 0.1, 0.05)}
    verdict = checked(checker, before, after)
    assert kinds(verdict) & {"displaced", "collision", "robustness"}


def test_the_floor_stops_the_tool(checker: Checker) -> None:
    verdict = checked(checker, pose((0.3, 0.4, 0.1)), pose((0.3, 0.4, -0.05)))
    assert kinds(verdict) == {"collision"}
    assert all(violation.subject.endswith("and floor") for violation in verdict.violations)


def test_the_joints_follow_closely(checker: Checker, cell: Cell) -> None:
    verdict = checked(checker, pose((0.3, 0.4, 0.3)))
    assert verdict.trajectory is not None
    end = verdict.trajectory.predicted[-1]
    held = verdict.trajectory.hold[-1]
    assert end == pytest.approx(held, abs=0.03)
    for name, effort in verdict.peak_effort.items():
        assert effort < 0.9 * cell.arm.limits[name].effort


def test_what_nothing_moves_cannot_be_brought_up(cell: Cell) -> None:
    with pytest.raises(InvalidCell, match="can be checked, and not run"):
        require_movable(cell)


def test_a_thing_of_unknown_place_hinders_no_check(cell: Cell) -> None:
    """It is put aside, and there is a floor everywhere."""
    checker = Checker(cell)
    home = tuple(cell.arm.home[joint] for joint in cell.arm.all_joints)
    start = StartState(home, checker.hold_command(home), {})
    verdict = checker.check(plan({"tool": "arm_home"}), start)
    assert verdict.passed, verdict.violations
