"""One rollout of setpoints in the belief's world, from the measured state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.verdict import ObjectBelief, StartState
from handrail_sim.world import Array, Scene

SETTLE_BEFORE = 0.2  # s: servos and a held object find their balance before anything is judged
NOWHERE = 5.0  # m aside: where objects are put of which nobody knows where they are


@dataclass(frozen=True, slots=True)
class Rollout:
    """What happened, a row a tick of the loop; ``settle`` rows follow the last setpoint.

    ``qpos`` (n, nq) is the whole model's; ``position``, ``velocity``, ``effort`` (n, 6) in rad,
    rad/s, N.m; ``tcp`` (n, 3) in m. Row 0 is the state before the first setpoint.
    """

    qpos: Array
    position: Array
    velocity: Array
    effort: Array
    tcp: Array
    setpoints: int


class Stage:
    """The belief's world, set up and stepped for one plan at a time."""

    def __init__(self, cell: Cell, model: mujoco.MjModel, scene: Scene) -> None:
        self._cell = cell
        self._model = model
        self._scene = scene
        self._data = mujoco.MjData(model)
        self._steps = max(1, round(1.0 / (cell.loop.rate * model.opt.timestep)))
        self._settle = round(cell.check.settle * cell.loop.rate)

    def run(self, start: StartState, commands: Array) -> Rollout:
        """Play commands (rows, 6) [rad] from a start state; settle afterwards."""
        self._set(start)
        rows = 1 + len(commands) + self._settle
        model, data, scene = self._model, self._data, self._scene
        record = Rollout(
            qpos=np.empty((rows, model.nq)),
            position=np.empty((rows, len(scene.joint_qpos))),
            velocity=np.empty((rows, len(scene.joint_qpos))),
            effort=np.empty((rows, len(scene.joint_qpos))),
            tcp=np.empty((rows, 3)),
            setpoints=len(commands),
        )
        self._record(record, 0)
        for row in range(1, rows):
            if row <= len(commands):
                data.ctrl[:] = commands[row - 1]
            mujoco.mj_step(model, data, self._steps)
            self._record(record, row)
        return record

    def _record(self, record: Rollout, row: int) -> None:
        data, scene = self._data, self._scene
        record.qpos[row] = data.qpos
        record.position[row] = data.qpos[scene.joint_qpos]
        record.velocity[row] = data.qvel[scene.joint_dofs]
        record.effort[row] = data.actuator_force
        record.tcp[row] = data.site_xpos[scene.tcp]

    def _set(self, start: StartState) -> None:
        model, data, scene = self._model, self._data, self._scene
        mujoco.mj_resetData(model, data)
        data.qpos[scene.joint_qpos] = start.position
        data.ctrl[:] = start.command
        mujoco.mj_kinematics(model, data)
        self._place(start.objects)
        mujoco.mj_step(model, data, round(SETTLE_BEFORE / model.opt.timestep))
        data.time = 0.0

    def _place(self, objects: Mapping[str, ObjectBelief]) -> None:
        for index, name in enumerate(self._cell.objects):
            belief = objects.get(name)
            if belief is None or (belief.source == "unknown" and belief.held_pose is None):
                aside = (NOWHERE + index, NOWHERE, 0.0)
                self._scene.set_object(self._data, name, aside, (1.0, 0.0, 0.0, 0.0))
            elif belief.held_pose is not None:
                position, quaternion = self.from_tcp(belief.held_pose)
                self._scene.set_object(self._data, name, position, quaternion)
            else:
                self._scene.set_object(self._data, name, belief.position, belief.quaternion)

    def from_tcp(self, pose: tuple[float, ...]) -> tuple[Array, Array]:
        """Return a pose of the TCP's frame in the world's frame, at the present joints."""
        position, quaternion = np.zeros(3), np.zeros(4)
        tcp_position, tcp_quaternion = self._scene.tcp_pose(self._data)
        mujoco.mju_mulPose(
            position,
            quaternion,
            tcp_position,
            tcp_quaternion,
            np.array(pose[:3]),
            np.array(pose[3:]),
        )
        return position, quaternion
