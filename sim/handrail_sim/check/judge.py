"""The judgement of one rollout: all that a plan does wrong in one world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check import goal
from handrail_sim.check.carried import Carriers
from handrail_sim.check.collisions import Collisions
from handrail_sim.check.contacts import REACH, TOUCH, Proximity
from handrail_sim.check.findings import Findings
from handrail_sim.check.grips import Fingers
from handrail_sim.check.pressure import Pressure
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.story import Story
from handrail_sim.check.things import Things
from handrail_sim.check.timeline import Timeline
from handrail_sim.check.watch import Watch
from handrail_sim.check.zones import Zones, demanded
from handrail_sim.plan import Plan
from handrail_sim.verdict import GoalResult, StartState, Violation, ViolationKind
from handrail_sim.world import Array, Scene

SOON = 0.3  # s before a moment in which a grip shows
CONSEQUENCES = {
    ViolationKind.TRACKING,
    ViolationKind.JOINT_EFFORT,
    ViolationKind.JOINT_VELOCITY,
}
# A servo weaker than believed lags more, which the tube allows for.
LENIENT = {ViolationKind.TRACKING, ViolationKind.JOINT_VELOCITY}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rollout shows; ``clearance`` [m] is the smallest to an obstacle, of the pair."""

    violations: list[Violation]
    results: tuple[GoalResult, ...]
    clearance: float | None
    clearance_pair: str
    story: Story


class Judge:
    """Judges rollouts of plans in one cell.

    A lenient one demands no clearance and no close following: margins are there for what the
    other worlds show.
    """

    def __init__(
        self, cell: Cell, model: mujoco.MjModel, scene: Scene, *, lenient: bool = False
    ) -> None:
        self._cell = cell
        self._scene = scene
        self._lenient = lenient
        self._data = mujoco.MjData(model)
        self._fingers = Fingers(cell, model)
        self._collisions = Collisions(cell, model, self._fingers, touching=lenient)
        self._findings = Findings(cell)
        self._things = Things(cell, scene)
        self._carriers = Carriers(cell, model)
        self._pressure = Pressure(cell, model, self._fingers)
        self._zones = Zones(cell, demanded(cell, margins=not lenient))
        own = cell.check
        reach = max(REACH, own.clearance, own.table_clearance, own.self_clearance)
        self.proximity = Proximity(cell, scene, 2 * TOUCH if lenient else reach)

    def judge(
        self, plan: Plan, state: StartState, run: Rollout, targets: Array, timeline: Timeline
    ) -> Finding:
        """Return what a rollout from ``state`` shows; ``targets`` (rows, j) [rad] were its aims."""
        look = self.proximity.look(run.qpos)
        pairs = look.pairs
        grips = self._fingers.grips(pairs, run.position, timeline.rate)
        violations, clearance, whose = self._collisions.judge(pairs, grips, timeline)
        strains = [
            self._collisions.blame(strain, pairs, grips, timeline)
            for strain in self._findings.joints(run, targets, timeline)
            if not (self._lenient and strain.kind in LENIENT)
        ]
        violations += strains
        carried = self._carriers.ways(run, pairs)
        violations += self._things.judge(run, grips, carried, timeline)
        violations += self._pressure.judge(run, grips, timeline)
        violations += self._zones.judge(run, look, grips, timeline)
        story = Story(self._cell, self._scene, self._data, state, run, look, grips, timeline)
        demands, results = _demands(plan, story)
        return Finding([*_in_order(violations), *demands], results, clearance, whose, story)

    def held(self, run: Rollout, row: int) -> list[str]:
        """Return the objects that are held at a row of a rollout."""
        rate = self._cell.loop.rate
        before = slice(max(0, row - round(SOON * rate)), row + 1)
        pairs = self.proximity.look(run.qpos[before]).pairs
        grips = self._fingers.grips(pairs, run.position[before], rate)
        return [name for name, grip in grips.items() if grip.held[-1]]


def _demands(plan: Plan, story: Story) -> tuple[list[Violation], tuple[GoalResult, ...]]:
    """Return what is missed of the steps' expectations and of the goal, and its results."""
    timeline = story.timeline
    watch = Watch(plan)
    found: list[Violation] = []
    if (missed := story.watched(watch)) is not None:
        found.append(goal.expected(missed[0], missed[1] / timeline.rate))
    view, ends = story.view(-1), story.beliefs(-1)
    results = watch.results(view)
    end = timeline.step_rows[-1] / timeline.rate
    return [*found, *goal.missed(plan, results, view, ends, end)], results


def _in_order(violations: Sequence[Violation]) -> list[Violation]:
    """By time; what a joint does after the first collision is that collision's doing."""
    first = min((v.time for v in violations if v.kind == ViolationKind.COLLISION), default=np.inf)
    return sorted(
        (v for v in violations if v.time < first or v.kind not in CONSEQUENCES),
        key=lambda violation: violation.time,
    )
