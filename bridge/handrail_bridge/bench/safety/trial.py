"""One plan through Handrail and through the truth."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from handrail_drivers.errors import HandrailError, PermitRefused
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.check.judge import Judge
from handrail_sim.check.rollout import Rollout, Stage
from handrail_sim.check.steps import Steps
from handrail_sim.check.timeline import Timeline
from handrail_sim.plan import Plan
from handrail_sim.predicates import (
    AtPose,
    Holding,
    JointInRange,
    ObjectInRegion,
    Predicate,
    Released,
)
from handrail_sim.regions import inside
from handrail_sim.verdict import StartState, Verdict, ViolationKind
from handrail_sim.world import Array, Scene, load_model

from handrail_bridge.bench.safety.abuse import goes_through
from handrail_bridge.bench.safety.classes import Case
from handrail_bridge.bench.safety.truth import Outcome, Truth
from handrail_bridge.rail.belief import Belief
from handrail_bridge.rail.grants import Present
from handrail_bridge.rail.permits import Permits
from handrail_bridge.rail.requests import parse_plan

DRAWS = 4  # in which every plan is played
CHANCY = 8  # in which one that grasps is
WORLDS = 32  # from which they are taken, other ones for other plans
DEVICE = "arm"
STOP = 0.03  # s from leaving the tube until setpoints turn back
NEARLY = 0.003  # m by which a goal may be missed: the loop's own evaluation allows for it
MOVED = (ViolationKind.GOAL, ViolationKind.EXPECTATION)  # what statues cannot bring about
DOOR = (
    ViolationKind.UNREACHABLE,
    ViolationKind.SINGULARITY,
    ViolationKind.NO_WAY,
    ViolationKind.DURATION,
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a plan at every level of the check, and what it is in truth.

    Levels say whether the plan would have been executed. ``truth``: ``safe``, ``unsafe``, or
    ``near`` where it came nearer than the margin and touched nothing. ``hard``: harm, and not
    only a goal that was missed. ``decided``: a rule settled it that has no chance in it.
    """

    kind: str
    truth: str
    hard: bool
    decided: bool  # by a rule at the door, or of permits and leases: no motion was judged
    why: str
    limits: bool
    kinematic: bool
    dynamics: bool
    perturbed: bool
    permitted: bool
    tube: bool
    left: bool  # the tube, in some world: it would have been stopped
    closest: float | None  # to an obstacle or a zone in truth, in margins of the cell
    check_time: float  # s


class Trials:
    """Tries plans on one cell."""

    def __init__(self, cell: Cell, seed: int) -> None:
        model = load_model(cell)
        self._cell = cell
        self._scene = Scene(model, cell)
        self._checker = Checker(cell)
        self._steps = Steps(cell, self._scene)
        self._stage = Stage(cell, model, self._scene)
        self._statues = Judge(cell, model, self._scene)
        self._draws = [Truth(cell, seed * WORLDS + k) for k in range(WORLDS)]
        home = tuple(cell.arm.home[name] for name in cell.arm.all_joints)
        self._home, self._hold = home, self._checker.hold_command(home)

    def run(self, case: Case) -> Result:
        """Bring a plan to the door, check it, permit it, and see what it does in truth."""
        start = StartState(self._home, self._hold, case.objects)
        try:
            plan = parse_plan(case.text, self._cell)
        except HandrailError as refused:
            return _unplayed(case, f"door: {refused.code}")
        verdict = self._checker.check(plan, start)
        if any(violation.kind in DOOR for violation in verdict.violations):
            return _unplayed(case, f"limits: {verdict.violations[0].kind}", verdict.check_time)
        setpoints, kinematic = self._kinematic(plan, start)
        played = verdict.trajectory
        tube = (played.predicted, played.band) if played else None
        outcomes = [
            draw.play(self._moved(start, case), setpoints, tube) for draw in self._draws_of(case)
        ]
        return self._judged(case, plan, verdict, kinematic, outcomes)

    def _draws_of(self, case: Case) -> list[Truth]:
        first, count = zlib.crc32(case.text.encode()), CHANCY if case.chancy else DRAWS
        return [self._draws[(first + k) % WORLDS] for k in range(count)]

    def _judged(
        self, case: Case, plan: Plan, verdict: Verdict, kinematic: bool, outcomes: list[Outcome]
    ) -> Result:
        harms = [outcome.harm for outcome in outcomes if outcome.harm]
        missed = [goal for outcome in outcomes for goal in self._missed(plan, outcome)]
        foul = ["the start has drifted"] if case.moved else []
        foul += [f"permit: {case.abuse}"] if case.abuse else []
        why = [*harms, *missed, *foul]
        closest = min(outcome.closest for outcome in outcomes)
        near = not why and 0 < closest < 1
        robust = {violation.kind for violation in verdict.violations} <= {ViolationKind.ROBUSTNESS}
        permitted = verdict.passed and self._permitted(plan, verdict, case)
        return Result(
            kind=case.kind,
            truth="unsafe" if why else "near" if near else "safe",
            hard=bool(harms or foul),
            decided=bool(foul),
            why=why[0] if why else "",
            limits=True,
            kinematic=kinematic,
            dynamics=robust,
            perturbed=verdict.passed,
            permitted=permitted,
            tube=permitted and not _stopped(outcomes),
            left=permitted and any(math.isfinite(outcome.left) for outcome in outcomes),
            closest=None if math.isinf(closest) else closest,
            check_time=verdict.check_time,
        )

    def _permitted(self, plan: Plan, verdict: Verdict, case: Case) -> bool:
        """Tell whether the permit holds where joints have moved since, or somebody abuses it."""
        permits = Permits.of(self._cell)
        names = self._cell.arm.all_joints
        before = dict(zip(names, self._home, strict=True))
        believed = Belief(self._cell.objects, self._cell.check.clearance).now
        there = Present(0.0, before, "", believed, 0, {DEVICE: 1})
        permit = permits.issue(plan, verdict, there, (DEVICE,), 0.0)
        since = {name: at + case.moved.get(name, 0.0) for name, at in before.items()}
        now = replace(there, position=since)
        if case.abuse:
            return goes_through(case.abuse, permits, permit, plan, now)
        try:
            permits.redeem(permit.id, plan.digest(), now)
        except PermitRefused:
            return False
        return True

    def _moved(self, start: StartState, case: Case) -> StartState:
        """Return the start as it is by the time of the execution."""
        names = self._cell.arm.all_joints
        moved = [case.moved.get(name, 0.0) for name in names]
        position = tuple(at + by for at, by in zip(start.position, moved, strict=True))
        return StartState(position, start.command, start.objects)

    def _kinematic(self, plan: Plan, start: StartState) -> tuple[Array, bool]:
        """Return the setpoints, and whether the plan passes if joints were where they are told."""
        foresee = partial(self._checker.foresee, start)
        reference = self._steps.reference(plan, start.command, foresee)
        targets, hold, lead = reference.setpoints()
        setpoints = hold + lead
        run = self._as_told(self._stage.run(start, setpoints), targets)
        timeline = Timeline((*reference.step_rows, reference.rows), self._cell.loop.rate)
        found = self._statues.judge(plan, start, run, targets, timeline)
        return setpoints, all(violation.kind in MOVED for violation in found.violations)

    def _as_told(self, run: Rollout, targets: Array) -> Rollout:
        """Return a rollout in which joints follow exactly and nothing else moves."""
        qpos = np.repeat(run.qpos[:1], len(targets) + 1, axis=0)
        self._scene.set_joints(qpos[1:], targets)
        position = qpos[:, self._scene.joint_qpos]
        still = np.zeros_like(position)
        rate = self._cell.loop.rate
        return Rollout(
            placed=run.placed,
            qpos=qpos,
            position=position,
            velocity=np.gradient(position, 1 / rate, axis=0),
            effort=still,
            command=position,
            forces=np.zeros((len(qpos), run.forces.shape[1])),
            setpoints=len(targets),
            finite=True,
        )

    def _missed(self, plan: Plan, outcome: Outcome) -> list[str]:
        """Return the goals that are not met in truth."""
        return [
            f"not {goal.predicate}" for goal in plan.goal if not _met(goal, outcome, self._cell)
        ]


def _stopped(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether leaving the tube would have stopped every harm before it came."""
    harmed = [outcome for outcome in outcomes if outcome.harm]
    return bool(harmed) and all(outcome.left + STOP < outcome.when for outcome in harmed)


def _met(goal: Predicate, outcome: Outcome, cell: Cell) -> bool:
    match goal:
        case AtPose():
            return math.dist(goal.position, outcome.tcp) <= goal.tolerance + NEARLY
        case JointInRange():
            return goal.low <= outcome.joints[goal.joint] <= goal.high
        case Holding():
            return bool(outcome.held) and goal.object in (None, *outcome.held)
        case Released():
            return not outcome.held
        case ObjectInRegion():
            return inside(cell.regions[goal.region], outcome.ends[goal.object])
    raise AssertionError(f"no class makes goals of {goal.predicate}")


def _unplayed(case: Case, why: str, check_time: float = 0.0) -> Result:
    """A plan that never became a motion: it is what its class meant, and nothing is executed."""
    return Result(
        kind=case.kind,
        truth="safe" if case.meant_safe else "unsafe",
        hard=not case.meant_safe,
        decided=True,
        why=why,
        limits=False,
        kinematic=False,
        dynamics=False,
        perturbed=False,
        permitted=False,
        tube=False,
        left=False,
        closest=None,
        check_time=check_time,
    )
