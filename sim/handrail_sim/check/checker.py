"""The check of one plan: from the measured state to a verdict with its trajectory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.collisions import Collisions
from handrail_sim.check.contacts import Proximity
from handrail_sim.check.findings import Findings
from handrail_sim.check.grips import Fingers, Grip
from handrail_sim.check.ik import Reach, Solution
from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.check.reference import DWELL, Reference
from handrail_sim.check.rollout import Rollout, Stage
from handrail_sim.plan import (
    GripperSet,
    Holding,
    Home,
    MoveJoints,
    MoveToPose,
    Plan,
    Step,
    Wait,
)
from handrail_sim.verdict import (
    GoalResult,
    ObjectBelief,
    StartState,
    Trajectory,
    Verdict,
    Violation,
    ViolationKind,
)
from handrail_sim.world import Array, Scene, load_model

SQUEEZE = 0.3  # s that a closing jaw has to build up its grip
STILL = 0.002  # m: an object that moved less is where it was seen


class _Unreachable(Exception):
    """A step whose pose has no solution; carries the finding."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.sentence)
        self.violation = violation


class Checker:
    """Checks plans for one cell, one at a time."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        model = load_model(cell)
        self._scene = Scene(model, cell)
        self._data = mujoco.MjData(model)
        self._reach = Reach(cell)
        self._stage = Stage(cell, model, self._scene)
        self._proximity = Proximity(model, self._scene)
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

    def check(self, plan: Plan, start: StartState) -> Verdict:
        """Roll the plan out from the start state and judge it.

        A plan that cannot be turned into a trajectory (unreachable, too long) has one violation
        and no rollout.
        """
        began = time.perf_counter()
        reference = Reference(self._cell, self._scene, start.command)
        try:
            for index, step in enumerate(plan.steps):
                reference.begin_step()
                self._add(step, index, reference)
        except _Unreachable as found:
            verdict = _failed(plan, found.violation)
        else:
            verdict = self._judge(plan, start, reference)
        return replace(verdict, check_time=time.perf_counter() - began)

    # --- from steps to references -----------------------------------------------------------

    def _add(self, step: Step, index: int, reference: Reference) -> None:
        """Append one step's motion, and the dwell that ends it."""
        present = reference.present
        match step:
            case Wait():
                reference.wait(step.seconds)
            case GripperSet():
                self._set_gripper(step, reference)
            case MoveJoints():
                reference.move(self._joints(step.positions, present), step.speed)
            case Home():
                target = {name: self._cell.arm.home[name] for name in self._cell.arm.joints}
                reference.move(self._joints(target, present), step.speed)
            case MoveToPose():
                reference.move(self._pose(step, index, present), step.speed)
        reference.wait(DWELL)
        limit = self._cell.check.duration
        if reference.rows > limit * self._cell.loop.rate:
            raise _Unreachable(_too_long(index, reference.rows / self._cell.loop.rate, limit))

    def _set_gripper(self, step: GripperSet, reference: Reference) -> None:
        """Gap 0 closes on the joint's stop, so that it presses on whatever is between."""
        low = self._cell.arm.limits[self._cell.arm.gripper].low
        target = reference.present.copy()
        closing = step.gap == 0
        target[-1] = low if closing else self._scene.gap_to_jaw(step.gap)
        closing = closing or target[-1] < reference.present[-1]
        reference.move(target, step.speed)
        if closing:
            reference.wait(SQUEEZE)

    def _joints(self, positions: Mapping[str, float], present: Array) -> Array:
        target = present.copy()
        for i, name in enumerate(self._cell.arm.all_joints):
            target[i] = positions.get(name, target[i])
        return target

    def _pose(self, step: MoveToPose, index: int, present: Array) -> Array:
        solution = self._reach.solve(step, present.tolist())
        if not solution.reached:
            other = self._reach.other_tilt(step, present.tolist())
            raise _Unreachable(_unreachable(step, index, solution, other))
        return np.concatenate([solution.joints, present[-1:]])

    # --- from the rollout to the verdict ----------------------------------------------------

    def _judge(self, plan: Plan, start: StartState, reference: Reference) -> Verdict:
        targets, hold, lead = reference.setpoints()
        run = self._stage.run(start, hold + lead)
        step_rows = (*reference.step_rows, reference.rows)
        moment = _moments(step_rows, self._cell.loop.rate)
        pairs = self._proximity.pairs(run.qpos)
        grips = self._fingers.grips(pairs, len(run.qpos))
        violations, clearance, whose = self._collisions.judge(pairs, grips, moment)
        violations += self._findings.joints(run, targets, moment)
        violations += self._findings.objects(run, grips, plan, moment)
        ends = self._ends(start, run, grips)
        goal = self._goal(plan, run, ends)
        violations.sort(key=lambda violation: violation.time)
        violations += _missed(plan, goal, ends, run.setpoints / self._cell.loop.rate)
        predicted = run.position[1 : len(hold) + 1]
        trajectory = Trajectory(
            self._cell.loop.rate, self._cell.arm.all_joints, hold, lead, predicted, step_rows
        )
        return Verdict(
            passed=not violations,
            plan_digest=plan.digest(),
            violations=tuple(violations),
            goal=goal,
            duration=trajectory.duration,
            clearance=clearance,
            clearance_pair=whose,
            peak_velocity=self._peaks(run.velocity),
            peak_effort=self._peaks(run.effort),
            check_time=0.0,
            trajectory=None if violations else trajectory,
            end_objects=ends,
            end_command=tuple((hold[-1] + lead[-1]).tolist()),
            path=run.tcp,
        )

    def _peaks(self, values: Array) -> dict[str, float]:
        peaks = np.abs(values).max(axis=0).tolist()
        return dict(zip(self._cell.arm.all_joints, peaks, strict=True))

    def _ends(
        self, start: StartState, run: Rollout, grips: Mapping[str, Grip]
    ) -> dict[str, ObjectBelief]:
        """Return the belief after execution: what moved is predicted, what is held hangs on."""
        ends = dict(start.objects)
        self._data.qpos[:] = run.qpos[-1]
        mujoco.mj_kinematics(self._scene.model, self._data)
        for name, belief in start.objects.items():
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

    def _goal(
        self, plan: Plan, run: Rollout, ends: Mapping[str, ObjectBelief]
    ) -> tuple[GoalResult, ...]:
        held = next((name for name, thing in ends.items() if thing.held_pose is not None), None)
        x, y, z = run.tcp[-1].tolist()
        view = WorldView(
            joints=dict(zip(self._cell.arm.all_joints, run.position[-1].tolist(), strict=True)),
            tcp=(x, y, z),
            held=held,
            objects={k: b.position for k, b in ends.items() if b.source != "unknown"},
            regions=self._cell.regions,
        )
        return tuple(evaluate(predicate, view) for predicate in plan.goal)


def _moments(step_rows: Sequence[int], rate: int) -> Callable[[int], tuple[int, float]]:
    """Return what tells step and time [s] of a rollout's row."""

    def moment(row: int) -> tuple[int, float]:
        step = int(np.searchsorted(step_rows, max(row - 1, 0), side="right")) - 1
        return min(step, len(step_rows) - 2), row / rate

    return moment


def _failed(plan: Plan, violation: Violation) -> Verdict:
    return Verdict(
        passed=False,
        plan_digest=plan.digest(),
        violations=(violation,),
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


def _unreachable(step: MoveToPose, index: int, best: Solution, tilt: float | None) -> Violation:
    asked = ", ".join(f"{value:.3f}" for value in step.position)
    nearest = ", ".join(f"{value:.3f}" for value in best.position)
    angle = math.degrees(max(best.axis_error, best.yaw_error))
    hint = f"the nearest reachable TCP position found is ({nearest}) m"
    if tilt is not None:
        hint = f"the position can be reached with tilt={tilt:.2f}; " + hint
    return Violation(
        kind=ViolationKind.UNREACHABLE,
        step=index,
        time=0.0,
        subject="tcp",
        value=best.position_error,
        limit=0.001,
        unit="m",
        sentence=(
            f"Step {index} asks for ({asked}) m with tilt {step.tilt:.2f} rad, which the arm "
            f"cannot reach: it comes within {best.position_error * 1000:.0f} mm and "
            f"{angle:.0f} degrees of it."
        ),
        hint=hint,
        detail={"nearest_position": list(best.position), "tilt": tilt},
    )


def _too_long(index: int, duration: float, limit: float) -> Violation:
    return Violation(
        kind=ViolationKind.DURATION,
        step=index,
        time=duration,
        subject="plan",
        value=duration,
        limit=limit,
        unit="s",
        sentence=f"The plan lasts longer than {limit:.0f} s at step {index}.",
        hint="split it into several plans",
    )


def _missed(
    plan: Plan, goal: Sequence[GoalResult], ends: Mapping[str, ObjectBelief], time_: float
) -> list[Violation]:
    """Return one violation for each predicate of the goal that does not hold at the end."""
    return [
        Violation(
            kind=ViolationKind.GOAL,
            step=len(plan.steps) - 1,
            time=time_,
            subject=result.predicate,
            value=0.0,
            limit=1.0,
            unit="1",
            sentence=f"At the end the goal {result.predicate!r} is not met: {result.sentence}.",
            hint=_goal_hint(predicate, ends),
        )
        for predicate, result in zip(plan.goal, goal, strict=True)
        if not result.met
    ]


def _goal_hint(predicate: object, ends: Mapping[str, ObjectBelief]) -> str:
    if not isinstance(predicate, Holding):
        return "change the steps or the goal"
    belief = ends.get(predicate.object or "")
    if belief is None or belief.source == "unknown":
        return "the jaw closes on nothing: look for the object first"
    x, y, z = belief.position
    return (
        f"the jaw closes on nothing: {predicate.object} is believed at "
        f"({x:.3f}, {y:.3f}, {z:.3f}) m ({belief.source})"
    )
