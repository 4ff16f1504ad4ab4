"""The check of one plan: from the measured state to a verdict with its trajectory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check import goal, start
from handrail_sim.check.collisions import Collisions
from handrail_sim.check.contacts import Proximity
from handrail_sim.check.findings import Findings
from handrail_sim.check.grips import Fingers, Grip
from handrail_sim.check.predicates import WorldView
from handrail_sim.check.reference import Reference
from handrail_sim.check.rollout import Rollout, Stage
from handrail_sim.check.spread import Spread, Tube
from handrail_sim.check.steps import Steps, Unplayable
from handrail_sim.plan import Plan
from handrail_sim.verdict import (
    ObjectBelief,
    StartState,
    Trajectory,
    Verdict,
    Violation,
    ViolationKind,
)
from handrail_sim.world import Array, Scene, load_model

STILL = 0.002  # m: an object that moved less is where it was seen

CONSEQUENCES = {
    ViolationKind.TRACKING,
    ViolationKind.JOINT_EFFORT,
    ViolationKind.JOINT_VELOCITY,
}


class Checker:
    """Checks plans for one cell, one at a time."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        model = load_model(cell)
        self._scene = Scene(model, cell)
        self._data = mujoco.MjData(model)
        self._steps = Steps(cell, self._scene)
        self._stage = Stage(cell, model, self._scene)
        self._spread = Spread(cell, model, self._scene)
        self._proximity = Proximity(cell, self._scene)
        self._fingers = Fingers(cell, model)
        self._collisions = Collisions(cell, model, self._fingers)
        self._findings = Findings(cell, self._scene)

    def hold_command(self, position: Sequence[float]) -> tuple[float, ...]:
        """Return the command (6,) [rad] that holds the arm at a measured position."""
        reference = Reference(self._cell, self._scene, position)
        return tuple(reference.hold_command(position).tolist())

    def tcp_position(self, position: Sequence[float]) -> tuple[float, float, float]:
        """Return where the TCP is [m] with the joints at ``position`` (6,) [rad]."""
        self._data.qpos[self._scene.joint_qpos] = position
        mujoco.mj_kinematics(self._scene.model, self._data)
        x, y, z = self._scene.tcp_pose(self._data)[0].tolist()
        return x, y, z

    def check(self, plan: Plan, state: StartState) -> Verdict:
        """Roll the plan out from the start state and judge it.

        A plan that cannot be turned into a trajectory (out of reach, too long) has one violation
        and no rollout; so has a state that cannot be read.
        """
        began = time.perf_counter()
        verdict = self._verdict(plan, state)
        return replace(verdict, check_time=time.perf_counter() - began)

    def _verdict(self, plan: Plan, state: StartState) -> Verdict:
        unreadable = start.unreadable(state)
        if unreadable is not None:
            return _failed(plan, [unreadable])
        try:
            reference = self._steps.reference(plan, state.command)
        except Unplayable as found:
            return _failed(plan, [found.violation])
        return self._judge(plan, state, reference)

    def _judge(self, plan: Plan, state: StartState, reference: Reference) -> Verdict:
        targets, hold, lead = reference.setpoints()
        run = self._stage.run(state, hold + lead)
        placed, _ = self._proximity.look(run.placed[None])
        unfit = list(start.judge(self._cell, state, run, reference.standing.tolist(), placed))
        if unfit:
            return _failed(plan, unfit)
        step_rows = (*reference.step_rows, reference.rows)
        moment = _moments(step_rows, self._cell.loop.rate)
        pairs, path = self._proximity.look(run.qpos)
        grips = self._fingers.grips(pairs, run.position[:, -1])
        violations, clearance, whose = self._collisions.judge(pairs, grips, moment)
        strains = self._findings.joints(run, targets, moment)
        violations += [self._collisions.blame(strain, pairs, grips) for strain in strains]
        violations += self._findings.objects(run, grips, moment)
        violations = _in_order(violations)
        ends = self._ends(state, run, grips)
        view = self._view(run, path, ends)
        results = goal.evaluate_all(plan, view)
        end = reference.rows / self._cell.loop.rate
        violations += goal.missed(plan, results, view, ends, end)
        tube = None if violations else self._spread.tube(state, hold + lead, run)
        if tube is None and not violations:
            violations = [start.unsolvable()]
        return Verdict(
            passed=not violations,
            plan_digest=plan.digest(),
            violations=tuple(violations),
            goal=results,
            duration=end,
            clearance=clearance,
            clearance_pair=whose,
            peak_velocity=self._peaks(run.velocity),
            peak_effort=self._peaks(run.effort),
            check_time=0.0,
            trajectory=None if tube is None else self._trajectory(run, hold, lead, tube, step_rows),
            end_objects=ends,
            end_command=tuple((hold[-1] + lead[-1]).tolist()),
            path=path,
        )

    def _trajectory(
        self, run: Rollout, hold: Array, lead: Array, tube: Tube, step_rows: tuple[int, ...]
    ) -> Trajectory:
        played = slice(1, len(hold) + 1)
        return Trajectory(
            rate=self._cell.loop.rate,
            joints=self._cell.arm.all_joints,
            hold=hold,
            lead=lead,
            predicted=run.position[played],
            effort=run.effort[played],
            band=tube.band,
            effort_band=tube.effort_band,
            step_rows=step_rows,
        )

    def _peaks(self, values: Array) -> dict[str, float]:
        peaks = np.abs(values).max(axis=0).tolist()
        return dict(zip(self._cell.arm.all_joints, peaks, strict=True))

    def _ends(
        self, state: StartState, run: Rollout, grips: Mapping[str, Grip]
    ) -> dict[str, ObjectBelief]:
        """Return the belief after execution: what moved is predicted, what is held hangs on."""
        ends = dict(state.objects)
        self._data.qpos[:] = run.qpos[-1]
        mujoco.mj_kinematics(self._scene.model, self._data)
        for name, belief in state.objects.items():
            if belief.source == "unknown" and belief.held_pose is None:
                continue
            at, _ = self._scene.object_qpos[name]
            before, after = run.qpos[0, at : at + 7], run.qpos[-1, at : at + 7]
            held = grips[name].at_end
            moved = float(np.linalg.norm(after[:3] - before[:3])) > STILL
            if held or moved or belief.held_pose is not None:
                ends[name] = replace(
                    belief,
                    position=tuple(after[:3].tolist()),
                    quaternion=tuple(after[3:].tolist()),
                    source="predicted",
                    held_pose=self._in_tcp(after) if held else None,
                )
        return ends

    def _in_tcp(self, pose: Array) -> tuple[float, ...]:
        """Return a world pose (7,) in the TCP's frame."""
        position, quaternion = self._scene.tcp_pose(self._data)
        inverse_position, inverse = np.zeros(3), np.zeros(4)
        mujoco.mju_negPose(inverse_position, inverse, position, quaternion)
        out_position, out = np.zeros(3), np.zeros(4)
        mujoco.mju_mulPose(out_position, out, inverse_position, inverse, pose[:3], pose[3:])
        return (*out_position.tolist(), *out.tolist())

    def _view(self, run: Rollout, path: Array, ends: Mapping[str, ObjectBelief]) -> WorldView:
        """What the goal can ask about, at the end of the rollout."""
        x, y, z = path[-1].tolist()
        return WorldView(
            joints=dict(zip(self._cell.arm.all_joints, run.position[-1].tolist(), strict=True)),
            tcp=(x, y, z),
            held=next((name for name, thing in ends.items() if thing.held_pose is not None), None),
            objects={k: b.position for k, b in ends.items() if b.source != "unknown"},
            regions=self._cell.regions,
        )


def _moments(step_rows: Sequence[int], rate: int) -> Callable[[int], tuple[int, float]]:
    """Return what tells step and time [s] of a rollout's row."""

    def moment(row: int) -> tuple[int, float]:
        step = int(np.searchsorted(step_rows, max(row - 1, 0), side="right")) - 1
        return min(step, len(step_rows) - 2), row / rate

    return moment


def _in_order(violations: Sequence[Violation]) -> list[Violation]:
    """By time; what a joint does after the first collision is that collision's doing."""
    first = min((v.time for v in violations if v.kind == ViolationKind.COLLISION), default=np.inf)
    return sorted(
        (v for v in violations if v.time < first or v.kind not in CONSEQUENCES),
        key=lambda violation: violation.time,
    )


def _failed(plan: Plan, violations: Sequence[Violation]) -> Verdict:
    """A verdict without a rollout worth telling."""
    return Verdict(
        passed=False,
        plan_digest=plan.digest(),
        violations=tuple(violations),
        goal=(),
        duration=0.0,
        clearance=None,
        clearance_pair="",
        peak_velocity={},
        peak_effort={},
        check_time=0.0,
        trajectory=None,
        end_objects={},
        end_command=(),
    )
