"""Every predicate, where it holds and where it does not, with a sentence that says what is so."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.plan import Plan
from handrail_sim.verdict import GoalResult, ObjectBelief
from pydantic import ValidationError

BIN = (0.18026, -0.14142)


@pytest.fixture(scope="module")
def view(cell: Cell) -> WorldView:
    """The blue cube in the gripper, one red cube in its bin, of the other nobody knows."""
    return WorldView(
        cell=cell,
        joints=dict.fromkeys(cell.arm.all_joints, 0.5),
        efforts=dict.fromkeys(cell.arm.all_joints, -0.3),
        tcp=(0.2, 0.1, 0.15),
        turned=np.eye(3),
        held="blue_cube",
        objects={"blue_cube": at(0.2, 0.1, 0.15), "red_cube_a": at(*BIN, 0.0125)},
        began={"blue_cube": at(0.2, 0.1, 0.0125), "red_cube_a": at(*BIN, 0.0125)},
        sensors={"button.emergency_stop": 1.0},
    )


def at(x: float, y: float, z: float, source: str = "seen", lean: float = 0.0) -> ObjectBelief:
    """An object at a place [m], leaning about x by an angle [rad]."""
    turned = (math.cos(lean / 2), math.sin(lean / 2), 0.0, 0.0)
    return ObjectBelief((x, y, z), turned, source, 0)


def judged(view: WorldView, predicate: str, **fields: Any) -> GoalResult:
    goal = [{"predicate": predicate, **fields}]
    steps = [{"tool": "wait", "seconds": 1}]
    return evaluate(Plan.model_validate({"steps": steps, "goal": goal}).goal[0], view)


def holding(view: WorldView, held: str | None) -> WorldView:
    return dataclasses.replace(view, held=held)


@pytest.mark.parametrize(
    ("held", "wanted", "met", "sentence"),
    [
        ("blue_cube", "blue_cube", True, "blue_cube is held"),
        ("blue_cube", None, True, "blue_cube is held"),
        ("something", None, True, "something is held"),
        (
            "something",
            "blue_cube",
            False,
            "something is held, and nobody knows whether it is blue_cube",
        ),
        ("blue_cube", "red_cube_a", False, "blue_cube is held, not red_cube_a"),
        (None, "blue_cube", False, "nothing is held, not even blue_cube"),
        (None, None, False, "nothing is held, not even anything"),
    ],
)
def test_holding(
    view: WorldView, held: str | None, wanted: str | None, met: bool, sentence: str
) -> None:
    result = judged(holding(view, held), "holding", object=wanted)
    assert result == GoalResult("holding", met, sentence)


@pytest.mark.parametrize(
    ("held", "met", "sentence"),
    [
        (None, True, "nothing is held"),
        ("blue_cube", False, "blue_cube is still held"),
        ("something", False, "something is still held"),
    ],
)
def test_released(view: WorldView, held: str | None, met: bool, sentence: str) -> None:
    assert judged(holding(view, held), "released") == GoalResult("released", met, sentence)


@pytest.mark.parametrize(("off", "met"), [(0.0, True), (0.0049, True), (0.0051, False)])
@pytest.mark.parametrize("axis", range(3))
def test_at_pose(view: WorldView, axis: int, off: float, met: bool) -> None:
    position = list(view.tcp)
    position[axis] += off
    result = judged(view, "at_pose", position=tuple(position), tolerance=0.005)
    assert result.met == met
    assert f"{off:.4f} m" in result.sentence


@pytest.mark.parametrize(
    ("low", "high", "met"),
    [(0.4, 0.6, True), (0.5, 0.5, True), (0.51, 1.0, False), (-1.0, 0.49, False)],
)
def test_joint_in_range(view: WorldView, low: float, high: float, met: bool) -> None:
    result = judged(view, "joint_in_range", joint="wrist_flex", low=low, high=high)
    assert result.met == met
    assert result.sentence.startswith("wrist_flex is at 0.5000 rad")


def test_object_in_region(view: WorldView) -> None:
    def in_bin(name: str, region: str) -> GoalResult:
        return judged(view, "object_in_region", object=name, region=region)

    assert in_bin("red_cube_a", "red_bin").met
    assert not in_bin("red_cube_a", "blue_bin").met
    over = in_bin("blue_cube", "red_bin")
    assert not over.met
    assert over.sentence == "blue_cube at (0.200, 0.100, 0.150) is not in red_bin"


@pytest.mark.parametrize(
    ("x", "y", "z", "met"),
    [
        (0.044, 0.044, 0.0, True),
        (0.046, 0.0, 0.0, False),
        (0.0, 0.046, 0.0, False),
        (0.05, 0.0, 0.0, False),
        (0.0, 0.0, 0.03, False),
    ],
)
def test_a_region_is_turned_as_the_cell_says(
    cell: Cell, view: WorldView, x: float, y: float, z: float, met: bool
) -> None:
    """Offsets in the bin's own frame; it is turned by 45 degrees."""
    half = 0.5**0.5
    spot = (BIN[0] + half * (x + y), BIN[1] + half * (y - x), 0.0125 + z)
    there = dataclasses.replace(view, objects={"red_cube_a": at(*spot)})
    assert judged(there, "object_in_region", object="red_cube_a", region="red_bin").met == met


def test_what_rests_on_a_prediction_says_so(view: WorldView) -> None:
    """A receipt's goal is measured, but for where a thing is that nobody has seen since."""
    asked = {"object": "red_cube_a", "region": "red_bin"}
    moved = dataclasses.replace(at(*BIN, 0.0125), source="predicted")
    left = dataclasses.replace(view, objects={**view.objects, "red_cube_a": moved})
    seen = dataclasses.replace(view, objects={"red_cube_a": at(*BIN, 0.0125)})
    inner = {"predicate": "object_in_region", **asked}
    for nested in ({"predicate": "not", "of": inner}, {"predicate": "all", "of": [inner]}):
        assert judged(left, **nested).predicted
        assert not judged(seen, **nested).predicted
    assert not judged(left, "released").predicted, "the jaw is felt"
    assert judged(dataclasses.replace(seen, foreseen=True), "released").predicted


def test_what_nobody_has_seen_is_nowhere(view: WorldView) -> None:
    result = judged(view, "object_in_region", object="red_cube_b", region="red_bin")
    assert result == GoalResult(
        "object_in_region", False, "nobody knows where red_cube_b is: look first"
    )


@pytest.mark.parametrize(("limit", "met"), [(0.31, True), (0.3, False), (0.1, False)])
def test_effort_below(view: WorldView, limit: float, met: bool) -> None:
    result = judged(view, "effort_below", joint="gripper", limit=limit)
    assert result.met == met, "the jaw pushes with 0.3 N.m, the sign does not matter"
    assert "0.300 N.m" in result.sentence


SIZE = 0.025  # m, of a cube


@pytest.mark.parametrize(
    ("aside", "gap", "met"),
    [(0.0, 0.0, True), (0.012, 0.0, True), (0.013, 0.0, False), (0.0, 0.009, False)],
)
def test_object_on_another(view: WorldView, aside: float, gap: float, met: bool) -> None:
    stack = {
        "red_cube_a": at(0.2, 0.1, SIZE / 2),
        "blue_cube": at(0.2 + aside, 0.1, 1.5 * SIZE + gap, "predicted"),
    }
    there = dataclasses.replace(view, objects=stack)
    assert judged(there, "object_on", object="blue_cube", support="red_cube_a").met == met
    assert not judged(there, "object_on", object="red_cube_a", support="blue_cube").met


def test_object_on_an_obstacle(cell: Cell, view: WorldView) -> None:
    post = cell.obstacles["post"]
    top = (post.center[0], post.center[1], post.center[2] + post.size[2] / 2 + SIZE / 2)
    there = dataclasses.replace(view, objects={"blue_cube": at(*top, "predicted")})
    assert judged(there, "object_on", object="blue_cube", support="post").met
    assert not judged(view, "object_on", object="blue_cube", support="post").met


@pytest.mark.parametrize(("lean", "met"), [(0.0, True), (0.19, True), (0.21, False), (1.5, False)])
def test_object_upright(view: WorldView, lean: float, met: bool) -> None:
    there = dataclasses.replace(view, objects={"blue_cube": at(0, 0, 0.1, "predicted", lean)})
    result = judged(there, "object_upright", object="blue_cube")
    assert result.met == met
    assert f"{lean:.3f} rad" in result.sentence


@pytest.mark.parametrize(
    ("name", "distance", "met"),
    [("red_cube_a", 0.001, True), ("blue_cube", 0.13, False), ("blue_cube", 0.14, True)],
)
def test_object_moved_less_than(view: WorldView, name: str, distance: float, met: bool) -> None:
    assert judged(view, "object_moved_less_than", object=name, distance=distance).met == met


def test_visible_is_what_was_seen_and_not_what_a_plan_predicts(view: WorldView) -> None:
    assert judged(view, "visible", object="red_cube_a").met
    moved = dataclasses.replace(view, objects={"red_cube_a": at(*BIN, 0.0125, "predicted")})
    assert not judged(moved, "visible", object="red_cube_a").met


@pytest.mark.parametrize(("low", "high", "met"), [(1, 1, True), (0, 0.5, False), (0, 2, True)])
def test_sensor_in_range(view: WorldView, low: float, high: float, met: bool) -> None:
    name = "button.emergency_stop"
    assert judged(view, "sensor_in_range", sensor=name, low=low, high=high).met == met


def test_a_sensor_that_is_silent_is_in_no_range(view: WorldView) -> None:
    assert not judged(dataclasses.replace(view, sensors={}), **SILENT).met


HELD = {"predicate": "holding", "object": "blue_cube"}
OTHER = {"predicate": "holding", "object": "red_cube_a"}


@pytest.mark.parametrize(
    ("predicate", "of", "met"),
    [
        ("all", [HELD, HELD], True),
        ("all", [HELD, OTHER], False),
        ("any", [OTHER, HELD], True),
        ("any", [OTHER, OTHER], False),
        ("not", OTHER, True),
        ("not", HELD, False),
        ("not", {"predicate": "all", "of": [HELD, {"predicate": "not", "of": HELD}]}, True),
    ],
)
def test_predicates_of_predicates(view: WorldView, predicate: str, of: Any, met: bool) -> None:
    assert judged(view, predicate, of=of).met == met


UNSEEN = {"predicate": "object_in_region", "object": "red_cube_b", "region": "red_bin"}
SILENT = {"predicate": "sensor_in_range", "sensor": "blue_scale.weight", "low": 1, "high": 2}
BROKEN = {"predicate": "sensor_in_range", "sensor": "red_scale.weight", "low": 1, "high": 2}


@pytest.mark.parametrize("unknown", [UNSEEN, SILENT, BROKEN])
def test_what_nobody_knows_is_not_met_and_neither_is_its_contrary(
    view: WorldView, unknown: dict[str, Any]
) -> None:
    blind = dataclasses.replace(view, sensors={"red_scale.weight": math.nan})
    predicate = {"predicate": "not", "of": unknown}
    assert not judged(blind, **unknown).met
    assert not judged(blind, **predicate).met
    assert judged(blind, "any", of=[predicate, HELD]).met, "one is enough"
    assert not judged(blind, "any", of=[predicate, OTHER]).met
    assert judged(blind, "not", of={"predicate": "all", "of": [predicate, OTHER]}).met
    assert not judged(blind, "not", of={"predicate": "all", "of": [predicate, HELD]}).met


def test_what_the_jaw_feels_may_be_anything(view: WorldView) -> None:
    felt = dataclasses.replace(view, held="something")
    assert judged(felt, "holding").met
    assert not judged(felt, **HELD).met
    assert not judged(felt, "not", of=HELD).met
    assert not judged(felt, "released").met


def test_what_is_missed_of_several_is_said(view: WorldView) -> None:
    said = judged(view, "all", of=[HELD, OTHER, {"predicate": "released"}]).sentence
    assert said == "blue_cube is held, not red_cube_a; blue_cube is still held"


def nested(levels: int) -> dict[str, Any]:
    return HELD if levels == 1 else {"predicate": "not", "of": nested(levels - 1)}


def test_predicates_are_nested_four_levels_deep_and_no_deeper(view: WorldView) -> None:
    assert not judged(view, **nested(4)).met
    with pytest.raises(ValidationError, match="4 levels"):
        judged(view, **nested(5))


@pytest.mark.parametrize("many", [0, 17])
def test_none_and_too_many_are_refused(view: WorldView, many: int) -> None:
    with pytest.raises(ValidationError):
        judged(view, "any", of=[HELD] * many)


def test_a_joint_that_slides_is_told_in_metres_and_newtons(view: WorldView) -> None:
    gantry = load_cell("gantry")
    sliding = dataclasses.replace(view, cell=gantry, joints={"x": 0.1}, efforts={"x": 5.0})
    result = judged(sliding, "joint_in_range", joint="x", low=0.0, high=0.05)
    assert result.sentence == "x is at 0.1000 m (0.0 to 0.05 allowed)"
    result = judged(sliding, "effort_below", joint="x", limit=4.0)
    assert result.sentence == "x pushes with 5.000 N (less than 4.0 allowed)"
