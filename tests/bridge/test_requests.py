"""The door: what cannot be meant is refused with field, value, limit and hint."""

import json
import tomllib
from pathlib import Path

import pytest
from handrail_bridge.parsing import LONGEST
from handrail_bridge.rail import requests
from handrail_bridge.rail.requests import parse_plan
from handrail_drivers.errors import HandrailError, InvalidRequest, InvalidValue, UnknownName
from handrail_sim import cell as cells
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell

DESK = Cell.model_validate(
    tomllib.loads((Path(cells.__file__).parent / "cells" / "desk.toml").read_text())
)


def move(**positions: object) -> dict:
    return {"tool": "arm_move_joints", "positions": positions}


def refusal(*steps: object, cell: Cell = DESK, **plan: object) -> HandrailError:
    with pytest.raises(InvalidRequest) as refused:
        parse_plan(json.dumps({"steps": list(steps), **plan}), cell)
    return refused.value


def test_a_plan_that_can_be_meant_passes() -> None:
    plan = parse_plan(json.dumps({"steps": [{"tool": "arm_home"}, move(elbow_flex=1.2)]}), DESK)
    assert len(plan.steps) == 2


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_no_number_is_no_position(number: float) -> None:
    error = refusal(move(elbow_flex=number))
    assert isinstance(error, InvalidValue)
    assert error.field == "steps[0].positions.elbow_flex"
    assert "finite" in error.message


def test_beyond_a_joints_limit() -> None:
    error = refusal(move(elbow_flex=0.1), move(shoulder_pan=-2.5))
    assert (error.field, error.value) == ("steps[1].positions.shoulder_pan", -2.5)
    assert (error.limit, error.unit) == (-1.91986, "rad")
    assert "radians" not in error.hint


def test_degrees_are_recognised_and_millimetres() -> None:
    assert "45 degrees are 0.7854 rad" in refusal(move(elbow_flex=45)).hint
    error = refusal(move(x=200), cell=load_cell("gantry"))
    assert (error.limit, error.unit) == (0.28, "m")
    assert error.hint == "lengths are in metres: 200 mm are 0.2 m"


@pytest.mark.parametrize(
    ("step", "hint"),
    [
        ({"tool": "arm_move_to_pose", "position": (0.2, 0, 0.1), "yaw": 90}, "1.5708 rad"),
        ({"tool": "arm_move_to_pose", "position": (0.2, 0, 0.1), "yaw": -45}, "-0.7854 rad"),
        ({"tool": "arm_move_to_pose", "position": (0.2, 0, 0.1), "tilt": 30}, "0.5236 rad"),
        ({"tool": "gripper_set", "gap": 55}, "55 mm are 0.055 m"),
        ({"tool": "gripper_set", "gap": -1}, "input schema"),
        ({"tool": "arm_move_to_pose", "position": (0.2, 0, 0.1), "yaw": 1e308}, "input schema"),
    ],
)
def test_another_unit_is_recognised_by_its_size(step: dict, hint: str) -> None:
    assert hint in refusal(step).hint


def test_a_key_that_is_there_twice_is_refused() -> None:
    """Whoever reads the first one, such as a person's viewer, would see another plan."""
    text = '{"steps": [{"tool": "wait", "seconds": 1, "seconds": 2}]}'
    with pytest.raises(InvalidRequest, match="'seconds' twice"):
        parse_plan(text, DESK)


def test_register_maps_are_read_once_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it demands: the event loop waits meanwhile, and every motion's heartbeat."""
    read = []
    monkeypatch.setattr(requests, "polled_names", lambda cell: read.append(cell) or ())
    some = {"predicate": "any", "of": [{"predicate": "released"}] * 7}
    parse_plan(json.dumps({"steps": [{"tool": "arm_home"}], "goal": [some] * 31}), DESK)
    assert read == [DESK]


def test_a_plan_has_so_many_predicates_and_no_more() -> None:
    """Each is evaluated again and again; a quarter of a megabyte of them took minutes."""
    some = {"predicate": "all", "of": [{"predicate": "released"}] * 15}
    assert parse_plan(json.dumps({"steps": [{"tool": "arm_home"}], "goal": [some] * 16}), DESK)
    step = {"tool": "arm_home", "expect": [{"predicate": "released"}]}
    assert "256 predicates at most" in refusal(step, goal=[some] * 16).message


@pytest.mark.parametrize("speed", ["1", True, None, [1]])
def test_what_only_looks_like_a_number_is_none(speed: object) -> None:
    assert refusal({"tool": "arm_home", "speed": speed}).field == "steps[0].speed"


@pytest.mark.parametrize("speed", [0, -1, 1.5, 1e300])
def test_faster_than_the_cell_allows(speed: float) -> None:
    error = refusal({"tool": "arm_home", "speed": speed})
    assert error.field == "steps[0].speed"
    assert error.value == speed
    assert error.limit == (1 if speed > 1 else 0)


def test_a_joint_that_does_not_exist() -> None:
    error = refusal(move(elbow_flux=0.1))
    assert isinstance(error, UnknownName)
    assert error.hint == "use 'elbow_flex'"
    assert "gripper" in error.choices


def test_a_tool_that_does_not_exist() -> None:
    error = refusal({"tool": "arm_move_joint", "positions": {"elbow_flex": 1}})
    assert isinstance(error, UnknownName)
    assert error.hint == "use 'arm_move_joints'"


@pytest.mark.parametrize(
    ("predicate", "field"),
    [
        ({"predicate": "holding", "object": "red_cube"}, "goal[0].object"),
        (
            {"predicate": "object_in_region", "object": "blue_cube", "region": "b"},
            "goal[0].region",
        ),
        ({"predicate": "joint_in_range", "joint": "elbow", "low": 0, "high": 1}, "goal[0].joint"),
    ],
)
def test_a_goal_about_what_does_not_exist(predicate: dict, field: str) -> None:
    assert refusal({"tool": "arm_home"}, goal=[predicate]).field == field


def test_unknown_keys_are_refused() -> None:
    assert refusal({"tool": "arm_home", "force": True}).field == "steps[0].force"


SURROGATE = '{"steps": [{"tool": "\\ud800"}]}'
NO_PLANS = ["", "[]", "{", "null", '"plan"', "1" * 5000, "[" * 100_000, SURROGATE]


@pytest.mark.parametrize("text", NO_PLANS)
def test_what_is_no_plan_at_all(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_plan(text, DESK)


def test_a_text_too_long() -> None:
    with pytest.raises(InvalidRequest, match="longer"):
        parse_plan(" " * (LONGEST + 1), DESK)


def test_more_joints_than_any_cell_has_are_refused_before_they_are_looked_at() -> None:
    error = refusal(move(**{f"joint_{n}": 0.0 for n in range(65)}))
    assert not isinstance(error, UnknownName)
    assert error.field == "steps[0].positions"
