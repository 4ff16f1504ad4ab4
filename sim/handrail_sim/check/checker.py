"""The check of one plan: from the measured state to a verdict with its trajectory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check import asked, start
from handrail_sim.check.asks import Asks
from handrail_sim.check.judge import Finding, Judge
from handrail_sim.check.payload import Payload
from handrail_sim.check.policy_runs import PolicyRuns, gibberish
from handrail_sim.check.reference import Reference
from handrail_sim.check.rollout import Gibberish, Rollout, Stage
from handrail_sim.check.script import Script
from handrail_sim.check.spread import Spread, Tube
from handrail_sim.check.steps import Steps, Unplayable
from handrail_sim.check.timeline import Timeline
from handrail_sim.check.worlds import Worlds
from handrail_sim.plan import Plan
from handrail_sim.verdict import ObjectBelief, StartState, Trajectory, Verdict, Violation
from handrail_sim.world import Array, Scene, load_model


class Checker:
    """Checks plans for one cell, one at a time."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        model = load_model(cell)
        self._scene = Scene(model, cell)
        self._data = mujoco.MjData(model)
        self._payload = Payload(cell, self._scene)
        self._steps = Steps(cell, self._scene)
        self._stage = Stage(cell, model, self._scene)
        self._judgement = Judge(cell, model, self._scene)
        self._worlds = Worlds(cell, model, self._scene)
        self._spread = Spread(cell)
        self._asks = Asks(cell, model)
        self._policies = PolicyRuns(cell, self._scene)

    def hold_command(
        self, position: Sequence[float], objects: Mapping[str, ObjectBelief] | None = None
    ) -> tuple[float, ...]:
        """Return the command (j,) [rad] that holds the arm, and what it holds, where it is."""
        reference = Reference(self._cell, self._scene, position)
        payload = self._payload.torque(position, objects or {})
        return tuple(reference.hold_command(position, payload).tolist())

    def at_home(self) -> StartState:
        """Return a state to try plans from: the arm at home, things where the model has them."""
        home = [self._cell.arm.home[name] for name in self._cell.arm.all_joints]
        mujoco.mj_resetData(self._scene.model, self._data)
        objects = {}
        for name in self._cell.objects:
            at, _ = self._scene.object_qpos[name]
            x, y, z, *turn = self._data.qpos[at : at + 7].tolist()
            objects[name] = ObjectBelief((x, y, z), (turn[0], turn[1], turn[2], turn[3]), "seen", 0)
        return StartState(tuple(home), self.hold_command(home), objects)

    def check(self, plan: Plan, state: StartState) -> Verdict:
        """Roll the plan out from the start state and judge it.

        A plan that cannot be turned into a trajectory (out of reach, too long) has one violation
        and no rollout; so has a state that cannot be read.
        """
        began = time.perf_counter()
        verdict = self._verdict(plan, state)
        known = {name for name, thing in state.objects.items() if not thing.is_lost}
        unseen = tuple(name for name in self._cell.objects if name not in known)
        return replace(verdict, check_time=time.perf_counter() - began, unseen=unseen)

    def _verdict(self, plan: Plan, state: StartState) -> Verdict:
        unreadable = start.unreadable(state)
        if unreadable is not None:
            return _failed(plan, [unreadable])
        try:
            reference = self._steps.reference(plan, state.command, partial(self.foresee, state))
            script = self._script(plan, state, reference)
        except Unplayable as found:
            return _failed(plan, [found.violation])
        try:
            return self._judge(plan, state, reference, script)
        except Gibberish as found:
            index, time = len(plan.steps) - 1, found.row / self._cell.loop.rate
            return _failed(plan, [gibberish(index, plan.steps[-1].tool, time)])

    def _script(self, plan: Plan, state: StartState, reference: Reference) -> Script:
        aims, hold, lead = reference.setpoints()
        part = self._policies.part(plan, state, reference.step_rows[-1])
        live = self._policies.live(part, len(hold)) if part else None
        return Script(aims, hold, lead, part, live)

    def _judge(
        self, plan: Plan, state: StartState, reference: Reference, script: Script
    ) -> Verdict:
        run = self._stage.run(state, script.setpoints, script.live)
        placed = self._judgement.proximity.look(run.placed[None]).pairs
        unfit = list(start.judge(self._cell, state, run, reference.standing.tolist(), placed))
        if unfit:
            return _failed(plan, unfit)
        timeline = Timeline((*reference.step_rows, reference.rows), self._cell.loop.rate)
        too_much = asked.judge(self._cell, reference.standing, script.planned, timeline)
        if found_so := sorted(too_much, key=lambda one: one.time):
            return _failed(plan, found_so)
        script = script.filled(self._cell, run)
        found = self._judgement.judge(plan, state, run, script.aims, timeline)
        verdict = self._told(plan, run, found, script.setpoints)
        if found.violations:
            return verdict
        others = self._elsewhere(state, script)
        if not all(other.finite for other in others):
            return replace(verdict, passed=False, violations=(start.unsolvable(),))
        robustness, violation = self._worlds.judge(plan, state, others, script.aims, timeline)
        if violation is not None:
            return replace(verdict, passed=False, violations=(violation,), robustness=robustness)
        tube = self._spread.tube(state, run, others, self._worlds.variations)
        policy = script.policy and self._policies.bounded(script.policy, [run, *others], tube)
        trajectory = replace(self._trajectory(run, script, tube, timeline), policy=policy)
        asks = self._asks.find(plan, found.story)
        return replace(verdict, robustness=robustness, trajectory=trajectory, asks=asks)

    def _elsewhere(self, state: StartState, script: Script) -> list[Rollout]:
        if script.live is None:
            return self._worlds.play(state, script.setpoints)
        return self._worlds.improvise(state, script.setpoints, script.live)

    def foresee(self, state: StartState, reference: Reference) -> tuple[Array, list[str]]:
        """Return where everything is after a part of a plan, and what is held then."""
        if reference.rows:
            _, hold, lead = reference.setpoints()
            setpoints = hold + lead
        else:
            setpoints = np.array([state.command])
        run = self._stage.run(state, setpoints)
        end = run.setpoints if reference.rows else 0
        return run.qpos[end], self._judgement.held(run, end)

    def _told(self, plan: Plan, run: Rollout, found: Finding, setpoints: Array) -> Verdict:
        """Return what the believed world's rollout says."""
        story = found.story
        return Verdict(
            passed=not found.violations,
            plan_digest=plan.digest(),
            violations=tuple(found.violations),
            goal=found.results,
            duration=len(setpoints) / self._cell.loop.rate,
            clearance=found.clearance,
            clearance_pair=found.clearance_pair,
            peak_velocity=self._peaks(run.velocity),
            peak_effort=self._peaks(run.effort),
            check_time=0.0,
            trajectory=None,
            end_objects=story.beliefs(-1),
            path=story.look.path,
            on_the_way=tuple(story.beliefs(row) for row in story.timeline.step_rows[1:]),
        )

    def _trajectory(
        self, run: Rollout, script: Script, tube: Tube, timeline: Timeline
    ) -> Trajectory:
        played = slice(1, len(script.hold) + 1)
        return Trajectory(
            rate=self._cell.loop.rate,
            joints=self._cell.arm.all_joints,
            hold=script.hold,
            lead=script.lead,
            predicted=run.position[played],
            effort=run.effort[played],
            band=tube.band,
            effort_band=tube.effort_band,
            step_rows=tuple(timeline.step_rows),
        )

    def _peaks(self, values: Array) -> dict[str, float]:
        peaks = np.abs(values).max(axis=0).tolist()
        return dict(zip(self._cell.arm.all_joints, peaks, strict=True))


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
    )
