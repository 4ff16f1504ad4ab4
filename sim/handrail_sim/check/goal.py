"""The goal at the end of a rollout: which predicates hold, and what to try where one does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.plan import Holding, ObjectInRegion, Plan, Predicate, Released
from handrail_sim.verdict import GoalResult, ObjectBelief, Violation, ViolationKind


def evaluate_all(plan: Plan, view: WorldView) -> tuple[GoalResult, ...]:
    """Return every predicate of the goal, evaluated."""
    return tuple(evaluate(predicate, view) for predicate in plan.goal)


def missed(
    plan: Plan,
    results: Sequence[GoalResult],
    view: WorldView,
    ends: Mapping[str, ObjectBelief],
    at: float,
) -> list[Violation]:
    """Return one violation for each predicate that does not hold ``at`` [s], the plan's end."""
    return [
        Violation(
            kind=ViolationKind.GOAL,
            step=len(plan.steps) - 1,
            time=at,
            subject=result.predicate,
            value=0.0,
            limit=1.0,
            unit="1",
            sentence=f"At the end the goal {result.predicate!r} is not met: {result.sentence}.",
            hint=_hint(predicate, view, ends),
        )
        for predicate, result in zip(plan.goal, results, strict=True)
        if not result.met
    ]


def _hint(predicate: Predicate, view: WorldView, ends: Mapping[str, ObjectBelief]) -> str:
    match predicate:
        case Holding():
            return _empty(ends.get(predicate.object or ""), predicate.object)
        case Released():
            return "open the jaw: gripper_set with a gap wider than what it holds"
        case ObjectInRegion():
            x, y, _ = view.regions[predicate.region].center
            return f"{predicate.region} is centred at ({x:.3f}, {y:.3f}) m: let go above it"
    return "change the steps or the goal"


def _empty(belief: ObjectBelief | None, name: str | None) -> str:
    if belief is None or belief.source == "unknown":
        return "the jaw closes on nothing: look for the object first"
    x, y, z = belief.position
    return (
        f"the jaw closes on nothing: {name} is believed at "
        f"({x:.3f}, {y:.3f}, {z:.3f}) m ({belief.source})"
    )
