"""Policies in the check: what a plan gives one, how it is played, and what then bounds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.findings import OVERSHOOT
from handrail_sim.check.rollout import Live, Rollout
from handrail_sim.check.spread import Tube
from handrail_sim.check.steps import Unplayable
from handrail_sim.plan import Plan, PolicyRun
from handrail_sim.verdict import PolicyPart, StartState, Violation, ViolationKind
from handrail_sim.world import Array, Scene

if TYPE_CHECKING:  # onnxruntime is loaded for cells with policies alone
    from handrail_sim.policy.drive import Policies

MARGIN = 1.3  # on the fastest that was seen
ROOM = 0.02  # m about where the TCP came in any world
EVERY = 5  # rows between two looks at it


class PolicyRuns:
    """Runs of one cell's policies.

    Raises:
        InvalidModel: a policy's file is not what the cell declares.
    """

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._cell, self._scene = cell, scene
        self._data = mujoco.MjData(scene.model)
        self._policies = _loaded(cell)

    def part(self, plan: Plan, state: StartState, first: int) -> PolicyPart | None:
        """Return what a plan gives a policy from row ``first`` on; None where it has none.

        Raises:
            Unplayable: the target is not where the policy was made for, or its thing is nowhere.
        """
        step, index = plan.steps[-1], len(plan.steps) - 1
        if not isinstance(step, PolicyRun):
            return None
        thing = self._thing(step, index, state)
        self._require_made_for(step, index, thing)
        return PolicyPart(
            policy=step.policy,
            sha256=self._cell.policies[step.policy].sha256,
            first=first,
            speed=step.speed,
            target=step.target,
            thing=(*thing, float(step.thing is not None)),
        )

    def live(self, part: PolicyPart, rows: int) -> Live:
        """Return the policy of a trajectory of so many rows, to be played in a rollout."""
        policies = self._policies
        if policies is None:
            raise AssertionError("a cell without policies has no plan with one")
        return Live(part.first, lambda setpoint: policies.drive(part, rows, setpoint))

    def bounded(self, part: PolicyPart, runs: Sequence[Rollout], tube: Tube) -> PolicyPart:
        """Return the part with its bounds: what it did in any world, and some more."""
        names = self._cell.arm.joints
        count, after = len(names), slice(part.first, None)
        limits = [self._cell.arm.limits[name] for name in names]
        fastest = np.max([np.abs(run.velocity[after, :count]).max(axis=0) for run in runs], axis=0)
        allowed = OVERSHOOT * part.speed * np.array([limit.velocity for limit in limits])
        hardest = np.max([np.abs(run.effort[after, :count]).max(axis=0) for run in runs], axis=0)
        effort = hardest + tube.effort_band[after, :count].max(axis=0)
        places = np.concatenate([self._places(run.qpos[part.first :: EVERY]) for run in runs])
        return replace(
            part,
            velocity=tuple(np.maximum(allowed, MARGIN * fastest).tolist()),
            effort=tuple(effort.tolist()),
            low=tuple((places.min(axis=0) - ROOM).tolist()),
            high=tuple((places.max(axis=0) + ROOM).tolist()),
        )

    def _places(self, rows: Array) -> Array:
        """Return where the TCP is (n, 3) [m] in rows (n, nq) of a rollout."""
        places = np.empty((len(rows), 3))
        for place, qpos in zip(places, rows, strict=True):
            self._data.qpos[:] = qpos
            mujoco.mj_kinematics(self._scene.model, self._data)
            place[:] = self._data.site_xpos[self._scene.tcp]
        return places

    def _thing(self, step: PolicyRun, index: int, state: StartState) -> tuple[float, float, float]:
        """Return where the step's thing is believed to be [m]; the origin where it names none."""
        if step.thing is None:
            return 0.0, 0.0, 0.0
        found = state.objects.get(step.thing)
        if found is None or found.source == "unknown" or found.held_pose is not None:
            how = "is held" if found is not None and found.held_pose else "was not seen"
            text = f"Step {index} is about {step.thing}, which {how}."
            hint = "look first, and choose what lies somewhere"
            raise Unplayable(_misled(index, step.thing, (0.0, 0.0), text, hint))
        return found.position

    def _require_made_for(self, step: PolicyRun, index: int, thing: Sequence[float]) -> None:
        center, size, _ = self._cell.policies[step.policy].box
        place = np.add(step.target, thing)
        low, high = np.subtract(center, np.array(size) / 2), np.add(center, np.array(size) / 2)
        out = float(np.maximum(low - place, place - high).max())
        if out > 0:
            asked, (lowest, highest) = _spoken(place), (_spoken(low), _spoken(high))
            text = (
                f"Step {index} asks {step.policy} for {asked} m, {out:.3f} m outside of the box "
                f"that it was made for."
            )
            hint = f"targets are between {lowest} m and {highest} m"
            raise Unplayable(_misled(index, step.policy, (out, 0.0), text, hint))


def gibberish(index: int, name: str, time: float) -> Violation:
    """Return the finding that a policy answered what is no number."""
    text = f"In step {index} at {time:.2f} s, {name} answers what is no number."
    hint = "that is the policy's fault: move by other steps"
    return _misled(index, name, (0.0, 0.0), text, hint, time)


def _misled(
    index: int,
    subject: str,
    off: tuple[float, float],
    sentence: str,
    hint: str,
    time: float = 0.0,
) -> Violation:
    value, limit = off
    kind = ViolationKind.POLICY
    return Violation(kind, index, time, subject, value, limit, "m", sentence, hint)


def _spoken(point: Array) -> str:
    return "(" + ", ".join(f"{part:.3f}" for part in point.tolist()) + ")"


def _loaded(cell: Cell) -> Policies | None:
    if not cell.policies:
        return None
    from handrail_sim.policy.drive import Policies

    return Policies(cell)
