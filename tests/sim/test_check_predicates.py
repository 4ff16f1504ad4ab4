"""Every predicate, where it holds and where it does not, with a sentence that says what is so."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from handrail_sim.cell import Cell
from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.plan import Plan
from handrail_sim.verdict import GoalResult

BIN = (0.18026, -0.14142)


@pytest.fixture(scope="module")
def view(cell: Cell) -> WorldView:
    """The blue cube in the gripper, one red cube in its bin, of the other nobody knows."""
    return WorldView(
        joints=dict.fromkeys(cell.arm.all_joints, 0.5),
        tcp=(0.2, 0.1, 0.15),
        held="blue_cube",
        objects={"blue_cube": (0.2, 0.1, 0.15), "red_cube_a": (*BIN, 0.0125)},
        regions=cell.regions,
    )


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
        ("something", "blue_cube", False, "something is held, not blue_cube"),
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
    there = dataclasses.replace(view, objects={"red_cube_a": spot})
    assert judged(there, "object_in_region", object="red_cube_a", region="red_bin").met == met


def test_what_nobody_has_seen_is_nowhere(view: WorldView) -> None:
    result = judged(view, "object_in_region", object="red_cube_b", region="red_bin")
    assert result == GoalResult(
        "object_in_region", False, "nobody knows where red_cube_b is: look first"
    )
