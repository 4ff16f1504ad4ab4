"""A cell drafted from somebody's own MJCF: it loads, it checks plans, and says what it guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from desk_plans import plan
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell_file import SHIPPED, cell_digest, load_cell
from handrail_sim.cell_import import Draft, draft
from handrail_sim.check.checker import Checker
from handrail_sim.geometry import geometry
from handrail_sim.world import load_model

# Three hinges driven by torque, two fingers, a thing that moves, things in the way, a camera.
ARM = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody>
    <geom type="plane" size="1 1 0.1"/>
    <camera name="front" pos="1 0 1"/>
    <body name="Shelf 1" pos="0.5 0.4 0.2" euler="0 0 0.3">
      <geom type="box" size="0.1 0.05 0.2"/>
    </body>
    <body name="leaning" pos="-0.5 0.4 0.2" euler="0.5 0 0">
      <geom type="box" size="0.1 0.05 0.2"/>
    </body>
    <body name="box" pos="0.3 -0.5 0.02">
      <freejoint/>
      <geom type="box" size="0.02 0.03 0.02" mass="0.2" rgba="0.1 0.2 0.9 1"/>
    </body>
    <body name="ball" pos="0.3 0.5 0.02"><freejoint/><geom size="0.02" mass="0.1"/></body>
    <body name="column" pos="0.1 0.02 0.05">
      <joint name="turn" axis="0 0 1" range="-2 2"/>
      <geom type="capsule" size="0.03" fromto="0 0 0 0 0 0.15" mass="1"/>
      <body name="boom" pos="0 0 0.2">
        <joint name="lift" axis="0 1 0" range="-1 1.5" damping="0.4" frictionloss="0.1"/>
        <geom type="capsule" size="0.02" fromto="0.06 0 0 0.25 0 0" mass="0.5"/>
        <body name="hand" pos="0.3 0 0">
          <joint name="tip" axis="0 1 0"/>
          <geom type="box" size="0.02 0.02 0.01" mass="0.1"/>
          {site}
          <body name="left" pos="0.03 0.02 0">
            <joint name="finger_left" type="slide" axis="0 1 0" range="0 0.02"/>
            <geom type="box" size="0.01 0.003 0.003" mass="0.01"/>
          </body>
          <body name="right" pos="0.03 -0.02 0">
            <joint name="finger_right" type="slide" axis="0 -1 0" range="0 0.02"/>
            <geom type="box" size="0.01 0.003 0.003" mass="0.01"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor joint="turn" ctrllimited="true" ctrlrange="-8 8" gear="2"/>
    <position joint="lift" kp="60" kv="3" forcelimited="true" forcerange="-9 9"/>
    <position joint="finger_left" kp="100"/>
  </actuator>
  {keyframe}
</mujoco>
"""
KEY = '<keyframe><key name="home" qpos="{things} 0.5 -0.4 0.9 0 0"/></keyframe>'
THINGS = "0.3 -0.5 0.02 1 0 0 0 0.3 0.5 0.02 1 0 0 0"


def imported(folder: Path, site: str = "", keyframe: str = "") -> tuple[Draft, Path]:
    scene = folder / "scene.xml"
    scene.write_text(ARM.format(site=site, keyframe=keyframe))
    made = draft(scene, folder, "mine")
    file = folder / "mine.toml"
    file.write_text(made.text)
    return made, file


def test_what_the_model_says_is_taken_over(tmp_path: Path) -> None:
    _, file = imported(tmp_path, keyframe=KEY.format(things=THINGS))
    arm = load_cell(file).arm
    assert arm.joints == ("turn", "lift", "tip")
    assert arm.gripper is None
    assert arm.axis == (0.1, 0.02)
    assert (arm.limits["turn"].low, arm.limits["turn"].high) == (-2, 2)
    assert arm.limits["turn"].effort == 16, "a motor's range, by its gear"
    assert arm.limits["lift"].effort == 9
    servo = arm.servo["lift"]
    assert (servo.stiffness, servo.derivative) == (60, 3)
    assert (servo.damping, servo.friction) == (0.4, 0.1)
    assert arm.home == pytest.approx({"turn": 0.5, "lift": -0.4, "tip": 0.9})


def test_things_and_obstacles_are_found(tmp_path: Path) -> None:
    made, file = imported(tmp_path)
    cell = load_cell(file)
    assert cell.objects["box"].color == "blue"
    assert cell.objects["box"].size == (0.04, 0.06, 0.04)
    assert cell.objects["box"].mass == 0.2
    assert list(cell.obstacles) == ["shelf_1"]
    assert cell.obstacles["shelf_1"].yaw == pytest.approx(0.3)
    assert any("'ball' can move, and is no single box" in sentence for sentence in made.unknown)
    assert any("leaning does not stand upright" in sentence for sentence in made.unknown)


@pytest.mark.parametrize(
    "about",
    [
        "arm.gripper: finger_left, finger_right are held rigid",
        "arm.frame: no site says where the TCP is; it is put at hand's origin",
        "arm.limits.tip: the model does not limit it",
        "arm.limits.tip.effort: no limit in the model",
        "arm.servo.turn: driven by torque",
        "arm.home: the model has no keyframe",
        "cameras: front",
        "velocity, acceleration and jerk are guessed, and slow",
        "its plans can be checked, and not run",
    ],
)
def test_what_was_guessed_is_said(tmp_path: Path, about: str) -> None:
    made, _ = imported(tmp_path)
    assert any(about in sentence for sentence in made.unknown), made.unknown


def test_physics_that_differ_are_asked_about(tmp_path: Path) -> None:
    scene = tmp_path / "scene.xml"
    options = '<mujoco><option timestep="0.003" gravity="0 0 0"/>'
    apart = '</worldbody><contact><exclude body1="column" body2="hand"/></contact>'
    text = ARM.format(site="", keyframe="").replace("<mujoco>", options)
    floats = text.replace('<body name="boom"', '<body name="boom" gravcomp="1"')
    scene.write_text(floats.replace("</worldbody>", apart))
    made = draft(scene, tmp_path, "mine")
    file = tmp_path / "mine.toml"
    file.write_text(made.text)
    assert load_cell(file).world.timestep == pytest.approx(0.002)
    assert not load_model(load_cell(file)).body_gravcomp.any()
    for about in ("0.003 s does not", "lets column and hand pass", "weigh nothing", "no gravity"):
        assert any(about in sentence for sentence in made.unknown), made.unknown


def test_what_nothing_collides_with_is_said_of_each_body(tmp_path: Path) -> None:
    finger = '<geom type="box" size="0.01 0.003 0.003"'
    text = ARM.format(site="", keyframe="").replace(finger, f'{finger} contype="0" conaffinity="0"')
    scene, file = tmp_path / "scene.xml", tmp_path / "mine.toml"
    scene.write_text(text)
    made = draft(scene, tmp_path, "mine")
    file.write_text(made.text)
    assert load_cell(file).world.shown_only == ("left", "right")
    load_model(load_cell(file))
    for name in ("left", "right"):
        assert any(f"world.shown_only: no shape of {name}" in one for one in made.unknown)
    hand = '<geom type="box" size="0.02 0.02 0.01"'
    scene.write_text(text.replace(hand, f'{hand} contype="0" conaffinity="0"'))
    told = draft(scene, tmp_path, "mine").unknown
    assert any("no shape of hand" in one and "no cell loads" in one for one in told)


def test_a_models_defaults_are_not_those_of_what_is_added(tmp_path: Path) -> None:
    """Servos that are 16 times as strong, and obstacles of a thousandth, would pass anything."""
    _, file = imported(tmp_path)
    cell = load_cell(file)
    plain, scene = load_model(cell), tmp_path / "scene.xml"
    wide = geometry(cell, 0.1)
    defaults = """<default><general gear="16" ctrllimited="true" ctrlrange="-1 1" delay="0.1"
        nsample="9" dyntype="integrator" actlimited="true" actrange="-1 1" armature="3"/>
        <mesh scale="0.001 0.001 0.001"/></default>"""
    scene.write_text(scene.read_text().replace("<worldbody>", f"{defaults}<worldbody>"))
    model = load_model(cell)
    for name in dir(model):
        if name.startswith(("actuator_", "dof_")):
            assert np.array_equal(getattr(model, name), getattr(plain, name)), name
    assert geometry(cell, 0.1).geom_rbound == pytest.approx(wide.geom_rbound)


@pytest.mark.parametrize("name", ["grip_site", "robot/Hand:Grip_Site"])
def test_a_site_with_a_usual_name_is_the_tcp(tmp_path: Path, name: str) -> None:
    site = f'<site name="{name}" pos="0.04 0 0" euler="0 1.5708 0"/>'
    made, file = imported(tmp_path, site=site)
    arm = load_cell(file).arm
    assert (arm.tcp, arm.frame) == (name, None)
    assert any(f"{name} should have +z as approach" in sentence for sentence in made.unknown)


def test_the_draft_checks_plans(tmp_path: Path) -> None:
    _, file = imported(tmp_path, keyframe=KEY.format(things=THINGS))
    checker = Checker(load_cell(file))
    up = {"tool": "arm_move_joints", "positions": {"turn": -0.5, "lift": -0.2}}
    down = {"tool": "arm_move_joints", "positions": {"lift": 1.2}}
    assert checker.check(plan(up), checker.at_home()).violations == ()
    refused = checker.check(plan(down), checker.at_home())
    assert "collision" in {violation.kind for violation in refused.violations}


def test_a_mesh_counts_for_the_cells_digest(tmp_path: Path) -> None:
    corners = [(0, 0, 0), (0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1)]
    mesh = tmp_path / "part.obj"

    def write(high: float) -> str:
        points = [(x, y, z * high) for x, y, z in corners]
        lines = [f"v {x} {y} {z}" for x, y, z in points]
        faces = ["f 1 3 2", "f 1 2 4", "f 1 4 3", "f 2 3 4"]
        mesh.write_text("\n".join(lines + faces))
        return cell_digest(load_cell(file))

    asset = '<asset><mesh name="part" file="part.obj"/></asset></mujoco>'
    shown = '<body pos="1 1 0"><geom type="mesh" mesh="part"/></body></worldbody>'
    _, file = imported(tmp_path)
    scene = tmp_path / "scene.xml"
    text = scene.read_text().replace("</mujoco>", asset).replace("</worldbody>", shown)
    scene.write_text(text)
    assert write(1.0) != write(2.0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<mujoco><worldbody/></mujoco>", "no arm in it"),
        ("<mujoco><nonsense/></mujoco>", "nonsense"),
    ],
)
def test_what_is_no_arm_is_refused(tmp_path: Path, text: str, why: str) -> None:
    scene = tmp_path / "scene.xml"
    scene.write_text(text)
    with pytest.raises(InvalidCell, match=why):
        draft(scene, tmp_path, "mine")


@pytest.mark.parametrize("name", ["ur5e", "panda"])
def test_shipped_worlds_are_understood(tmp_path: Path, name: str) -> None:
    made = draft(SHIPPED / "worlds" / f"{name}.xml", tmp_path, name)
    file = tmp_path / "mine.toml"
    file.write_text(made.text)
    mine, ready = load_cell(file), load_cell(name)
    assert mine.arm.joints == ready.arm.joints
    assert list(mine.objects) == list(ready.objects)
    assert mine.obstacles["post"].center == pytest.approx(ready.obstacles["post"].center)
    for joint, limits in ready.arm.limits.items():
        assert mine.arm.limits[joint].low == pytest.approx(limits.low, abs=1e-3)
