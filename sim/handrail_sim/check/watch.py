"""What a plan demands on its way: a step's ``expect`` at its end, what is ``within`` a time.

The check shows it the rows of a rollout, the bridge what is measured while the plan runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from handrail_sim.check.predicates import LATER, Before, WorldView, evaluate, found
from handrail_sim.plan import Plan
from handrail_sim.predicates import Predicate, Within, timed
from handrail_sim.verdict import GoalResult


@dataclass(frozen=True, slots=True)
class Missed:
    """What a step expected and did not find at its end."""

    step: int
    result: GoalResult


class Watch:
    """One plan, watched from its beginning to its end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._step = 0  # the first that has not ended
        self._goal = _Memory(plan.goal, 0.0)
        self._expected = self._of_step(0.0)

    @property
    def is_needed(self) -> bool:
        """Whether the plan demands anything before its end."""
        return self._goal.is_needed or any(step.expect for step in self._plan.steps)

    def see(self, view: WorldView, ended: int, time: float) -> Missed | None:
        """Look at the world ``time`` [s] after the beginning, with so many steps ended.

        Returns the first expectation that is not met.
        """
        self._goal.see(_as_read(view), time)
        self._expected.see(view, time)
        while self._step < ended:
            for result in self._expected.results(view):
                if not result.met:
                    return Missed(self._step, result)
            self._step += 1
            self._expected = self._of_step(time)
            self._expected.see(view, time)
        return None

    def results(self, view: WorldView) -> tuple[GoalResult, ...]:
        """Return every predicate of the goal, evaluated at the end."""
        return self._goal.results(_as_read(view))

    def _of_step(self, began: float) -> _Memory:
        steps = self._plan.steps
        return _Memory(steps[self._step].expect if self._step < len(steps) else (), began)


class _Memory:
    """Some predicates from one beginning [s] on, and which of them have held in their time."""

    def __init__(self, predicates: Sequence[Predicate], began: float) -> None:
        self._predicates = predicates
        self._began = began
        self._open = [one for predicate in predicates for one in timed(predicate)]
        self._held: dict[Within, Before] = {}
        self.is_needed = bool(self._open)

    def see(self, view: WorldView, time: float) -> None:
        """Remember what holds now and still may; the innermost first, for what is made of it."""
        passed = time - self._began
        for within in tuple(self._open):
            if passed > within.seconds:
                self._open.remove(within)
                continue
            met, sentence, predicted = found(within.of, replace(view, before=self._held))
            if met in (True, LATER):
                self._held[within] = met, f"{sentence}, after {passed:.2f} s", predicted
            if met is True:
                self._open.remove(within)

    def results(self, view: WorldView) -> tuple[GoalResult, ...]:
        """Return every predicate, evaluated now."""
        now = replace(view, before=self._held)
        return tuple(evaluate(predicate, now) for predicate in self._predicates)


def _as_read(view: WorldView) -> WorldView:
    """A goal takes what sensors read now: the running plan judges it when all is done."""
    return replace(view, unforeseen=frozenset())
