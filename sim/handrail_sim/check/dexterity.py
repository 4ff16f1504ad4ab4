"""How far a pose is from a singularity, where the tool cannot move in some direction."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.ik import DIGITS, Fits, Reach
from handrail_sim.plan import MoveToPose
from handrail_sim.world import Array, Scene

TOOL = 0.1  # m: how long a tool is of which turning counts like moving
DRAWN_BACK = (0.98, 0.95, 0.9, 0.8, 0.7)  # of the distance from the arm's axis, tried for a hint


class Dexterity:
    """Measures poses of one cell's arm."""

    def __init__(self, cell: Cell, scene: Scene, reach: Reach) -> None:
        self._axis = np.array(cell.arm.axis)
        self._scene = scene
        self._reach = reach
        self._data = mujoco.MjData(scene.model)

    def at(self, joints: Array) -> float:
        """Return how far [m] the TCP moves at least, per radian of the arm's joints (n,) [rad].

        The least singular value of its Jacobian, turns weighted by the length of a tool: T.
        Yoshikawa, "Manipulability of Robotic Mechanisms", IJRR 4(2), 1985, section 3.
        """
        scene, data = self._scene, self._data
        data.qpos[scene.joint_qpos[: len(joints)]] = joints
        mujoco.mj_kinematics(scene.model, data)
        mujoco.mj_comPos(scene.model, data)
        jacobian = np.empty((6, scene.model.nv))
        mujoco.mj_jacSite(scene.model, data, jacobian[:3], jacobian[3:], scene.tcp)
        jacobian[3:] *= TOOL
        own = jacobian[:, scene.joint_dofs[: len(joints)]]
        return float(np.linalg.svd(own, compute_uv=False)[-1])

    def nearest(self, step: MoveToPose, present: Sequence[float], fits: Fits) -> MoveToPose | None:
        """Return the nearest pose towards the arm's axis that fits, or None."""
        x, y, z = step.position
        for share in DRAWN_BACK:
            near = self._axis + share * (np.array((x, y)) - self._axis)
            position = (round(float(near[0]), DIGITS), round(float(near[1]), DIGITS), z)
            pose = step.model_copy(update={"position": position})
            found = self._reach.solve(pose, present)
            if found.reached and fits(found.joints):
                return pose
        return None
