"""A policy is what the cell declares, or refused in words; what it asks for stays within limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handrail_bridge.rail.requests import parse_plan
from handrail_drivers.errors import InvalidCell, InvalidModel, InvalidValue, UnknownName
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.policy.drive import Policies
from handrail_sim.policy.shaper import Shaper
from handrail_sim.verdict import ObjectBelief, Verdict, ViolationKind
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_trial import constant, policy_cell, reached, run_step, with_model

TEXT = (resources.files("handrail_sim") / "cells" / "desk_watched.toml").read_text()
GIVEN: dict[str, Sequence[int | str]] = {
    "joint_position": [1, 5],
    "target": [1, 3],
    "thing": [1, 4],
}
CELL = policy_cell()
LIMITS = [CELL.arm.limits[name] for name in CELL.arm.joints]
NOWHERE = (0.15, 0.15, 0.12)  # m: some target


def refused(cell: Cell) -> InvalidModel:
    with pytest.raises(InvalidModel) as found:
        Policies(cell)
    return found.value


@pytest.mark.parametrize(
    ("inputs", "answers", "field", "words"),
    [
        ({**GIVEN, "target": [1, 4]}, 5, "inputs.target", "another shape"),
        ({**GIVEN, "joint_position": ["batch", 6]}, 5, "inputs.joint_position", "another shape"),
        ({"target": [1, 3]}, 5, "inputs", "other inputs"),
        (GIVEN, 6, "outputs.velocity", "another shape"),
        ({**GIVEN, "image": [1, 3, 64, 64]}, 5, "inputs", "pixels are refused for now"),
    ],
)
def test_a_model_of_other_shapes_is_refused_by_name(
    tmp_path: Path, inputs: dict[str, Any], answers: int, field: str, words: str
) -> None:
    file = constant(tmp_path / "other.onnx", [0.0] * answers, inputs)
    error = refused(with_model(CELL, file))
    assert error.field == field
    assert words in error.message


def test_a_model_of_any_length_where_the_cell_says_one_is_taken(tmp_path: Path) -> None:
    file = constant(tmp_path / "any.onnx", [0.0] * 5, {**GIVEN, "target": ["batch", 3]})
    Policies(with_model(CELL, file))


def test_another_file_a_broken_one_and_a_slow_one_are_refused(tmp_path: Path) -> None:
    file = constant(tmp_path / "still.onnx", [0.0] * 5, GIVEN)
    assert refused(with_model(CELL, file, sha256="0" * 64)).field == "sha256"
    assert refused(with_model(CELL, file, budget=1e-9)).field == "budget"
    file.write_bytes(b"no model")
    assert refused(with_model(CELL, file)).field == "model"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("thing = [1, 4]", "image = [1, 3, 48, 64]", "policies that want pixels are refused"),
        ("thing = [1, 4]", "things = [1, 4]", "Did you mean 'thing'?"),
        ("target = [1, 3]", "target = [1, 2]", r"must be \[1, 3\], not \[1, 2\]"),
        ("rate = 50\n", "rate = 60\n", "must be 250 Hz, the loop's, or a whole part, not 60"),
        ('model = "reach.onnx"', 'model = "reech.onnx"', "there is no file"),
        ('model = "reach.onnx"', 'model = "desk.onnx"', "it is another file"),
        (
            "[policies.reach]",
            "[devices.arm_bus]\nrate = 200\n[policies.reach]",
            "200 Hz: policies need",
        ),
    ],
)
def test_a_declaration_that_does_not_fit_is_a_fault_of_the_cell(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert TEXT.count(old) == 1
    file = tmp_path / "cell.toml"
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(InvalidCell, match=words):
        load_cell(file)


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5), min_size=1, max_size=8),
    st.floats(0.05, 1.0),
)
def test_whatever_is_asked_for_setpoints_stay_within_every_limit(
    asked: list[list[float]], speed: float
) -> None:
    shaper, rate = Shaper(LIMITS, 250, speed, [0.0] * 5), 250
    rows = [shaper.setpoint, shaper.setpoint]
    rows += [shaper.advance(np.array(one)) for one in asked for _ in range(60)]
    values = np.array(rows)
    assert (values >= [one.low for one in LIMITS]).all()
    assert (values <= [one.high for one in LIMITS]).all()
    for name, share in (("velocity", speed), ("acceleration", 1.0), ("jerk", 1.0)):
        values = np.diff(values, axis=0) * rate
        most = np.array([getattr(one, name) for one in LIMITS])
        assert (np.abs(values) <= 1.001 * share * most + 1e-6).all(), name


class Desk:
    def __init__(self, cell: Cell) -> None:
        self._cell, self._checker = cell, Checker(cell)
        self.start = self._checker.at_home()

    def verdict(self, *steps: dict[str, object], goal: Sequence[object] = ()) -> Verdict:
        plan = {"steps": steps, "goal": goal}
        return self._checker.check(Plan.model_validate_json(json.dumps(plan)), self.start)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The desk with a policy that asks for nothing."""
    file = constant(tmp_path_factory.mktemp("still") / "still.onnx", [0.0] * 5, GIVEN)
    return Desk(with_model(CELL, file))


def test_what_was_checked_is_bound_and_told(still: Desk) -> None:
    verdict = still.verdict(run_step(NOWHERE, duration=1.0, speed=0.5))
    assert verdict.trajectory is not None, verdict.violations
    part = verdict.trajectory.policy
    assert part is not None
    assert verdict.trajectory.rows == 250
    assert (part.policy, part.first, part.target) == ("reach", 0, NOWHERE)
    assert part.thing == (0.0, 0.0, 0.0, 0.0)
    assert max(part.velocity) < 0.5 * 1.3 * 2.5
    assert all(low < high for low, high in zip(part.low, part.high, strict=True))
    other = still.verdict(run_step(NOWHERE, duration=1.0, speed=0.4)).trajectory
    assert other is not None
    assert other.digest() != verdict.trajectory.digest()


def test_a_target_is_where_the_policy_was_made_for_and_a_thing_was_seen(still: Desk) -> None:
    (far,) = still.verdict(run_step((1.5, 0.0, 0.1))).violations
    assert far.kind == ViolationKind.POLICY
    assert "outside of the box that it was made for" in far.sentence
    thing = still.start.objects["red_cube_a"]
    still.start.objects["red_cube_a"] = ObjectBelief(thing.position, thing.quaternion, "unknown", 0)
    (unseen,) = still.verdict(run_step((0.0, 0.0, 0.1), thing="red_cube_a")).violations
    assert "was not seen" in unseen.sentence
    still.start.objects["red_cube_a"] = ObjectBelief((0.15, 0.15, 0.0125), (1, 0, 0, 0), "seen", 0)
    passed = still.verdict(run_step((0.0, 0.0, 0.1), thing="red_cube_a", duration=1.0))
    assert passed.trajectory is not None, passed.violations
    assert passed.trajectory.policy is not None
    assert passed.trajectory.policy.thing == (0.15, 0.15, 0.0125, 1.0)


def test_a_policy_that_brings_nothing_about_misses_its_goal(still: Desk) -> None:
    verdict = still.verdict(run_step(NOWHERE, duration=1.0), goal=[reached(NOWHERE)])
    assert [one.kind for one in verdict.violations] == [ViolationKind.GOAL]


def test_a_policy_that_answers_no_number_is_refused(tmp_path: Path) -> None:
    file = constant(tmp_path / "nan.onnx", [0.0] * 4 + [float("nan")], GIVEN)
    (found,) = Desk(with_model(CELL, file)).verdict(run_step(NOWHERE)).violations
    assert "what is no number" in found.sentence


def test_at_the_door_names_are_known_and_a_policy_comes_last() -> None:
    with pytest.raises(UnknownName, match="reach"):
        parse_plan(json.dumps({"steps": [run_step(NOWHERE, policy="reech")]}), CELL)
    with pytest.raises(UnknownName, match="red_cube_a"):
        parse_plan(json.dumps({"steps": [run_step(NOWHERE, thing="red_cub_a")]}), CELL)
    twice = json.dumps({"steps": [run_step(NOWHERE), run_step(NOWHERE)]})
    with pytest.raises(InvalidValue, match="last step"):
        parse_plan(twice, CELL)
