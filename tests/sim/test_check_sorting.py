"""Cubes scattered over the desk, each sorted into its bin by one plan of a fixed recipe."""

from __future__ import annotations

import pytest
from desk_plans import sort, sorted_by_plan
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import MoveToPose
from handrail_sim.regions import inside
from handrail_sim.verdict import StartState, Verdict, ViolationKind


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


def judge_sorted(cell: Cell, start: StartState, name: str, verdict: Verdict) -> None:
    assert verdict.violations == ()
    assert all(result.met for result in verdict.goal)
    end = verdict.end_objects[name]
    assert (end.source, end.held_pose) == ("predicted", None)
    assert inside(cell.regions[str(cell.objects[name].goes_to)], end.position)
    for other in set(cell.objects) - {name}:
        assert verdict.end_objects[other] == start.objects[other]


@pytest.mark.parametrize("seed", range(8))
def test_cubes_all_over_the_zone_are_sorted(cell: Cell, checker: Checker, seed: int) -> None:
    judge_sorted(cell, *sorted_by_plan(cell, checker, seed))


def test_a_finger_that_swings_onto_a_cube_is_refused_and_a_pose_halfway_helps(
    cell: Cell, checker: Checker
) -> None:
    """Joints go straight, the tool does not: near the base it swings out by 7 mm on its way down.

    Where the cube lies 5 mm the other way, a finger comes down on its edge.
    """
    start, name, verdict = sorted_by_plan(cell, checker, 29)
    (violation,) = verdict.violations
    assert "a finger presses blue_cube on table" in violation.sentence
    assert "a pose halfway" in violation.hint
    recipe = sort(cell, name, start)
    down = next(one for one in recipe.steps if isinstance(one, MoveToPose) and one.speed == 0.4)
    halfway = down.model_copy(update={"position": (*down.position[:2], 0.04)})
    at = recipe.steps.index(down)
    steps = (*recipe.steps[:at], halfway, *recipe.steps[at:])
    better = recipe.model_copy(update={"steps": steps})
    judge_sorted(cell, start, name, checker.check(better, start))


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_two_hundred_cubes_are_sorted_but_for_some_that_other_worlds_forbid(
    cell: Cell, checker: Checker
) -> None:
    """A plan from a fixed recipe: who reads the refusal plans anew, as the pilot does."""
    refused = []
    for seed in range(8, 208):
        start, name, verdict = sorted_by_plan(cell, checker, seed)
        if {one.kind for one in verdict.violations} == {ViolationKind.ROBUSTNESS}:
            refused.append(seed)
        else:
            judge_sorted(cell, start, name, verdict)
    assert len(refused) <= 4, refused
