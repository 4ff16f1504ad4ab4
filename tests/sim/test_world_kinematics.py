"""The arm's kinematics and weight against the open SO-101 model."""

from __future__ import annotations

import os
from pathlib import Path

import mujoco
import numpy as np
import pytest
from handrail_sim.cell import Cell
from handrail_sim.world import Scene, load_model
from make_fk_fixture import FIXTURE, GRAVITY_POSES, reference_poses
from numpy.typing import NDArray

TCP_IN_GRIPPER = np.array([0.0046, 0.0, -0.0950])  # as chosen for this arm's fingers
APPROACH_IN_GRIPPER = np.array([0.0, 0.0, -1.0])
OPENING_IN_GRIPPER = np.array([1.0, 0.0, 0.0])

Poses = dict[str, NDArray[np.float64]]


def reference_folder() -> Path:
    named = os.environ.get("HANDRAIL_SO101_REFERENCE")
    beside = Path(__file__).parents[3] / "shared" / "reference" / "so101"
    return Path(named) if named else beside


@pytest.fixture(scope="module")
def fixture() -> Poses:
    with np.load(FIXTURE) as stored:
        return {name: stored[name] for name in stored.files}


def test_tcp_is_where_the_reference_says(cell: Cell, fixture: Poses) -> None:
    model = load_model(cell)
    data, scene = mujoco.MjData(model), Scene(model, cell)
    assert len(fixture["joints"]) == 1000
    base = model.body("base").pos
    for joints, position, rotation, frame in zip(
        fixture["joints"],
        fixture["gripper_position"],
        fixture["gripper_rotation"],
        fixture["frame_position"],
        strict=True,
    ):
        data.qpos[scene.joint_qpos] = joints
        mujoco.mj_kinematics(model, data)
        tcp, quaternion = scene.tcp_pose(data)
        axes = np.zeros(9)
        mujoco.mju_quat2Mat(axes, quaternion)
        axes = axes.reshape(3, 3)
        assert tcp - base == pytest.approx(position + rotation @ TCP_IN_GRIPPER, abs=1e-4)
        assert data.site("gripperframe").xpos - base == pytest.approx(frame, abs=1e-4)
        assert axes[:, 2] == pytest.approx(rotation @ APPROACH_IN_GRIPPER, abs=1e-4)
        assert axes[:, 0] == pytest.approx(rotation @ OPENING_IN_GRIPPER, abs=1e-4)


def test_gravity_is_what_the_reference_says(cell: Cell, fixture: Poses) -> None:
    scene = Scene(load_model(cell), cell)
    assert len(fixture["gravity"]) == GRAVITY_POSES
    for joints, torque in zip(fixture["joints"], fixture["gravity"], strict=False):
        assert scene.gravity(joints) == pytest.approx(torque, abs=1e-3)


def test_fixture_is_what_the_reference_says(fixture: Poses) -> None:
    model = reference_folder() / "so101_new_calib.xml"
    if not model.is_file():
        pytest.skip("no SO-101 model at hand: name its folder in HANDRAIL_SO101_REFERENCE")
    for name, values in reference_poses(model).items():
        assert values == pytest.approx(fixture[name], abs=1e-9), name


def test_joint_ranges_are_the_references(cell: Cell) -> None:
    model = load_model(cell)
    for name in cell.arm.all_joints:
        limits = cell.arm.limits[name]
        assert model.joint(name).range == pytest.approx([limits.low, limits.high], abs=1e-4)
