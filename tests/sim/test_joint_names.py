"""A model's own names: mapped to those of a cell file once, and back when the world is loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
import pytest
from desk_plans import plan
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell_file import load_cell
from handrail_sim.cell_import import Draft, draft
from handrail_sim.check.checker import Checker
from handrail_sim.joint_names import NAME, LegalNames
from handrail_sim.scenery_import import quoted
from handrail_sim.verdict import Verdict
from handrail_sim.world import load_model
from hypothesis import given
from hypothesis import strategies as st

# Two hinges and two fingers that a tendon holds together; a box that moves, a box that stands.
ARM = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody>
    <body name="table" pos="0 0 -0.05"><geom type="box" size="0.6 0.6 0.05"/></body>
    <body name="{thing}" pos="0.3 0 0.0151">
      <freejoint/>
      <geom type="box" size="0.015 0.012 0.015" mass="0.03" friction="1 0.01 0.001"/>
    </body>
    <body name="{post}" pos="0 0.6 0.1"><geom type="box" size="0.05 0.05 0.1"/></body>
    <body name="{second}" pos="0 -0.6 0.1"><geom type="box" size="0.05 0.05 0.1"/></body>
    <body name="{column}" pos="0 0 0.1">
      <joint {turn} axis="0 0 1" range="-2 2"/>
      <geom type="capsule" size="0.03" fromto="0 0 0 0 0 0.1" mass="1"/>
      <body name="boom" pos="0 0 0.15">
        <joint {lift} axis="0 1 0" range="-1 0.3" damping="2"/>
        <geom type="capsule" size="0.02" fromto="0.08 0 0 0.24 0 0" mass="0.3"/>
        <body name="hand" pos="0.3 0 -0.1">
          <geom type="box" size="0.02 0.05 0.01" mass="0.1"/>
          <body name="left" pos="0 0 -0.01">
            <joint name="{left}" type="slide" axis="0 1 0" range="0 0.03" damping="5"/>
            <geom type="box" pos="0 0.004 -0.06" size="0.01 0.004 0.06" mass="0.02"
              friction="1 0.01 0.001"/>
          </body>
          <body name="right" pos="0 0 -0.01" quat="0 0 0 1">
            <joint name="{right}" type="slide" axis="0 1 0" range="0 0.03" damping="5"/>
            <geom type="box" pos="0 0.004 -0.06" size="0.01 0.004 0.06" mass="0.02"
              friction="1 0.01 0.001"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <tendon><fixed name="split" stiffness="20" springlength="0.02" damping="3" frictionloss="0.1">
    <joint joint="{left}" coef="0.5"/><joint joint="{right}" coef="0.25"/></fixed></tendon>
  <equality><joint joint1="{right}" joint2="{left}" polycoef="0 1 0 0 0"/></equality>
  <actuator><position tendon="split" kp="400" kv="20"/></actuator>
  <sensor><tendonpos tendon="split"/><jointpos joint="{left}"/></sensor>
  <keyframe><key qpos="0.3 0 0.0151 1 0 0 0 0 0 0.03 0.03"/></keyframe>
</mujoco>
"""
PLAIN = {
    "thing": "cube",
    "post": "post",
    "second": "other",
    "column": "column",
    "turn": 'name="joint_1"',
    "lift": 'name="lift_up"',
    "left": "ns_finger_l",
    "right": "right",
}
ODD = {
    "thing": "ns/Cube: a",
    "post": "Post 1",
    "second": "post/1",
    "column": "ns/column",
    "turn": "",
    "lift": 'name="Lift &quot;up&quot;\\"',
    "left": "ns/Finger:L",
    "right": "ns/Finger:R",
}


def imported(folder: Path, names: dict[str, str], name: str = "mine") -> tuple[Draft, Path]:
    scene, file = folder / f"{name}.xml", folder / f"{name}.toml"
    scene.write_text(ARM.format(**names))
    made = draft(scene, folder, name)
    file.write_text(made.text)
    return made, file


@given(st.lists(st.text(max_size=12), max_size=8), st.lists(st.text(max_size=4), max_size=4))
def test_every_name_gets_a_legal_one_of_its_own(names: Sequence[str], taken: list[str]) -> None:
    legal = LegalNames("joint", taken)
    found = [legal.of(name) for name in names]
    assert all(NAME.match(name) for name in found)
    assert len({*found}) == len(found)
    assert not {*found} & {*taken}


@given(st.text(st.characters(codec="utf-8")))
def test_a_text_comes_back_from_a_cell_file(text: str) -> None:
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}


def test_odd_names_are_told_once_and_the_rest_has_the_cells(tmp_path: Path) -> None:
    made, file = imported(tmp_path, ODD)
    cell = load_cell(file)
    assert cell.arm.all_joints == ("joint_1", "lift_up", "ns_finger_l")
    assert cell.world.joints == {
        "joint_1": "/joint 1",
        "lift_up": 'Lift "up"\\',
        "ns_finger_l": "ns/Finger:L",
    }
    assert {name: thing.body for name, thing in cell.objects.items()} == {"ns_cube_a": "ns/Cube: a"}
    bodies = {name: box.body for name, box in cell.obstacles.items()}
    assert bodies == {"post_1": "Post 1", "post_1_2": "post/1"}, "two names, not one twice"
    assert any("'ns/Finger:L' ns_finger_l" in sentence for sentence in made.unknown)


def test_the_world_has_the_cells_names_wherever_joints_are_meant(tmp_path: Path) -> None:
    _, file = imported(tmp_path, ODD)
    cell = load_cell(file)
    model = load_model(cell)
    raw = mujoco.MjModel.from_xml_path(str(tmp_path / "mine.xml"))
    for name in cell.arm.all_joints:
        own = model.joint(name)
        its = raw.joint(int(own.id))
        assert (own.axis.tolist(), own.range.tolist()) == (its.axis.tolist(), its.range.tolist())
    assert model.neq == 1, "the second finger follows"
    for part in ("stiffness", "lengthspring", "damping", "frictionloss"):
        own, its = getattr(model, f"tendon_{part}"), getattr(raw, f"tendon_{part}")
        assert np.array_equal(own, its), part
    assert model.wrap_prm.tolist() == [0.5, 0.25]
    wrapped = [model.joint(joint).name for joint in model.wrap_objid.tolist()]
    assert wrapped == ["ns_finger_l", "ns/Finger:R"]


def test_a_plan_is_the_same_plan_under_any_names(tmp_path: Path) -> None:
    verdicts = []
    for name, names in ("plain", PLAIN), ("odd", ODD):
        cell = load_cell(imported(tmp_path, names, name)[1])
        turn, lift = cell.arm.joints
        steps = [
            {"tool": "gripper_set", "gap": 0.0},
            {"tool": "arm_move_joints", "positions": {turn: 0.4, lift: -0.2}},
        ]
        thing = next(iter(cell.objects))
        goal = [{"predicate": "holding", "object": thing}]
        checker = Checker(cell)
        verdicts.append(checker.check(plan(*steps, goal=goal), checker.at_home()))
    plain, odd = map(_motion, verdicts)
    assert np.array_equal(plain, odd)


def _motion(verdict: Verdict) -> np.ndarray:
    assert verdict.violations == ()
    assert verdict.trajectory is not None
    return np.stack(verdict.trajectory.blocks)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('lift_down = "Lift"', "world.joints.lift_down: there is no joint 'lift_down'"),
        ('lift_up = "ns/Finger:L"', "'ns/Finger:L' is lift_up already"),
        ('lift_up = "Elsewhere"', "no joint named 'Elsewhere'"),
        ("lift_up = 3", "world.joints.lift_up"),
    ],
)
def test_a_name_that_binds_nothing_is_a_fault(tmp_path: Path, line: str, why: str) -> None:
    _, file = imported(tmp_path, ODD)
    text = file.read_text()
    own = next(one for one in text.splitlines() if one.startswith('lift_up = "Lift'))
    file.write_text(text.replace(own, line))
    with pytest.raises(InvalidCell, match=why):
        load_model(load_cell(file))


def test_two_joints_of_one_name_are_a_fault(tmp_path: Path) -> None:
    _, file = imported(tmp_path, ODD)
    scene = tmp_path / "mine.xml"
    scene.write_text(scene.read_text().replace("ns/Finger:R", "lift_up"))
    with pytest.raises(InvalidCell, match=r"world\.joints\.lift_up: another joint"):
        load_model(load_cell(file))
