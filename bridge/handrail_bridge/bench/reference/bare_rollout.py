"""The reference of ``bench check``: the same steps through ``mujoco.rollout``, and nothing else.

Frozen: it is never made slower, and never learns what Handrail learns.
"""

from __future__ import annotations

import time

import mujoco
import numpy as np
from handrail_sim.cell import Cell
from handrail_sim.world import Array, load_spec
from mujoco import rollout


class BareRollout:
    """The cell's world with plain position servos, from where its file puts it."""

    def __init__(self, cell: Cell) -> None:
        spec = load_spec(cell)
        for name in cell.arm.all_joints:
            servo, limits = cell.arm.servo[name], cell.arm.limits[name]
            joint = spec.joint(name)
            joint.damping[0], joint.frictionloss = servo.damping, servo.friction
            actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
            actuator.set_to_position(kp=servo.stiffness)
            actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
            actuator.forcerange = (-limits.effort, limits.effort)
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        joints = [self._model.joint(name).qposadr[0] for name in cell.arm.all_joints]
        self._data.qpos[joints] = [cell.arm.home[name] for name in cell.arm.all_joints]

    def play(self, controls: Array) -> float:
        """Return how long [s] the steps of controls (steps, 6) [rad] take."""
        full = mujoco.mjtState.mjSTATE_FULLPHYSICS
        state = np.empty(mujoco.mj_stateSize(self._model, full))
        mujoco.mj_getState(self._model, self._data, state, full)
        began = time.perf_counter()
        rollout.rollout(self._model, self._data, state, controls)
        return time.perf_counter() - began
