"""The command that holds the arm holds it: nothing sags or jumps when the servos take it."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.world import Scene, load_model


def test_the_arm_stands_where_it_was_to_be_held(cell: Cell) -> None:
    checker, model = Checker(cell), load_model(cell)
    scene, data = Scene(model, cell), mujoco.MjData(model)
    rng = np.random.default_rng(0)
    for _ in range(20):
        position = rng.uniform((-1.5, -0.9, -0.9, -1, -2, 0), (1.5, -0.4, 0.4, 1, 2, 1))
        mujoco.mj_resetData(model, data)
        data.qpos[scene.joint_qpos] = position
        data.ctrl[:] = checker.hold_command(position)
        mujoco.mj_step(model, data, 250)
        assert data.qpos[scene.joint_qpos] == pytest.approx(position, abs=5e-4)


def test_no_command_to_hold_is_beyond_the_limits(cell: Cell) -> None:
    checker = Checker(cell)
    for side in ("low", "high"):
        position = [getattr(cell.arm.limits[name], side) for name in cell.arm.all_joints]
        for name, command in zip(cell.arm.all_joints, checker.hold_command(position), strict=True):
            assert cell.arm.limits[name].low <= command <= cell.arm.limits[name].high
