"""A gripper drafted from somebody's own MJCF: which joint, where its tips are, or why none."""

from __future__ import annotations

import re
from pathlib import Path

import mujoco
import numpy as np
import pytest
from desk_plans import plan
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.cell_import import draft
from handrail_sim.check.checker import Checker
from handrail_sim.way.space import FreeSpace
from handrail_sim.world import Scene, load_model

# Two hinges, a boom, a hand that points down; a cube between its fingers, which touch at 0.
ARM = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody>
    <body name="table" pos="0 0 -0.05"><geom type="box" size="0.6 0.6 0.05"/></body>
    <body name="cube" pos="0.3 0 0.0151">
      <freejoint/>
      <geom type="box" size="0.015 0.012 0.015" mass="0.03" friction="1 0.01 0.001"/>
    </body>
    {drawer}
    <body name="column" pos="0 0 0.1">
      <joint name="turn" axis="0 0 1" range="-2 2"/>
      <geom type="capsule" size="0.03" fromto="0 0 0 0 0 0.1" mass="1"/>
      <body name="boom" pos="0 0 0.15">
        <joint name="lift" axis="0 1 0" range="-1 0.3" damping="2"/>
        <geom type="capsule" size="0.02" fromto="0.08 0 0 0.24 0 0" mass="0.3"/>
        <body name="hand" pos="0.3 0 -0.1">
          <geom type="box" size="0.02 0.05 0.01" mass="0.1"/>
          {fingers}
        </body>
      </body>
    </body>
  </worldbody>
  {coupled}
  <actuator>
    <position joint="turn" kp="400" kv="20" forcelimited="true" forcerange="-50 50"/>
    <position joint="lift" kp="400" kv="20" forcelimited="true" forcerange="-50 50"/>
    {driven}
  </actuator>
  <keyframe><key qpos="0.3 0 0.0151 1 0 0 0 {opened} 0 0 {jaw}"/></keyframe>
</mujoco>
"""
FINGER = """
<body name="{name}" pos="0 0 -0.01" {turned}>
  <joint name="{name}_slide" type="{kind}" axis="{axis}" {range} damping="5"/>
  <geom type="box" pos="0 0.004 -0.06" size="0.01 0.004 0.06" mass="0.02" friction="1 0.01 0.001"/>
</body>
"""
BACK = 'quat="0 0 0 1"'  # half a turn about z
RANGE = 'range="0 0.03"'
EQUAL = '<equality><joint joint1="{}_slide" joint2="{}_slide" polycoef="0 {} 0 0 0"/></equality>'
SPLIT = """
<tendon><fixed name="split"><joint joint="left_slide" coef="0.5"/>
<joint joint="right_slide" coef="0.5"/></fixed></tendon>"""
BY_TENDON = """<general tendon="split" biastype="affine" gainprm="400" biasprm="0 -400 -20"
  forcelimited="true" forcerange="-10 10"/>"""
BY_JOINT = '<position joint="{}_slide" kp="400" kv="20" forcelimited="true" forcerange="-10 10"/>'


def finger(name: str, turned: str = "", axis: str = "0 1 0", **more: str) -> str:
    parts = {"kind": "slide", "range": RANGE} | more
    return FINGER.format(name=name, turned=turned, axis=axis, **parts)


TWO = finger("left") + finger("right", BACK)
COUPLED = EQUAL.format("left", "right", 1)


def imported(folder: Path, fingers: str = TWO, coupled: str = COUPLED, **more: str) -> list[str]:
    """Write model and draft; return what a person has to look at."""
    parts = {"driven": BY_JOINT.format("left"), "drawer": "", "opened": "", "jaw": "0.03 0.03"}
    scene = folder / "scene.xml"
    scene.write_text(ARM.format(fingers=fingers, coupled=coupled, **(parts | more)))
    made = draft(scene, folder, "mine")
    (folder / "mine.toml").write_text(made.text)
    return made.unknown


def cell(folder: Path) -> Cell:
    return load_cell(folder / "mine.toml")


def opened(folder: Path) -> tuple[float, float]:
    """The gaps [m] at both ends of the jaw's range."""
    mine = cell(folder)
    assert mine.arm.gripper is not None
    scene, limits = Scene(load_model(mine), mine), mine.arm.limits[mine.arm.gripper]
    return scene.jaw_to_gap(limits.low), scene.jaw_to_gap(limits.high)


@pytest.mark.parametrize(
    ("fingers", "coupled"),
    [
        (TWO, COUPLED),
        (TWO, EQUAL.format("right", "left", 1)),
        (finger("left") + finger("right", BACK, "0 -1 0", range='range="-0.03 0"'), "-1"),
    ],
)
def test_two_fingers_that_slide_as_one_become_a_gripper(
    tmp_path: Path, fingers: str, coupled: str
) -> None:
    equal = EQUAL.format("right", "left", -1) if coupled == "-1" else coupled
    asked = imported(tmp_path, fingers, equal, jaw="0.03 -0.03" if coupled == "-1" else "0.03 0.03")
    arm = cell(tmp_path).arm
    assert (arm.joints, arm.gripper, arm.fingers) == (("turn", "lift"), "left_slide", "both move")
    assert arm.home["left_slide"] == pytest.approx(0.03)
    assert opened(tmp_path) == pytest.approx((0.0, 0.06), abs=1e-6)
    (told,) = [sentence for sentence in asked if sentence.startswith("arm.gripper")]
    assert told.startswith("arm.gripper: left_slide is taken for the jaw, and right_slide follows")


def test_the_tcp_lies_between_the_tips_and_looks_where_the_fingers_point(tmp_path: Path) -> None:
    imported(tmp_path)
    frame, tips = cell(tmp_path).arm.frame, cell(tmp_path).arm.tips
    assert frame is not None
    assert tips is not None
    assert frame.body == "hand", "which carries both fingers"
    assert frame.position == pytest.approx((0, 0, -0.125), abs=1e-9)
    w, x, y, z = frame.quaternion
    approach = (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y))
    opening = (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y))
    assert approach == pytest.approx((0, 0, -1), abs=1e-5)
    assert opening == pytest.approx((0, 1, 0), abs=1e-5)
    assert (tips.fixed.body, tips.moving.body) == ("right", "left")
    assert tips.moving.position == pytest.approx((0, 0, -0.115), abs=1e-9)


@pytest.mark.parametrize(
    ("coupled", "driven", "effort", "stiffness"),
    [
        (COUPLED, BY_JOINT.format("left"), 10, 400),
        (COUPLED + SPLIT, BY_TENDON, 10, 400),  # half of it at each finger, and both move
        (COUPLED, "", 5, 2500),  # guessed
    ],
)
def test_how_it_is_driven_is_taken_over(
    tmp_path: Path, coupled: str, driven: str, effort: float, stiffness: float
) -> None:
    asked = imported(tmp_path, coupled=coupled, driven=driven)
    arm = cell(tmp_path).arm
    limits, servo = arm.limits["left_slide"], arm.servo["left_slide"]
    assert (limits.unit, limits.effort, servo.stiffness) == ("m", effort, stiffness)
    assert any("how stiff the jaw is" in sentence for sentence in asked) == (driven == "")


def test_a_drafted_gripper_grasps_in_the_check(tmp_path: Path) -> None:
    imported(tmp_path)
    checker = Checker(cell(tmp_path))
    steps = [
        {"tool": "gripper_set", "gap": 0.0},
        {"tool": "arm_move_joints", "positions": {"lift": -0.2}},
    ]
    held = {"predicate": "holding", "object": "cube"}
    verdict = checker.check(plan(*steps, goal=[held]), checker.at_home())
    assert verdict.passed, verdict.violations


def test_a_drafted_gripper_closes_empty_and_goes_about_closed(tmp_path: Path) -> None:
    """Its fingers touch one another then, as the model lets them."""
    imported(tmp_path)
    checker = Checker(cell(tmp_path))
    verdict = checker.check(
        plan(
            {"tool": "arm_move_joints", "positions": {"lift": -0.4}},
            {"tool": "gripper_set", "gap": 0.0},
            {"tool": "arm_move_joints", "positions": {"turn": 0.3}},
        ),
        checker.at_home(),
    )
    assert verdict.passed, verdict.violations


def test_a_way_for_a_closed_gripper_is_as_free_as_for_an_open_one(tmp_path: Path) -> None:
    imported(tmp_path)
    mine = cell(tmp_path)
    scene = Scene(load_model(mine), mine)
    space, data = FreeSpace(mine, scene), mujoco.MjData(scene.model)
    for gap in (0.03, 0.0):
        scene.set_joints(data.qpos, [0.0, -0.4, gap])
        space.set(data.qpos, ())
        here, there = np.array([0.0, -0.4]), np.array([0.6, -0.2])
        assert space.between(here, there) == ""
        assert space.free(here, there)


def test_a_finger_that_closes_as_it_grows_follows_the_other(tmp_path: Path) -> None:
    inward = finger("left", "", "0 -1 0", range='range="-0.03 0"') + finger("right", BACK)
    imported(tmp_path, inward, EQUAL.format("left", "right", -1), jaw="-0.03 0.03")
    assert cell(tmp_path).arm.gripper == "right_slide"
    assert opened(tmp_path) == pytest.approx((0.0, 0.06), abs=1e-6)


def with_pad(name: str, turned: str = "") -> str:
    """A finger whose only shape is of another body, fixed to it."""
    text = finger(name, turned).replace("</body>", "</body></body>")
    return text.replace("<geom", f'<body name="{name}_pad"><geom')


@pytest.mark.parametrize(
    ("fingers", "coupled", "why"),
    [
        (finger("jaw", kind="hinge"), "", "a jaw that turns has to be named by `gripper`"),
        (finger("left"), "", "left_slide slides alone: name it by `gripper`"),
        (
            finger("left", kind="hinge") + finger("right", BACK, kind="hinge"),
            COUPLED,
            "a linkage can be no gripper yet",
        ),
        (TWO, "", "nothing couples left_slide and right_slide"),
        (
            finger("left", range="") + finger("right", BACK, range=""),
            COUPLED,
            "does not say how far",
        ),
        (
            finger("left", "", "0 -1 0") + finger("right", BACK, "0 -1 0"),
            COUPLED,
            "closes as it grows",
        ),
        (finger("left", "", "1 0 0") + finger("right", BACK), COUPLED, "slide along one line"),
        (
            with_pad("left") + with_pad("right", BACK),
            COUPLED,
            "itself collides: what touches things",
        ),
    ],
)
def test_what_is_no_gripper_is_held_rigid_and_says_why(
    tmp_path: Path, fingers: str, coupled: str, why: str
) -> None:
    jaw = "0.03" if fingers.count("<joint") == 1 else "0.01 0.01"
    asked = imported(tmp_path, fingers, coupled, driven="", jaw=jaw)
    (told,) = [sentence for sentence in asked if sentence.startswith("arm.gripper")]
    assert "held rigid as the model has" in told
    assert why in told
    assert cell(tmp_path).arm.gripper is None


@pytest.mark.parametrize("axis", ["0 1 0", "0 -1 0"])
def test_what_is_told_to_couple_fingers_couples_them(tmp_path: Path, axis: str) -> None:
    turned = axis == "0 -1 0"
    ends = 'range="-0.03 0"' if turned else RANGE
    both = finger("left") + finger("right", BACK, axis, range=ends)
    jaw = "0.03 -0.03" if turned else "0.03 0.03"
    (told,) = [one for one in imported(tmp_path, both, "", jaw=jaw) if "arm.gripper" in one]
    found = re.search("<equality>.*</equality>", told)
    assert found is not None
    imported(tmp_path, both, found[0], jaw=jaw)
    assert opened(tmp_path) == pytest.approx((0.0, 0.06), abs=1e-6)


def test_what_is_no_part_of_the_arm_is_said_apart(tmp_path: Path) -> None:
    drawer = """<body name="drawer" pos="-0.5 0 0.2"><joint name="pull" type="slide" range="0 0.1"/>
    <geom type="box" size="0.05 0.05 0.02"/></body>"""
    asked = imported(tmp_path, drawer=drawer, opened="0")
    assert "arm: pull is held rigid, being no part of it" in asked
    assert cell(tmp_path).arm.gripper == "left_slide"


def test_a_tip_on_a_body_that_is_not_there_is_refused(tmp_path: Path) -> None:
    imported(tmp_path)
    file = tmp_path / "mine.toml"
    file.write_text(
        file.read_text().replace('fixed = { body = "right"', 'fixed = { body = "rigth"')
    )
    with pytest.raises(InvalidCell, match="no body 'rigth'"):
        load_model(load_cell(file))


LINKS = """
<body name="{name}" pos="0 {y} -0.01"><joint name="{name}_crank" axis="1 0 0" range="0 0.8"/>
  <geom type="box" size="0.004 0.004 0.02" mass="0.01"/>
  <body pos="0 0 -0.03"><joint name="{name}_link" axis="1 0 0" range="-0.8 0"/>
    <geom type="box" size="0.004 0.004 0.02" mass="0.01"/></body></body>
"""


def test_a_hand_of_links_is_no_part_of_the_arm(tmp_path: Path) -> None:
    """Their names do not give them away; that the chain forks there does."""
    links = LINKS.format(name="a", y=0.03) + LINKS.format(name="b", y=-0.03)
    asked = imported(tmp_path, links, "", driven="", jaw="0 0 0 0")
    assert cell(tmp_path).arm.joints == ("turn", "lift")
    (told,) = [sentence for sentence in asked if sentence.startswith("arm.gripper")]
    assert "a_crank, a_link, b_crank, b_link are held rigid" in told
    assert "a linkage can be no gripper yet" in told
