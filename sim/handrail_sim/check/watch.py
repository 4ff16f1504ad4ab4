"""What a plan demands on its way: a step's ``expect`` at its end, a goal's ``within`` in its time.

The check shows it the rows of a rollout, the bridge what is measured while the plan runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.plan import Plan
from handrail_sim.predicates import Within
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
        self._seen: dict[int, GoalResult] = {}  # goals with a time that held in it, as they did

    @property
    def is_needed(self) -> bool:
        """Whether the plan demands anything before its end."""
        timed = any(isinstance(goal, Within) for goal in self._plan.goal)
        return timed or any(step.expect for step in self._plan.steps)

    def see(self, view: WorldView, ended: int, time: float) -> Missed | None:
        """Look at the world ``time`` [s] after the beginning, with so many steps ended.

        Returns the first expectation that is not met.
        """
        for index, goal in enumerate(self._plan.goal):
            if isinstance(goal, Within) and time <= goal.seconds and index not in self._seen:
                result = evaluate(goal.of, view)
                if result.met:
                    then = f"{result.sentence}, after {time:.2f} s"
                    self._seen[index] = replace(result, predicate=goal.predicate, sentence=then)
        return self._end_steps(view, ended)

    def results(self, view: WorldView) -> tuple[GoalResult, ...]:
        """Return every predicate of the goal, evaluated at the end."""
        return tuple(
            self._timed(index, goal, view) if isinstance(goal, Within) else evaluate(goal, view)
            for index, goal in enumerate(self._plan.goal)
        )

    def _timed(self, index: int, goal: Within, view: WorldView) -> GoalResult:
        if index in self._seen:
            return self._seen[index]
        now = evaluate(goal.of, view)
        late = f"it did not hold within {goal.seconds:g} s; at the end, {now.sentence}"
        return replace(now, predicate=goal.predicate, met=False, sentence=late)

    def _end_steps(self, view: WorldView, ended: int) -> Missed | None:
        while self._step < ended:
            step, self._step = self._step, self._step + 1
            for predicate in self._plan.steps[step].expect:
                result = evaluate(predicate, view)
                if not result.met:
                    return Missed(step, result)
        return None
