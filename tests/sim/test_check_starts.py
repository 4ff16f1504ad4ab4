"""States that no plan may start from, and the one that may only get better."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import mujoco
import pytest
from desk_plans import (
    UPRIGHT,
    after,
    at_home,
    carry,
    lying,
    plan,
    point,
    pose,
)
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.verdict import ObjectBelief, StartState
from handrail_sim.world import Scene, load_model
from verdicts import passes, refused

EAST = math.radians(-45)


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture
def home(cell: Cell, checker: Checker) -> StartState:
    return at_home(cell, checker)


def test_a_servo_far_from_its_command_is_no_start(checker: Checker, home: StartState) -> None:
    pushed = (home.position[0] - 0.2, *home.position[1:])
    violation = refused(checker.check(plan(carry(0.5)), dataclasses.replace(home, position=pushed)))
    assert (violation.kind, violation.subject, violation.step) == ("start", "shoulder_pan", -1)
    assert violation.value == pytest.approx(0.2, abs=0.01)


def test_a_belt_off_its_command_is_no_start(cell: Cell) -> None:
    """By millimetres: what is little for a joint that turns is much for one that slides."""
    line = load_cell("line")
    belted = Checker(line)
    start = at_home(line, belted)
    off = dataclasses.replace(start, position=(*start.position[:-1], 0.02))
    violation = refused(belted.check(plan(carry(0.5)), off))
    assert (violation.kind, violation.subject, violation.unit) == ("start", "belt", "m")
    assert "0.020 m" in violation.sentence
    assert violation.limit < 0.02


@pytest.mark.parametrize(
    ("read", "value", "unit", "hint"),
    [("noise", 0.011, "rad", "encoder"), ("effort_noise", 0.11, "N.m", "supply")],
)
def test_a_joint_that_scatters_while_it_stands_is_no_start(
    checker: Checker, home: StartState, read: str, value: float, unit: str, hint: str
) -> None:
    scatter = (0.001, value, *(0.001,) * (len(home.position) - 2))
    noisy = dataclasses.replace(home, **{read: scatter})
    violation = refused(checker.check(plan(carry(0.5)), noisy))
    assert (violation.kind, violation.subject, violation.unit) == ("start", "shoulder_lift", unit)
    assert violation.limit < violation.value == value
    assert hint in violation.hint
    broken = dataclasses.replace(home, **{read: (math.nan, *scatter[1:])})
    assert "no number" in refused(checker.check(plan(carry(0.5)), broken)).sentence


def test_what_is_no_number_is_no_start(checker: Checker, home: StartState) -> None:
    nan = (float("nan"), *home.position[1:])
    lost = {"blue_cube": lying(float("inf"), 0.1)}
    for start in (
        dataclasses.replace(home, position=nan),
        dataclasses.replace(home, command=nan),
        dataclasses.replace(home, objects=lost),
    ):
        assert refused(checker.check(plan(carry(0.5)), start)).kind == "start"


def test_an_object_inside_of_the_arm_is_no_start(
    cell: Cell, checker: Checker, home: StartState
) -> None:
    model = load_model(cell)
    scene, data = Scene(model, cell), mujoco.MjData(model)
    data.qpos[scene.joint_qpos] = home.position
    mujoco.mj_kinematics(model, data)
    x, y, z = data.geom("gripper/body").xpos.tolist()
    inside = {"blue_cube": ObjectBelief((x, y, z), UPRIGHT, "seen", 0)}
    violation = refused(checker.check(plan(carry(0.5)), dataclasses.replace(home, objects=inside)))
    assert violation.kind == "start"
    assert "blue_cube" in violation.subject


def test_a_start_too_near_may_only_go_apart(cell: Cell, checker: Checker, home: StartState) -> None:
    """What stands too near to the post can be brought away from it, and not nearer."""
    section = cell.check.model_copy(update={"clearance": 0.0})
    careless = Checker(cell.model_copy(update={"check": section}))

    def before_the_post(radius: float) -> dict[str, Any]:
        return pose(point(radius, math.radians(-15), 0.06), speed=0.3)

    low = pose(point(0.14, EAST, 0.06))
    there = passes(careless, home, carry(EAST), low, before_the_post(0.1545))
    assert there.clearance is not None
    assert 0 < there.clearance < cell.check.clearance
    near = after(there)
    passes(checker, near, {"tool": "wait", "seconds": 0.2}, before_the_post(0.13))
    violation = refused(checker.check(plan(before_the_post(0.156)), near))
    assert (violation.kind, violation.detail["obstacle"]) == ("clearance", "post")
