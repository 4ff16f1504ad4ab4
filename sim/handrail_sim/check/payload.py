"""What the arm has to bear besides itself: the weight of the thing that it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.verdict import ObjectBelief
from handrail_sim.world import Array, Scene


class Payload:
    """The things of one cell, by their believed masses."""

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._masses = {name: thing.mass for name, thing in cell.objects.items()}
        self._scene = scene
        self._data = mujoco.MjData(scene.model)

    def torque(self, position: Sequence[float], objects: Mapping[str, ObjectBelief]) -> Array:
        """Return the torque (j,) [N.m] that carries what is held, with the joints at ``position``.

        By the Jacobian of where the thing is: it is rigid in the TCP's frame, as it is believed.
        """
        scene, model, data = self._scene, self._scene.model, self._data
        torque = np.zeros(model.nv)
        scene.set_joints(data.qpos, position)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        at, turned = scene.tcp_pose(data)
        for name, thing in objects.items():
            if thing.held_pose is None:
                continue
            offset, jacobian = np.zeros(3), np.zeros((3, model.nv))
            mujoco.mju_rotVecQuat(offset, np.array(thing.held_pose[:3]), turned)
            mujoco.mj_jac(model, data, jacobian, None, at + offset, model.site_bodyid[scene.tcp])
            torque -= jacobian.T @ (self._masses[name] * model.opt.gravity)
        carried: Array = torque[scene.joint_dofs]
        return carried
