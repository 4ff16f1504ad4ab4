"""One running plan, from its acceptance by the loop to its receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail_drivers.errors import ProcessLost
from handrail_sim.check.watch import Missed, Watch
from handrail_sim.places import aside, pose
from handrail_sim.plan import Plan
from handrail_sim.verdict import ObjectBelief

from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.state import LoopState
from handrail_bridge.rail.belief import Belief
from handrail_bridge.rail.grants import Grant
from handrail_bridge.rail.measured import STALE, Measured, age
from handrail_bridge.reports import Receipt

LOOK = 0.02  # s between two looks at the loop's state
STILL = 0.002  # m
PATIENCE = 5.0  # s in one row of the trajectory, at full speed, before a motion counts as hung
EXPECTATION = "expectation"  # the code of a plan that a step's expectation has ended
WORLD = "world_changed"  # of one that went on in a world that had become another


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a motion ended, as the loop says."""

    completed: bool
    reason: str
    fault_code: str
    duration: float  # s
    peak_following_error: float  # rad, of joints that turn
    reflexes: tuple[str, ...]  # that have fired
    peak_slide_error: float = 0.0  # m, of joints that slide


class Motion:
    """A plan that the loop has accepted as motion ``number``.

    ``began`` is what was believed of the objects then; ``sensors`` returns what is read now.
    """

    def __init__(
        self,
        number: int,
        receipt_id: str,
        plan: Plan,
        grant: Grant,
        measured: Measured,
        began: Mapping[str, ObjectBelief],
        sensors: Callable[[], dict[str, float]],
    ) -> None:
        self.number = number
        self.receipt_id = receipt_id
        self.plan = plan
        self.grant = grant
        self._measured = measured
        self._began = began
        self._sensors = sensors
        self._watch = Watch(plan)
        self._reached = 0  # steps that had ended when it was last seen
        self._why: tuple[str, str] | None = None  # sentence and code, where we end it ourselves

    async def follow(self, loop: Loops) -> Outcome:
        """Wait until the loop reports the motion's end.

        Aborts one that does not get on, and one whose step did not bring what was expected of it.
        A motion may last longer than was checked: ticks that are missed stretch it.
        """
        began = moved = self._now()
        row = -1
        while True:
            state, lasted = loop.state(), self._now() - began
            fired, slide = loop.fired(state), state.peak_slide_error
            rest = lasted, state.peak_following_error, fired, slide
            self._reached = max(self._reached, self._steps_ended(state))
            if self._misses(state, lasted):
                loop.abort(self.number)
            if state.ended_motion_id == self.number:
                return self._ended(state, *rest)
            if state.motion_id == self.number and state.row != row:
                row, moved = state.row, self._now()
            if (lost := self._lost(state, self._now() - moved)) is not None:
                loop.abort(self.number)
                return Outcome(False, lost, ProcessLost.code, *rest)
            await asyncio.sleep(LOOK)

    @staticmethod
    def _lost(state: LoopState, stood: float) -> str | None:
        """Return why nobody should wait for the motion's end any more; ``stood``: s in one row."""
        if age(state.alive_ns) > STALE:  # not of the readings: who is not heard it says itself
            return "The loop fell silent while the plan was running."
        if stood > PATIENCE / state.speed_scale:
            return f"The motion has stood still for {stood:.0f} s, and nobody says why."
        return None

    def _misses(self, state: LoopState, lasted: float) -> bool:
        """Look at what the plan demands on its way; tell whether it has just missed something."""
        if not self._watch.is_needed or self._why is not None:
            return False
        ended = self._steps_ended(state)
        objects = self.grant.verdict.on_the_way[ended - 1] if ended else self._began
        view = self._measured.view(state, objects, self._began, self._sensors())
        missed = self._watch.see(view, ended, lasted)
        if missed is not None:
            self._why = _told(missed), EXPECTATION
        return missed is not None

    def resting(self, state: LoopState) -> dict[str, ObjectBelief]:
        """Return where what the present step does not move is predicted to lie."""
        verdict, ended = self.grant.verdict, self._steps_ended(state)
        before = verdict.on_the_way[ended - 1] if ended else self._began
        after = verdict.on_the_way[min(ended, len(verdict.on_the_way) - 1)]
        things = self._measured.cell.objects
        return {
            name: thing
            for name, thing in before.items()
            if _rests(thing, after.get(name, thing), things[name].size)
        }

    def end_for(self, why: str) -> None:
        """Have the motion end because the world is another than it was checked in."""
        self._why = self._why or (why, WORLD)

    def _steps_ended(self, state: LoopState) -> int:
        trajectory = self.grant.verdict.trajectory
        ends = trajectory.step_rows[1:] if trajectory else ()
        if state.ended_motion_id == self.number:
            return len(ends) if state.ended_completed else 0
        return sum(end <= state.row for end in ends) if state.motion_id == self.number else 0

    def _ended(self, state: LoopState, *rest: Any) -> Outcome:
        missed = self._why is not None and self._why[1] == EXPECTATION
        if self._why is None or (state.ended_completed and not missed):
            return Outcome(state.ended_completed, state.ended_reason, state.fault_code, *rest)
        return Outcome(False, *self._why, *rest)

    async def settle(self, loop: Loops, patience: float) -> LoopState:
        """Return the state once the arm stands still, at most ``patience`` [s] later."""
        deadline = self._now() + patience
        state = loop.state()
        while not self._measured.still(state) and self._now() < deadline:
            await asyncio.sleep(LOOK)
            state = loop.state()
        return state

    def judge(self, outcome: Outcome, state: LoopState, belief: Belief) -> Receipt:
        """Advance the belief by what happened, and evaluate the goal on the measured state."""
        if outcome.completed:
            belief.advance(self.grant.verdict.end_objects, self._began)
        else:
            self.doubt(belief)
        belief.feel(self._measured.holding(state))
        sensors = self._sensors()
        view = self._measured.view(state, belief.objects, self._began, sensors)
        return Receipt(
            id=self.receipt_id,
            plan_digest=self.grant.verdict.plan_digest,
            permit_id=self.grant.id,
            completed=outcome.completed,
            reason=outcome.reason,
            fault_code=outcome.fault_code,
            duration=outcome.duration,
            peak_following_error=outcome.peak_following_error,
            peak_slide_error=outcome.peak_slide_error,
            reflexes=outcome.reflexes,
            end_position=self._measured.positions(state),
            goal=self._watch.results(view),
            approver=self.grant.approver,
            sensors=sensors,
        )

    def doubt(self, belief: Belief) -> None:
        """Know no more where that is which it moved, or would have."""
        verdict = self.grant.verdict
        belief.doubt(verdict.end_objects, verdict.on_the_way[: self._reached])

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _told(missed: Missed) -> str:
    result = missed.result
    return f"Step {missed.step} was expected to bring {result.predicate!r}: {result.sentence}."


def _rests(before: ObjectBelief, after: ObjectBelief, size: Sequence[float]) -> bool:
    """Tell whether an object whose place is known lies still meanwhile."""
    known = "unknown" not in (before.source, after.source)
    held = before.held_pose or after.held_pose
    return known and not held and aside(pose(before), pose(after), size) < STILL
