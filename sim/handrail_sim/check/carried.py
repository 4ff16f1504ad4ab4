"""What a conveyor carries along: things that lie on it move as it does, and shall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.contacts import TOUCH, Pair
from handrail_sim.check.rollout import Rollout
from handrail_sim.world import Array


class Carriers:
    """The sliding external axes of one cell that are tables; any other pushes what it meets."""

    def __init__(self, cell: Cell, model: mujoco.MjModel) -> None:
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        self._objects = {thing.body: name for name, thing in cell.objects.items()}
        self._axes: dict[str, tuple[int, Array]] = {}  # by body: the joint's number, its axis
        for number, name in enumerate(cell.arm.all_joints):
            joint = model.joint(name)
            if name in cell.arm.external and joint.type[0] == mujoco.mjtJoint.mjJNT_SLIDE:
                body = model.body(int(joint.bodyid[0])).name
                if body in cell.check.tables:
                    self._axes[body] = number, data.xaxis[joint.id].copy()

    def ways(self, run: Rollout, pairs: Sequence[Pair]) -> Mapping[str, Array]:
        """Return how far (rows, 3) [m] each object has been carried by every row."""
        found: dict[str, Array] = {}
        for pair in pairs:
            belt = pair.one if pair.one in self._axes else pair.other
            name = self._objects.get(pair.other if belt == pair.one else pair.one)
            if belt not in self._axes or name is None:
                continue
            number, axis = self._axes[belt]
            lies = np.zeros(len(run.position), dtype=np.bool_)
            lies[pair.rows[pair.distance < TOUCH]] = True
            step = np.diff(run.position[:, number], prepend=run.position[0, number])
            found[name] = np.cumsum(np.where(lies, step, 0.0))[:, None] * axis
        return found
