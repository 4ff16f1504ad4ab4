"""What a rollout missed of a plan's goal and of its steps' expectations, and what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handrail_sim.check.predicates import WorldView
from handrail_sim.check.watch import Missed
from handrail_sim.plan import Plan
from handrail_sim.predicates import (
    Holding,
    ObjectInRegion,
    ObjectOn,
    ObjectUpright,
    Predicate,
    Released,
    SensorInRange,
    Visible,
    Within,
)
from handrail_sim.verdict import GoalResult, ObjectBelief, Violation, ViolationKind


def expected(missed: Missed, at: float) -> Violation:
    """Return the violation of a step's expectation, which was not met ``at`` [s]."""
    return Violation(
        kind=ViolationKind.EXPECTATION,
        step=missed.step,
        time=at,
        subject=missed.result.predicate,
        value=0.0,
        limit=1.0,
        unit="1",
        sentence=f"When step {missed.step} ends, {missed.result.predicate!r} is expected and is "
        f"not so: {missed.result.sentence}.",
        hint="change the steps up to there, or what is expected",
    )


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
        case Within():
            return _hint(predicate.of, view, ends)
        case Visible():
            return "look once the plan is done: what a plan has moved is not seen, but predicted"
        case SensorInRange() if predicate.sensor in view.unforeseen:
            return (
                f"a goal takes what {predicate.sensor} reads now: what a step should change, that "
                "step has to expect, which is judged while the plan runs"
            )
        case ObjectUpright() | ObjectOn() if _only_seen(predicate.object, view):
            return (
                "a look tells neither height nor lean: of what the plan shall leave as it is, ask "
                "for object_moved_less_than"
            )
        case Holding():
            return _empty(ends.get(predicate.object or ""), predicate.object)
        case Released():
            return "open the jaw: gripper_set with a gap wider than what it holds"
        case ObjectInRegion():
            x, y, _ = view.cell.regions[predicate.region].center
            return f"{predicate.region} is centred at ({x:.3f}, {y:.3f}) m: let go above it"
    return "change the steps or the goal"


def _only_seen(name: str, view: WorldView) -> bool:
    return name in view.objects and view.objects[name].source == "seen"


def _empty(belief: ObjectBelief | None, name: str | None) -> str:
    if belief is None or belief.source == "unknown":
        return "the jaw closes on nothing: look for the object first"
    x, y, z = belief.position
    return (
        f"the jaw closes on nothing: {name} is believed at "
        f"({x:.3f}, {y:.3f}, {z:.3f}) m ({belief.source})"
    )
