"""The plan in other worlds: rolled out in each, and judged there.

Geometry is looked at on every ``EVERY``th row there, and without margins: those are what keeps
other worlds from touching.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import mujoco

from handrail_sim.cell import Cell
from handrail_sim.check.judge import Judge
from handrail_sim.check.rollout import Live, Rollout, Stage
from handrail_sim.check.timeline import Timeline
from handrail_sim.check.variations import Variation, variations
from handrail_sim.plan import Plan
from handrail_sim.verdict import Robustness, StartState, Violation, ViolationKind
from handrail_sim.world import Array, Scene

EVERY = 4  # rows
# What does harm, the worst first: in no world. What only fails may fail in a few.
HARM = (
    ViolationKind.COLLISION,
    ViolationKind.ZONE,
    ViolationKind.ZONE_SPEED,
    ViolationKind.JOINT_POSITION,
    ViolationKind.JOINT_EFFORT,
    ViolationKind.FORCE,
)
HARD = 2.0  # of a force's limit: in other worlds less is a failure, not yet harm


class Worlds:
    """One cell's other worlds, made once."""

    def __init__(self, cell: Cell, model: mujoco.MjModel, scene: Scene) -> None:
        self._cell = cell
        self.variations = variations(cell)
        self._stages = [
            Stage(cell, world.model(cell, model, scene), scene, world.latency, world.offset)
            for world in self.variations
        ]
        self._judge = Judge(cell, model, scene, lenient=True)

    def improvise(self, start: StartState, setpoints: Array, live: Live) -> list[Rollout]:
        """Return the rollout of setpoints (rows, j) [rad] in each world, a policy making the last.

        One after the other: runs of a policy share its tensors.

        Raises:
            Gibberish: it answered what is no number.
        """
        pairs = zip(self._stages, self.variations, strict=True)
        return [stage.run(world.start(start), setpoints, live) for stage, world in pairs]

    def play(
        self, start: StartState, setpoints: Array, threads: int | None = None
    ) -> list[Rollout]:
        """Return the rollout of setpoints (rows, j) [rad] in each world.

        ``threads`` None: one for each core.
        """

        def again(stage: Stage, world: Variation) -> Rollout:
            return stage.run(world.start(start), setpoints)

        count = threads or len(os.sched_getaffinity(0))
        with ThreadPoolExecutor(count) as pool:  # physics frees the GIL
            return list(pool.map(again, self._stages, self.variations))

    def judge(
        self,
        plan: Plan,
        start: StartState,
        runs: Sequence[Rollout],
        targets: Array,
        timeline: Timeline,
    ) -> tuple[Robustness, Violation | None]:
        """Return in how many worlds a plan passes, and a violation.

        There is one where they are too few, or where the plan does harm in any.
        """
        rare, aims = timeline.thinned(EVERY), targets[EVERY - 1 :: EVERY]
        failed = []
        for world, run in zip(self.variations, runs, strict=True):
            found = self._judge.judge(plan, world.start(start), run.thinned(EVERY), aims, rare)
            if found.violations:
                failed.append((min(found.violations, key=_gravity), world))
        total = len(self.variations)
        if not failed:
            return Robustness(total, total), None
        first, world = min(failed, key=lambda one: _gravity(one[0]))
        passed = total - len(failed)
        told = world.told(first.subject, start)
        robustness = Robustness(passed, total, f"{first.sentence} There {told}.")
        enough = self._cell.check.spread.enough * total
        if passed >= enough and not _is_harm(first):
            return robustness, None
        return robustness, _violation(robustness, enough, first, told)


def _gravity(violation: Violation) -> tuple[int, float]:
    return HARM.index(violation.kind) if _is_harm(violation) else len(HARM), violation.time


def _is_harm(violation: Violation) -> bool:
    if violation.kind == ViolationKind.FORCE:
        return violation.value > HARD * violation.limit
    return violation.kind in HARM


def _violation(robustness: Robustness, enough: float, first: Violation, told: str) -> Violation:
    """Return a world's gravest violation as one of too few worlds."""
    return replace(
        first,
        kind=ViolationKind.ROBUSTNESS,
        value=float(robustness.passed),
        limit=enough,
        unit="1",
        sentence=(
            f"In {robustness.worlds - robustness.passed} of {robustness.worlds} worlds a little "
            f"other than believed the plan fails. The worst: {first.sentence}"
        ),
        hint=first.hint or "leave more room, or go more slowly",
        detail={
            **first.detail,
            "kind": first.kind,
            "value": first.value,
            "limit": first.limit,
            "unit": first.unit,
            "world": told,
        },
    )
