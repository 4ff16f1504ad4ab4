"""One running plan, from its acceptance by the loop to its receipt."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from handrail_drivers.errors import ProcessLost
from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.plan import Plan
from handrail_sim.verdict import GoalResult

from handrail_bridge.belief import Belief
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.state import LoopState
from handrail_bridge.measured import STALE, Measured, age
from handrail_bridge.permits import Grant
from handrail_bridge.reports import Receipt

LOOK = 0.02  # s between two looks at the loop's state
PATIENCE = 5.0  # s beyond the plan's length before it counts as hung

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a motion ended, as the loop says."""

    completed: bool
    reason: str
    fault_code: str
    duration: float  # s
    peak_following_error: float  # rad
    reflexes: tuple[str, ...]  # that have fired


class Motion:
    """A plan that the loop has accepted as motion ``number``."""

    def __init__(self, number: int, receipt_id: str, plan: Plan, grant: Grant) -> None:
        self.number = number
        self.receipt_id = receipt_id
        self.plan = plan
        self.grant = grant

    async def follow(self, loop: Loops) -> Outcome:
        """Wait until the loop reports the motion's end. Aborts one that lasts too long."""
        began = self._now()
        while True:
            state, lasted = loop.state(), self._now() - began
            rest = lasted, state.peak_following_error, loop.fired(state)
            if state.ended_motion_id == self.number:
                ended = state.ended_completed, state.ended_reason, state.fault_code
                return Outcome(*ended, *rest)
            longest = self.grant.verdict.duration / state.speed_scale + PATIENCE
            if age(state.time_ns) > STALE or lasted > longest:
                loop.abort(self.number)
                lost = "The loop fell silent while the plan was running."
                return Outcome(False, lost, ProcessLost.code, *rest)
            await asyncio.sleep(LOOK)

    async def settle(self, loop: Loops, measured: Measured, patience: float) -> LoopState:
        """Return the state once the arm stands still, at most ``patience`` [s] later."""
        deadline = self._now() + patience
        state = loop.state()
        while not measured.still(state) and self._now() < deadline:
            await asyncio.sleep(LOOK)
            state = loop.state()
        return state

    def judge(
        self, outcome: Outcome, state: LoopState, measured: Measured, belief: Belief
    ) -> Receipt:
        """Advance the belief by what happened, and evaluate the goal on the measured state."""
        predicted = self.grant.verdict.end_objects
        if outcome.completed:
            belief.advance(predicted)
        else:
            belief.doubt(predicted)
        belief.feel(measured.holding(state))
        return Receipt(
            id=self.receipt_id,
            plan_digest=self.grant.verdict.plan_digest,
            permit_id=self.grant.id,
            completed=outcome.completed,
            reason=outcome.reason,
            fault_code=outcome.fault_code,
            duration=outcome.duration,
            peak_following_error=outcome.peak_following_error,
            reflexes=outcome.reflexes,
            end_position=measured.positions(state),
            goal=self._goal(state, measured, belief),
        )

    def _goal(self, state: LoopState, measured: Measured, belief: Belief) -> tuple[GoalResult, ...]:
        felt = measured.holding(state)
        view = WorldView(
            joints=measured.positions(state),
            tcp=measured.tcp(state.position),
            held=(belief.held or "something") if felt else None,
            objects={
                name: thing.position
                for name, thing in belief.objects.items()
                if thing.source != "unknown"
            },
            regions=measured.regions,
        )
        return tuple(evaluate(predicate, view) for predicate in self.plan.goal)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
