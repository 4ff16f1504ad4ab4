"""From a plan's steps to references; what cannot become a trajectory is a violation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check import unplayable
from handrail_sim.check.dexterity import Dexterity
from handrail_sim.check.ik import Fits, Reach
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
from handrail_sim.verdict import Violation
from handrail_sim.way.detour import Detours, NoWay
from handrail_sim.world import Array, Scene

# The whole world's positions (nq,) at the end of a reference, and which objects are held then.
Foresight = Callable[[Reference], tuple[Array, Sequence[str]]]
SQUEEZE = 0.3  # s that a closing jaw has to build up its grip
ROUNDED = 1e-4  # m: a gap is told to a tenth of a millimetre, and may be asked for as it was told
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
            raise Unplayable(unplayable.no_way(step, index, str(why))) from why
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
            raise Unplayable(
                unplayable.too_long(index, duration, limit, "split it into several plans")
            )

    def _move(self, target: Array, speed: float, index: int, reference: Reference) -> None:
        """Append a motion; one that would last for hours is refused before it is computed."""
        limit = self._cell.check.duration
        fastest = reference.fastest(target)
        if fastest > limit * speed:
            better = max(LEAST_SPEED, 2 * fastest / limit)
            hint = f"at speed {better:.3g} it takes some {fastest / better:.1f} s"
            raise Unplayable(unplayable.too_long(index, fastest / max(speed, UNTOLD), limit, hint))
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
        least, widest = self._scene.gaps
        if step.gap > widest + ROUNDED or 0 < step.gap < least - ROUNDED:
            raise Unplayable(unplayable.no_gap(name, index, step.gap, (least, widest)))
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
                raise Unplayable(
                    unplayable.out_of_range(name, index, position, (limit, limits.unit))
                )

    def _pose(
        self, step: MoveToPose, index: int, reference: Reference, foresee: Foresight
    ) -> Array:
        """Return the joints of a pose; what is proposed in place of a bad one leaves room."""
        if max(map(abs, self._from_axis(step))) > unplayable.FARTHEST:
            raise Unplayable(unplayable.not_metres(step, index, self._from_axis(step)))
        joints, least = reference.present.tolist(), self._cell.check.dexterity
        solution = self._reach.solve(step, joints)
        if not solution.reached:
            nearest = self._reach.nearest(step, joints, self._room(reference, foresee))
            raise Unplayable(unplayable.unreachable(step, index, solution, nearest))
        dexterity = self._dexterity.at(solution.joints)
        if dexterity < least:  # small motions of the tool are large ones of joints there
            better = self._dexterity.nearest(step, joints, self._room(reference, foresee))
            raise Unplayable(unplayable.singular(step, index, dexterity, least, better))
        return np.concatenate([solution.joints, reference.present[self._scene.arm_joints :]])

    def _from_axis(self, step: MoveToPose) -> tuple[float, float, float]:
        """Return a position [m] from the first joint's axis, where the world's ground is."""
        (x, y, z), (axis_x, axis_y) = step.position, self._cell.arm.axis
        return x - axis_x, y - axis_y, z

    def _room(self, reference: Reference, foresee: Foresight) -> Fits:
        """Return who tells whether the arm may be asked to a place after the steps so far."""
        qpos, held = foresee(reference)
        start, least = reference.present[: self._scene.arm_joints], self._cell.check.dexterity
        room = self._detours.room(qpos, held, start)
        return lambda joints: self._dexterity.at(joints) >= least and room(joints)
