"""What a plan demands on its way: within a time, at a step's end, and of one another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from handrail_sim.cell import Cell
from handrail_sim.check.predicates import WorldView
from handrail_sim.check.watch import Watch
from handrail_sim.plan import Plan
from handrail_sim.verdict import GoalResult, ObjectBelief
from pydantic import ValidationError

Wanted = Mapping[str, Any]

CUBE = "blue_cube"
HELD = {"predicate": "holding", "object": CUBE}
OTHER = {"predicate": "holding", "object": "red_cube_a"}
FREE = {"predicate": "released"}
WAIT = {"tool": "wait", "seconds": 1}


def within(seconds: float, of: Wanted) -> dict[str, Any]:
    return {"predicate": "within", "seconds": seconds, "of": of}


def both(*of: Wanted) -> dict[str, Any]:
    return {"predicate": "all", "of": of}


def either(*of: Wanted) -> dict[str, Any]:
    return {"predicate": "any", "of": of}


def no(of: Wanted) -> dict[str, Any]:
    return {"predicate": "not", "of": of}


@pytest.fixture(scope="module")
def view(cell: Cell) -> WorldView:
    """The blue cube in the gripper."""
    return WorldView(
        cell=cell,
        joints=dict.fromkeys(cell.arm.all_joints, 0.5),
        efforts=dict.fromkeys(cell.arm.all_joints, 0.0),
        tcp=(0.2, 0.1, 0.15),
        turned=np.eye(3),
        held=CUBE,
        objects={CUBE: ObjectBelief((0.2, 0.1, 0.15), (1.0, 0.0, 0.0, 0.0), "predicted", 0)},
    )


def holding(view: WorldView, held: str | None) -> WorldView:
    return dataclasses.replace(view, held=held)


def watched(view: WorldView, goal: Wanted, held: Mapping[float, str | None]) -> GoalResult:
    """The result of a goal that is looked at every 0.1 s for 3 s; ``held`` from a moment on."""
    watch = Watch(Plan.model_validate({"steps": [WAIT], "goal": [goal]}))
    now: str | None = None
    for number in range(30):
        now = held.get(number / 10, now)
        watch.see(holding(view, now), 0, number / 10)
    (result,) = watch.results(holding(view, now))
    return result


def test_within_a_time_it_is_enough_to_hold_once(view: WorldView) -> None:
    once = watched(view, within(1.0, HELD), {0.5: CUBE, 0.7: None})
    assert once.met
    assert once.sentence == "blue_cube is held, after 0.50 s"
    late = watched(view, within(1.0, HELD), {1.5: CUBE})
    assert not late.met
    assert "within 1 s" in late.sentence


THEN_THE_OTHER = {0.5: CUBE, 0.8: "red_cube_a", 1.5: None}


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (both(within(1, HELD), within(1, OTHER)), True),  # each at its own moment
        (both(within(1, HELD), within(0.7, OTHER)), False),
        (within(1, both(HELD, OTHER)), False),  # both at the same moment
        (both(within(1, HELD), FREE), True),  # and free again at the end
        (both(within(1, HELD), HELD), False),
        (either(within(0.2, HELD), within(1, OTHER)), True),
        (either(within(0.2, HELD), within(0.2, OTHER)), False),
        (no(within(0.4, HELD)), True),
        (no(within(0.5, HELD)), False),
        (within(2, within(0.6, HELD)), True),
        (within(0.4, within(2, HELD)), False),  # by 0.4 s it had not yet
        (within(1, no(within(0.4, HELD))), True),
        (no(both(within(1, HELD), within(1, OTHER))), False),
        (within(1, both(OTHER, within(0.6, HELD))), True),  # one after the other, both in time
        (within(0.6, both(HELD, within(1, OTHER))), False),
    ],
)
def test_a_time_within_other_predicates(view: WorldView, goal: Wanted, met: bool) -> None:
    assert watched(view, goal, THEN_THE_OTHER).met == met


def test_what_held_says_so_in_what_it_is_a_part_of(view: WorldView) -> None:
    goal = either(within(1, HELD), OTHER)
    assert watched(view, goal, {0.5: CUBE, 0.7: None}).sentence.endswith("after 0.50 s")
    missed = watched(view, both(within(0.2, HELD), FREE), THEN_THE_OTHER)
    assert missed.sentence == (
        "it has not held within 0.2 s; now, nothing is held, not even blue_cube"
    )


def test_a_prediction_stays_one_when_its_moment_is_over(view: WorldView) -> None:
    there = {"predicate": "object_upright", "object": CUBE}
    watch = Watch(Plan.model_validate({"steps": [WAIT], "goal": [both(within(1, there), FREE)]}))
    watch.see(view, 0, 0.0)
    seen = dataclasses.replace(view.objects[CUBE], source="seen")
    (result,) = watch.results(dataclasses.replace(view, held=None, objects={CUBE: seen}))
    assert result.met
    assert result.predicted, "it was believed to stand upright, not seen"


def expecting(*expected: list[Wanted]) -> Watch:
    steps = [{**WAIT, "expect": one} for one in expected]
    return Watch(Plan.model_validate({"steps": steps}))


def test_expectations_are_looked_at_when_their_step_ends(view: WorldView) -> None:
    watch = expecting([HELD], [OTHER])
    assert watch.is_needed
    assert watch.see(holding(view, None), 0, 0.0) is None, "no step has ended"
    assert watch.see(view, 1, 1.0) is None
    assert watch.see(holding(view, None), 1, 1.1) is None, "the first is over"
    missed = watch.see(view, 2, 2.0)
    assert missed is not None
    assert (missed.step, missed.result.predicate) == (1, "holding")


def test_steps_that_end_between_two_looks_are_not_forgotten(view: WorldView) -> None:
    missed = expecting([HELD], [HELD], [HELD]).see(holding(view, None), 3, 3.0)
    assert missed is not None
    assert missed.step == 0


def test_a_step_expects_within_a_time_of_its_own(view: WorldView) -> None:
    """Held at 0.5 s: in time for the first step; the second began only at 1 s."""
    watch = expecting([within(0.6, HELD)], [within(0.6, HELD)])
    for time, held in ((0.0, None), (0.5, CUBE), (0.9, None)):
        assert watch.see(holding(view, held), 0, time) is None
    assert watch.see(holding(view, None), 1, 1.0) is None
    assert watch.see(holding(view, None), 1, 1.5) is None
    assert watch.see(view, 1, 1.7) is None, "too late, but the step has not ended"
    missed = watch.see(view, 2, 2.0)
    assert missed is not None
    assert missed.step == 1
    assert "within 0.6 s" in missed.result.sentence


def test_a_steps_time_begins_at_the_look_that_ended_the_one_before(view: WorldView) -> None:
    watch = expecting([], [within(0.1, HELD), both(within(0.1, HELD), FREE)])
    assert watch.see(view, 1, 1.0) is None, "that look is the first of the next step"
    assert watch.see(holding(view, None), 2, 3.0) is None


def test_a_time_counts_as_a_level(view: WorldView) -> None:
    def deep(levels: int) -> dict[str, Any]:
        return HELD if levels == 1 else within(9, deep(levels - 1))

    assert watched(view, deep(4), {0.1: CUBE}).met
    with pytest.raises(ValidationError, match="4 levels"):
        watched(view, deep(5), {})
