"""Singularities: found where a direction is lost, told with a pose that passes."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from desk_plans import plan, pose
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.check.dexterity import TOOL, Dexterity
from handrail_sim.check.ik import Reach
from handrail_sim.plan import MoveToPose
from handrail_sim.verdict import ViolationKind
from handrail_sim.world import Scene, load_model

TURN = 1e-6  # rad
# UR5e: upper arm and forearm in line; forearm and tool axes in line.
STRAIGHT = {"elbow": 0.0}
WRIST = {"wrist_2": 0.0}


def dexterity(cell: Cell) -> Dexterity:
    return Dexterity(cell, Scene(load_model(cell), cell), Reach(cell))


def at_home(cell: Cell, **other: float) -> np.ndarray:
    return np.array([{**cell.arm.home, **other}[name] for name in cell.arm.joints])


def by_differences(cell: Cell, joints: np.ndarray) -> float:
    """The same figure by another road: TCP poses a little apart."""
    model = load_model(cell)
    scene, data = Scene(model, cell), mujoco.MjData(model)

    def tcp(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        data.qpos[scene.joint_qpos[: len(at)]] = at
        mujoco.mj_kinematics(model, data)
        return data.site_xpos[scene.tcp].copy(), data.site_xmat[scene.tcp].reshape(3, 3).copy()

    columns = []
    for turned in np.eye(len(joints)) * TURN:
        (ahead, after), (behind, before) = tcp(joints + turned), tcp(joints - turned)
        spin = (after @ before.T - before @ after.T) / 4  # the skew part, of both ways
        turn = np.array([spin[2, 1], spin[0, 2], spin[1, 0]]) / TURN
        columns.append(np.concatenate([(ahead - behind) / (2 * TURN), TOOL * turn]))
    return float(np.linalg.svd(np.array(columns).T, compute_uv=False)[-1])


@pytest.mark.parametrize("name", ["desk", "ur5e", "panda"])
def test_the_figure_is_the_jacobians_least_singular_value(name: str) -> None:
    cell = load_cell(name)
    found = dexterity(cell)
    rng = np.random.default_rng(3)
    for _ in range(10):
        joints = at_home(cell) + rng.uniform(-0.4, 0.4, len(cell.arm.joints))
        assert found.at(joints) == pytest.approx(by_differences(cell, joints), abs=1e-6)


@pytest.mark.parametrize("joints", [STRAIGHT, WRIST], ids=["elbow", "wrist"])
def test_a_direction_that_is_lost_shows(joints: dict[str, float]) -> None:
    cell = load_cell("ur5e")
    found = dexterity(cell)
    assert found.at(at_home(cell, **joints)) < 1e-3 < 10e-3 < found.at(at_home(cell))


def test_a_pose_with_the_arm_stretched_out_is_refused_with_one_that_passes() -> None:
    cell = load_cell("desk")
    checker, reach, found = Checker(cell), Reach(cell), dexterity(cell)
    start = checker.at_home()
    for radius in np.arange(0.30, 0.45, 0.0005):
        x, y = (cell.arm.axis[0] + radius, cell.arm.axis[1])
        step = pose((round(x, 4), round(y, 4), 0.18), tilt=0.7)
        solution = reach.solve(MoveToPose.model_validate(step), start.position)
        if solution.reached and found.at(solution.joints) < cell.check.dexterity:
            break
    else:
        pytest.fail("the arm is nowhere stretched out")
    (violation,) = checker.check(plan(step), start).violations
    assert violation.kind == ViolationKind.SINGULARITY
    assert violation.value < violation.limit == cell.check.dexterity
    nearest = violation.detail["nearest"]
    assert math.dist(nearest["position"], step["position"]) < 0.05
    assert "can be reached" in violation.hint
    better = pose(tuple(nearest["position"]), tilt=nearest["tilt"])
    assert checker.check(plan(better), start).passed
