"""A gripper of two fingers on one motor: both move, both hold, and the check knows it."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
from desk_plans import after, at_home, carry, grip, lying, plan, point, pose
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.coupling import couplings
from handrail_sim.world import Scene, load_model
from handrail_sim.world_file import WORLDS

CUBE = point(0.19, 0.8, 0.0)[:2]
HALF = 0.0125  # m, of a cube
YAW = 0.8


@pytest.fixture(scope="module")
def parallel() -> Cell:
    return load_cell("desk_2f85")


@pytest.fixture(scope="module")
def scene(parallel: Cell) -> Scene:
    return Scene(load_model(parallel), parallel)


@pytest.fixture(scope="module")
def checker(parallel: Cell) -> Checker:
    return Checker(parallel)


def take(**opened: float) -> list[dict[str, object]]:
    """Take the cube with the TCP at its middle."""
    down = {"tilt": 0.0, "yaw": YAW}
    return [
        carry(YAW),
        grip(opened.get("gap", 0.048)),
        pose((*CUBE, 0.07), **down),
        pose((*CUBE, 0.0165), speed=0.4, **down),
        grip(0.0),
        pose((*CUBE, 0.07), speed=0.5, **down),
    ]


def test_the_gap_is_twice_what_one_finger_goes(scene: Scene) -> None:
    assert scene.jaw_to_gap(0.01) == pytest.approx(0.02)
    assert scene.gap_to_jaw(0.085) == pytest.approx(0.0425)


@pytest.mark.parametrize("opened", [0.0, 0.02, 0.0425])
def test_what_is_put_is_put_with_both_fingers(scene: Scene, parallel: Cell, opened: float) -> None:
    data = mujoco.MjData(scene.model)
    home = [parallel.arm.home[name] for name in parallel.arm.joints]
    scene.set_joints(data.qpos, [*home, opened])
    mujoco.mj_kinematics(scene.model, data)
    position, _ = scene.tcp_pose(data)
    opening = data.site_xmat[scene.tcp].reshape(3, 3)[:, 0]
    tips = [data.site(name).xpos - position for name in ("fixed_tip", "moving_tip")]
    assert [tip @ opening for tip in tips] == pytest.approx([-opened, opened])


def test_rows_of_positions_are_put_as_one_is(scene: Scene, parallel: Cell) -> None:
    rows = np.zeros((3, scene.model.nq))
    positions = np.array([[0.1] * 5 + [opened] for opened in (0.0, 0.01, 0.04)])
    scene.set_joints(rows, positions)
    (finger,) = (one.joint for one in couplings(scene.model, parallel.arm.jaw))
    follower = scene.model.joint(finger).qposadr[0]
    assert rows[:, follower] == pytest.approx([0.0, 0.01, 0.04])
    assert rows[:, scene.joint_qpos] == pytest.approx(positions)


def test_a_cube_is_taken_by_both_and_set_down(parallel: Cell, checker: Checker) -> None:
    start = at_home(parallel, checker, red_cube_a=lying(*CUBE, YAW))
    goal = [{"predicate": "holding", "object": "red_cube_a"}]
    taken = checker.check(plan(*take(), goal=goal), start)
    assert taken.violations == ()
    position = taken.trajectory.predicted[-1]
    assert position[5] == pytest.approx(HALF, abs=0.001)
    down = [pose((*CUBE, 0.018), yaw=YAW, speed=0.4), grip(0.048), pose((*CUBE, 0.07), yaw=YAW)]
    released = checker.check(plan(*down, goal=[{"predicate": "released"}]), after(taken))
    assert released.violations == ()
    assert released.end_objects["red_cube_a"].position[:2] == pytest.approx(CUBE, abs=0.004)


def test_either_finger_is_kept_off_a_neighbour(parallel: Cell, checker: Checker) -> None:
    """The jaw of the desk's own gripper has a finger that stands; here both come down."""
    for side in (1, -1):
        aside = 0.024 * side
        other = lying(CUBE[0] + aside * 1.4 * np.cos(YAW), CUBE[1] + aside * 1.4 * np.sin(YAW), YAW)
        start = at_home(parallel, checker, red_cube_a=lying(*CUBE, YAW), blue_cube=other)
        found = checker.check(plan(*take()), start).violations
        assert any("blue_cube" in one.subject for one in found), side


def test_a_gap_too_small_for_the_cube_presses_on_it(parallel: Cell, checker: Checker) -> None:
    start = at_home(parallel, checker, red_cube_a=lying(*CUBE, YAW))
    assert checker.check(plan(*take(gap=0.022)), start).violations


def test_the_cell_cannot_say_otherwise(parallel: Cell) -> None:
    arm = parallel.arm.model_copy(update={"fingers": "one moves"})
    with pytest.raises(InvalidCell, match="both move"):
        load_model(parallel.model_copy(update={"arm": arm}))


def test_joints_that_follow_nothing_are_still_held(parallel: Cell, tmp_path: Path) -> None:
    """Of a foreign hand, what does not follow the cell's joint is rigid."""
    text = (WORLDS / "desk_2f85.xml").read_text().replace('file="', f'file="{WORLDS}/')
    lid = "<worldbody><body name='lid' pos='1 1 1'><joint name='lid'/><geom size='0.01'/></body>"
    text = text.replace("</mujoco>", f"{lid}</worldbody></mujoco>")
    (tmp_path / "mine.xml").write_text(text)
    world = parallel.world.model_copy(update={"model": "mine.xml"})
    model = load_model(parallel.model_copy(update={"world": world, "folder": tmp_path}))
    names = {model.joint(joint).name for joint in range(model.njnt)}
    assert "lid" not in names
    assert [one.joint for one in couplings(model, parallel.arm.jaw)] == ["left_finger"]


def test_its_arm_is_the_desks_arm(parallel: Cell, cell: Cell) -> None:
    """One file is a copy of the other but for the gripper."""
    one, other = load_model(parallel), load_model(cell)
    for name in ("base", "shoulder", "upper_arm", "lower_arm", "wrist"):
        a, b = one.body(name), other.body(name)
        for part in ("pos", "quat", "mass", "inertia", "ipos", "iquat"):
            assert getattr(a, part) == pytest.approx(getattr(b, part)), (name, part)
        shapes = [
            (model.geom_size[at].tolist(), model.geom_pos[at].tolist())
            for model, body in ((one, a), (other, b))
            for at in range(int(body.geomadr[0]), int(body.geomadr[0] + body.geomnum[0]))
        ]
        assert shapes[: len(shapes) // 2] == shapes[len(shapes) // 2 :]
    for name in parallel.arm.joints:
        assert one.joint(name).range == pytest.approx(other.joint(name).range)
