"""What a rollout says at any of its rows: where things are, what is held, what holds then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.contacts import Look
from handrail_sim.check.grips import Grip
from handrail_sim.check.predicates import WorldView, known
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.timeline import Timeline
from handrail_sim.check.watch import Missed, Watch
from handrail_sim.places import aside
from handrail_sim.regions import unweighed, weighed
from handrail_sim.verdict import ObjectBelief, StartState
from handrail_sim.world import Array, Scene

STILL = 0.002  # m: an object of which no corner moved more is where it was seen
LOOK = 0.02  # s between two looks of who watches the way


@dataclass(frozen=True)
class Story:
    """A rollout from ``state``; ``look`` is its geometry, ``grips`` are by object."""

    cell: Cell
    scene: Scene
    data: mujoco.MjData  # to compute with
    state: StartState
    run: Rollout
    look: Look
    grips: Mapping[str, Grip]
    timeline: Timeline

    def beliefs(self, row: int) -> dict[str, ObjectBelief]:
        """Return the belief at a row: what moved is predicted, what is held hangs on."""
        then = dict(self.state.objects)
        self.data.qpos[:] = self.run.qpos[row]
        mujoco.mj_kinematics(self.scene.model, self.data)
        for name, belief in self.state.objects.items():
            if belief.is_lost:
                continue
            at, _ = self.scene.object_qpos[name]
            before, now = self.run.qpos[0, at : at + 7], self.run.qpos[row, at : at + 7]
            held = bool(self.grips[name].held[row])
            moved = aside(before, now, self.cell.objects[name].size) > STILL
            if held or moved or belief.held_pose is not None:
                then[name] = replace(
                    belief,
                    position=tuple(now[:3].tolist()),
                    quaternion=tuple(now[3:].tolist()),
                    source="predicted",
                    held_pose=self._in_tcp(now) if held else None,
                )
        return then

    def view(self, row: int) -> WorldView:
        """Return what a predicate can ask about at a row."""
        joints = self.cell.arm.all_joints
        beliefs = self.beliefs(row)
        x, y, z = self.look.path[row].tolist()
        return WorldView(
            cell=self.cell,
            joints=dict(zip(joints, self.run.position[row].tolist(), strict=True)),
            efforts=dict(zip(joints, self.run.effort[row].tolist(), strict=True)),
            tcp=(x, y, z),
            turned=self.scene.tcp_axes(self.data),  # as the beliefs have left it
            held=next((name for name, thing in beliefs.items() if thing.held_pose), None),
            objects=known(beliefs),
            began=known(self.state.objects),
            sensors=weighed(self.cell, self.state.sensors, self.state.objects, beliefs),
            foreseen=True,
            unforeseen=unweighed(self.cell, self.state.sensors),
        )

    def watched(self, watch: Watch) -> tuple[Missed, int] | None:
        """Show the way to a watch; return the first expectation that is missed, and its row."""
        if not watch.is_needed:
            return None
        ends, rate = self.timeline.step_rows[1:], self.timeline.rate
        every = max(1, round(LOOK * rate))
        for row in sorted({*range(0, ends[-1], every), *ends}):
            ended = sum(end <= row for end in ends)
            missed = watch.see(self.view(row), ended, row / rate)
            if missed is not None:
                return missed, row
        return None

    def _in_tcp(self, pose: Array) -> tuple[float, ...]:
        """Return a world pose (7,) in the TCP's frame."""
        position, quaternion = self.scene.tcp_pose(self.data)
        inverse_position, inverse = np.zeros(3), np.zeros(4)
        mujoco.mju_negPose(inverse_position, inverse, position, quaternion)
        out_position, out = np.zeros(3), np.zeros(4)
        mujoco.mju_mulPose(out_position, out, inverse_position, inverse, pose[:3], pose[3:])
        return (*out_position.tolist(), *out.tolist())
