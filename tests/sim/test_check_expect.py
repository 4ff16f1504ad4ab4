"""What steps expect and what a goal demands in a time, on the way of a rollout."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from desk_plans import Step, at_home, joints, lying, pick, plan
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.plan import Plan
from handrail_sim.verdict import GoalResult, StartState, Verdict, ViolationKind

SPOT = (0.25, 0.12)
GRIP, UP = 4, 5  # steps of a pick: the jaw closes; the cube is lifted
HOLDING = {"predicate": "holding", "object": "blue_cube"}
RELEASED = {"predicate": "released"}
LIFTED = {"predicate": "not", "of": {"predicate": "object_moved_less_than", "object": "blue_cube"}}


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture(scope="module")
def start(cell: Cell, checker: Checker) -> StartState:
    return at_home(cell, checker, blue_cube=lying(*SPOT))


def picking(expected: dict[int, list[dict[str, Any]]], goal: list[dict[str, Any]]) -> Plan:
    """Take the cube, with expectations by step."""
    steps = [{**step, "expect": expected.get(n, [])} for n, step in enumerate(pick(*SPOT, 0.0))]
    return plan(*steps, goal=goal)


def test_expectations_that_come_true_pass(checker: Checker, start: StartState) -> None:
    lifted = {**LIFTED, "of": {**LIFTED["of"], "distance": 0.03}}
    expected = {GRIP - 1: [RELEASED], GRIP: [HOLDING], UP: [HOLDING, lifted]}
    verdict = checker.check(picking(expected, [HOLDING]), start)
    assert verdict.passed, verdict.violations


def test_an_expectation_that_does_not_is_named_with_its_step_and_time(
    checker: Checker, start: StartState
) -> None:
    verdict = checker.check(picking({GRIP: [RELEASED]}, []), start)
    (violation,) = verdict.violations
    assert (violation.kind, violation.step) == (ViolationKind.EXPECTATION, GRIP)
    assert "blue_cube is still held" in violation.sentence
    assert 0 < violation.time < verdict.duration
    assert verdict.trajectory is None


def test_the_first_missed_expectation_counts(checker: Checker, start: StartState) -> None:
    verdict = checker.check(picking({1: [HOLDING], GRIP: [RELEASED]}, []), start)
    assert [found.step for found in verdict.violations] == [1]


def test_a_goal_may_have_to_hold_in_a_time(checker: Checker, start: StartState) -> None:
    def met(seconds: float) -> bool:
        within = {"predicate": "within", "seconds": seconds, "of": HOLDING}
        verdict = checker.check(picking({}, [within]), start)
        assert verdict.passed == verdict.goal[0].met
        return verdict.goal[0].met

    assert met(30.0)
    assert not met(1.0), "the arm is not even there"


def test_within_a_time_something_may_be_over_again(
    cell: Cell, checker: Checker, start: StartState
) -> None:
    away = joints(shoulder_pan=cell.arm.home["shoulder_pan"] - 0.4)
    back = joints(shoulder_pan=cell.arm.home["shoulder_pan"])
    turned = {"predicate": "joint_in_range", "joint": "shoulder_pan", "low": -3, "high": 0.9}
    goal = [{"predicate": "within", "seconds": 30, "of": turned}]
    assert checker.check(plan(away, back, goal=goal), start).passed
    assert not checker.check(plan(away, back, goal=[turned]), start).passed


def test_where_things_are_after_each_step_is_predicted(checker: Checker, start: StartState) -> None:
    verdict = checker.check(picking({}, []), start)
    way = [then["blue_cube"] for then in verdict.on_the_way]
    assert len(way) == len(pick(*SPOT, 0.0))
    assert [thing.source for thing in way[:GRIP]] == ["seen"] * GRIP
    assert way[GRIP].held_pose is not None
    assert way[UP].position[2] > way[GRIP].position[2] + 0.03
    assert way[-1] == pytest.approx(verdict.end_objects["blue_cube"]) or way[-1].held_pose


PRESSED = {"predicate": "sensor_in_range", "sensor": "button.emergency_stop", "low": 1, "high": 1}
WAIT = {"tool": "wait", "seconds": 0.2}
HERE = {"predicate": "joint_in_range", "joint": "shoulder_pan", "low": -3, "high": 3}
UNKNOWN = {"predicate": "object_upright", "object": "blue_cube"}


@pytest.fixture(scope="module")
def reading(cell: Cell, checker: Checker) -> Callable[..., Verdict]:
    """What the check says of a plan while the button reads something, or nothing."""
    home = at_home(cell, checker)

    def check(asked: Plan, **reads: float) -> Verdict:
        sensors = {f"button.{name}": value for name, value in reads.items()}
        return checker.check(asked, StartState(home.position, home.command, {}, sensors))

    return check


def test_a_goal_takes_what_a_sensor_reads_now(reading: Callable[..., Verdict]) -> None:
    asked = plan(WAIT, goal=[PRESSED])
    assert reading(asked, emergency_stop=1.0).passed
    (violation,) = reading(asked, emergency_stop=0.0).violations
    assert "that step has to expect" in violation.hint


def test_what_a_step_should_make_a_sensor_read_is_left_to_the_running_plan(
    reading: Callable[..., Verdict],
) -> None:
    """As the hint of a goal says; not where the sensor is silent or tells no number."""
    asked = plan({**WAIT, "expect": [PRESSED]})
    assert reading(asked, emergency_stop=0.0).passed
    assert not reading(asked).passed
    assert not reading(asked, emergency_stop=math.nan).passed


@pytest.mark.parametrize(
    ("expected", "passes"),
    [
        ({"predicate": "not", "of": PRESSED}, True),
        ({"predicate": "all", "of": [PRESSED, HERE]}, True),
        ({"predicate": "all", "of": [PRESSED, HOLDING]}, False),
        ({"predicate": "all", "of": [PRESSED, UNKNOWN]}, False),
        ({"predicate": "any", "of": [PRESSED, HOLDING]}, True),
        ({"predicate": "any", "of": [UNKNOWN, PRESSED]}, True),
        ({"predicate": "within", "seconds": 0.1, "of": PRESSED}, True),
        ({"predicate": "not", "of": {"predicate": "within", "seconds": 1, "of": PRESSED}}, True),
        ({"predicate": "not", "of": {"predicate": "any", "of": [PRESSED, HERE]}}, False),
    ],
)
def test_what_is_made_of_such_an_expectation_is_missed_where_no_reading_helps(
    reading: Callable[..., Verdict], expected: Step, passes: bool
) -> None:
    asked = plan({**WAIT, "expect": [expected]})
    assert reading(asked, emergency_stop=0.0).passed == passes


def test_a_sensor_within_a_time_may_have_read_it_while_the_rest_held(
    cell: Cell, reading: Callable[..., Verdict]
) -> None:
    """At the step's end the arm stands elsewhere, but it began where it should be."""
    at = cell.arm.home["shoulder_pan"]
    near = {**HERE, "low": at - 0.1, "high": at + 0.1}
    once = {"predicate": "within", "seconds": 9, "of": {"predicate": "all", "of": [PRESSED, near]}}
    asked = plan({**joints(shoulder_pan=at - 0.4), "expect": [once]})
    assert reading(asked, emergency_stop=0.0).passed


ON_POST = {"predicate": "object_on", "object": "blue_cube", "support": "post"}
STANDS = {"predicate": "object_upright", "object": "blue_cube"}


def test_a_look_tells_neither_height_nor_lean(cell: Cell) -> None:
    """Nor the contrary; beside a support it is not on it, and what a plan moved is predicted."""
    x, y, _ = cell.obstacles["post"].center

    def found(*goal: dict[str, Any], source: str = "seen") -> list[GoalResult]:
        """As a receipt has it after a look, or after a plan."""
        objects = {"blue_cube": lying(x, y, source=source), "red_cube_a": lying(*SPOT)}
        view = WorldView(cell, {}, {}, (0.0, 0.0, 0.0), np.eye(3), None, objects)
        return [evaluate(one, view) for one in plan(WAIT, goal=list(goal)).goal]

    unknown = found(
        STANDS, ON_POST, *({"predicate": "not", "of": one} for one in (STANDS, ON_POST))
    )
    assert [result.met for result in unknown] == [False] * 4
    assert "not how it leans" in unknown[0].sentence
    assert "how high" in unknown[1].sentence
    beside = {"predicate": "not", "of": {**ON_POST, "object": "red_cube_a"}}
    assert [result.met for result in found(beside)] == [True]
    assert [result.met for result in found(STANDS, source="predicted")] == [True]


def test_of_what_was_only_seen_the_hint_says_what_can_be_asked(
    checker: Checker, start: StartState
) -> None:
    (violation,) = checker.check(plan(WAIT, goal=[STANDS]), start).violations
    assert "object_moved_less_than" in violation.hint
    assert checker.check(picking({UP: [STANDS]}, []), start).passed, "it hangs upright"
