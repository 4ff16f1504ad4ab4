"""From a plan's steps to references; what cannot become a trajectory is a violation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.dexterity import Dexterity
from handrail_sim.check.ik import AXIS_TOLERANCE, POSITION_TOLERANCE, Fits, Reach, Solution
from handrail_sim.check.reference import DWELL, Reference
from handrail_sim.plan import (
    GripperSet,
    Home,
    MoveJoints,
    MoveToPose,
    Plan,
    PolicyRun,
    Rest,
    Step,
    Wait,
)
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.way.detour import Detours, NoWay
from handrail_sim.world import Array, Scene

# The whole world's positions (nq,) at the end of a reference, and which objects are held then.
Foresight = Callable[[Reference], tuple[Array, Sequence[str]]]
SQUEEZE = 0.3  # s that a closing jaw has to build up its grip
FARTHEST = 2.0  # m: a coordinate beyond it was not meant in metres
LEAST_SPEED = 0.01  # that a hint proposes
UNTOLD = 1e-6  # of full speed: how long less would take nobody needs to know


class Unplayable(Exception):
    """A step that has no trajectory; carries the finding."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.sentence)
        self.violation = violation


class Steps:
    """Turns the steps of plans for one cell into references."""

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._cell = cell
        self._scene = scene
        self._reach = Reach(cell)
        self._dexterity = Dexterity(cell, scene, self._reach)
        self._detours = Detours(cell, scene)

    def reference(self, plan: Plan, command: Sequence[float], foresee: Foresight) -> Reference:
        """Return the plan's reference, begun where ``command`` (j,) [rad] holds the arm.

        ``foresee`` is asked for the world after the steps so far where a way has to be found.

        Raises:
            Unplayable: a step is beyond a joint's limits, out of reach, too long, or has no way.
        """
        reference = Reference(self._cell, self._scene, command)
        for index, step in enumerate(plan.steps):
            reference.begin_step()
            if isinstance(step, MoveToPose) and step.avoid:
                self._go_round(step, index, reference, foresee)
            else:
                self._add(step, index, reference, foresee)
            if not isinstance(step, PolicyRun):
                reference.wait(DWELL)
            self._require_short(index, reference)
        return reference

    def _go_round(
        self, step: MoveToPose, index: int, reference: Reference, foresee: Foresight
    ) -> None:
        """Append a motion to a pose by a way that is free."""
        target = self._pose(step, index, reference, foresee)
        qpos, held = foresee(reference)
        count = self._scene.arm_joints
        start, jaw = np.split(reference.present, [count])
        try:
            arm, pace = self._detours.find(qpos, held, start, target[:count], step.speed)
        except NoWay as why:
            raise Unplayable(_no_way(step, index, str(why))) from why
        positions = np.column_stack([arm, np.tile(jaw, (len(arm), 1))])
        velocities = np.column_stack([pace, np.zeros((len(arm), len(jaw)))])
        reference.follow(positions, velocities, target)

    def _add(self, step: Step, index: int, reference: Reference, foresee: Foresight) -> None:
        """Append one step's motion."""
        present = reference.present
        match step:
            case Wait():
                reference.wait(step.seconds)
            case PolicyRun():
                reference.wait(step.duration)  # rows that the policy will fill
            case GripperSet():
                self._set_gripper(step, index, reference)
            case MoveJoints():
                self._require_limits(step, index)
                self._move(self._joints(step.positions, present), step.speed, index, reference)
            case Home():
                self._go(self._cell.arm.home, step.speed, index, reference)
            case Rest():
                self._go(self._cell.arm.home, step.speed, index, reference)
                self._go(self._cell.arm.rest, step.speed, index, reference)
            case MoveToPose():
                target = self._pose(step, index, reference, foresee)
                self._move(target, step.speed, index, reference)

    def _require_short(self, index: int, reference: Reference) -> None:
        duration, limit = reference.rows / self._cell.loop.rate, self._cell.check.duration
        if duration > limit:
            raise Unplayable(_too_long(index, duration, limit, "split it into several plans"))

    def _move(self, target: Array, speed: float, index: int, reference: Reference) -> None:
        """Append a motion; one that would last for hours is refused before it is computed."""
        limit = self._cell.check.duration
        fastest = reference.fastest(target)
        if fastest > limit * speed:
            better = max(LEAST_SPEED, 2 * fastest / limit)
            hint = f"at speed {better:.3g} it takes some {fastest / better:.1f} s"
            raise Unplayable(_too_long(index, fastest / max(speed, UNTOLD), limit, hint))
        reference.move(target, speed)

    def _go(
        self, place: Mapping[str, float], speed: float, index: int, reference: Reference
    ) -> None:
        """Append a motion of the arm's joints to a place of the cell; the jaw stays."""
        joints = {name: place[name] for name in self._cell.arm.joints}
        self._move(self._joints(joints, reference.present), speed, index, reference)

    def _set_gripper(self, step: GripperSet, index: int, reference: Reference) -> None:
        """Gap 0 closes on the joint's stop, so that it presses on whatever is between."""
        (name,), jaw = self._cell.arm.jaw, self._scene.arm_joints
        low = self._cell.arm.limits[name].low
        target = reference.present.copy()
        target[jaw] = low if step.gap == 0 else self._scene.gap_to_jaw(step.gap)
        closing = step.gap == 0 or target[jaw] < reference.present[jaw]
        self._move(target, step.speed, index, reference)
        if closing:
            reference.wait(SQUEEZE)

    def _joints(self, positions: Mapping[str, float], present: Array) -> Array:
        target = present.copy()
        for i, name in enumerate(self._cell.arm.all_joints):
            target[i] = positions.get(name, target[i])
        return target

    def _require_limits(self, step: MoveJoints, index: int) -> None:
        for name, position in step.positions.items():
            limits = self._cell.arm.limits[name]
            if not limits.low <= position <= limits.high:
                limit = limits.high if position > limits.high else limits.low
                raise Unplayable(_out_of_range(name, index, position, (limit, limits.unit)))

    def _pose(
        self, step: MoveToPose, index: int, reference: Reference, foresee: Foresight
    ) -> Array:
        """Return the joints of a pose; what is proposed in place of a bad one leaves room."""
        if max(map(abs, step.position)) > FARTHEST:
            raise Unplayable(_not_metres(step, index))
        joints, least = reference.present.tolist(), self._cell.check.dexterity
        solution = self._reach.solve(step, joints)
        if not solution.reached:
            nearest = self._reach.nearest(step, joints, self._room(reference, foresee))
            raise Unplayable(_unreachable(step, index, solution, nearest))
        dexterity = self._dexterity.at(solution.joints)
        if dexterity < least:  # small motions of the tool are large ones of joints there
            better = self._dexterity.nearest(step, joints, self._room(reference, foresee))
            raise Unplayable(_singular(step, index, dexterity, least, better))
        return np.concatenate([solution.joints, reference.present[self._scene.arm_joints :]])

    def _room(self, reference: Reference, foresee: Foresight) -> Fits:
        """Return who tells whether the arm may be asked to a place after the steps so far."""
        qpos, held = foresee(reference)
        start, least = reference.present[: self._scene.arm_joints], self._cell.check.dexterity
        room = self._detours.room(qpos, held, start)
        return lambda joints: self._dexterity.at(joints) >= least and room(joints)


def _unreachable(
    step: MoveToPose, index: int, best: Solution, nearest: MoveToPose | None
) -> Violation:
    value, limit, unit = best.position_error, POSITION_TOLERANCE, "m"
    if value < limit:
        value, limit, unit = max(best.axis_error, best.turn_error), AXIS_TOLERANCE, "rad"
    elif nearest is not None and nearest.position != step.position:
        value = min(value, math.dist(nearest.position, step.position))
    return Violation(
        kind=ViolationKind.UNREACHABLE,
        step=index,
        time=0.0,
        subject="tcp",
        value=value,
        limit=limit,
        unit=unit,
        sentence=(
            f"Step {index} asks for {_spoken(step)}, which the arm cannot reach: "
            f"it comes within {value:.3f} {unit} of it."
        ),
        hint=_nearer(nearest),
        detail={"nearest": nearest.model_dump(exclude={"tool", "speed"}) if nearest else None},
    )


def _singular(
    step: MoveToPose, index: int, dexterity: float, least: float, better: MoveToPose | None
) -> Violation:
    return Violation(
        kind=ViolationKind.SINGULARITY,
        step=index,
        time=0.0,
        subject="tcp",
        value=dexterity,
        limit=least,
        unit="m/rad",
        sentence=(
            f"Step {index} asks for {_spoken(step)}, where the arm is all but singular: in one "
            f"direction the tool moves {dexterity * 1000:.2g} mm per radian of its joints."
        ),
        hint=_nearer(better) if better else "choose a place nearer to the arm, or arm_move_joints",
        detail={"nearest": better.model_dump(exclude={"tool", "speed"}) if better else None},
    )


def _no_way(step: MoveToPose, index: int, why: str) -> Violation:
    return Violation(
        kind=ViolationKind.NO_WAY,
        step=index,
        time=0.0,
        subject="tcp",
        value=0.0,
        limit=1.0,
        unit="1",
        sentence=f"Step {index} asks for a way to {_spoken(step)}: {why}.",
        hint="choose another tilt or yaw, a place farther from things, or a waypoint above them",
    )


def _not_metres(step: MoveToPose, index: int) -> Violation:
    farthest = max(step.position, key=abs)
    metres = ", ".join(f"{value / 1000:g}" for value in step.position)
    return Violation(
        kind=ViolationKind.UNREACHABLE,
        step=index,
        time=0.0,
        subject="tcp",
        value=abs(farthest),
        limit=FARTHEST,
        unit="m",
        sentence=f"Step {index} asks for a coordinate of {farthest:g} m, far beyond the arm.",
        hint=f"positions are in metres: if millimetres were meant, ask for ({metres}) m",
    )


def _nearer(nearest: MoveToPose | None) -> str:
    if nearest is None:
        return "choose a position nearer to the arm's middle, or another tilt"
    return f"{_spoken(nearest)} can be reached"


def _spoken(pose: MoveToPose) -> str:
    position = ", ".join(f"{value:.4f}" for value in pose.position)
    yaw = "" if pose.yaw is None else f" and yaw {pose.yaw:.5g} rad"
    return f"({position}) m with tilt {pose.tilt:.4f} rad{yaw}"


def _out_of_range(name: str, index: int, position: float, bound: tuple[float, str]) -> Violation:
    limit, unit = bound
    return Violation(
        kind=ViolationKind.JOINT_POSITION,
        step=index,
        time=0.0,
        subject=name,
        value=position,
        limit=limit,
        unit=unit,
        sentence=f"Step {index} asks {name} for {position:.5g} {unit}; "
        f"its limit is {limit:.4f} {unit}.",
        hint=f"{name} can go as far as {limit:.4f} {unit}",
    )


def _too_long(index: int, duration: float, limit: float, hint: str) -> Violation:
    return Violation(
        kind=ViolationKind.DURATION,
        step=index,
        time=duration,
        subject="plan",
        value=duration,
        limit=limit,
        unit="s",
        sentence=f"The plan lasts longer than {limit:.0f} s at step {index}.",
        hint=hint,
    )
