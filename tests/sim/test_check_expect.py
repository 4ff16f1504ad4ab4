"""What steps expect and what a goal demands in a time, on the way of a rollout."""

from __future__ import annotations

from typing import Any

import pytest
from desk_plans import at_home, joints, lying, pick, plan
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.verdict import StartState, ViolationKind

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


def test_what_a_sensor_reads_now_is_what_the_check_knows(cell: Cell, checker: Checker) -> None:
    home = at_home(cell, checker)
    pressed = StartState(home.position, home.command, {}, {"button.emergency_stop": 0.0})
    free = StartState(home.position, home.command, {}, {"button.emergency_stop": 1.0})
    name = "button.emergency_stop"
    reads = {"predicate": "sensor_in_range", "sensor": name, "low": 1, "high": 1}
    asked = plan({"tool": "wait", "seconds": 0.2}, goal=[reads])
    assert checker.check(asked, free).passed
    assert not checker.check(asked, pressed).passed
