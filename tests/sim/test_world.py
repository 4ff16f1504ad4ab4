"""The desk's world agrees with the desk's cell file, and holds what it must."""

from __future__ import annotations

import math
from pathlib import Path

import mujoco
import numpy as np
import pytest
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.geometry import geometry
from handrail_sim.regions import container, inside, region_of
from handrail_sim.world import Scene, load_model
from handrail_sim.world_file import WORLDS

ARM = ("base", "shoulder", "upper_arm", "lower_arm", "wrist", "gripper", "moving_jaw")


@pytest.fixture
def model(cell: Cell) -> mujoco.MjModel:
    return load_model(cell)


def test_bins_stand_where_the_cell_says(cell: Cell, model: mujoco.MjModel) -> None:
    formed = {name: region for name, region in cell.regions.items() if region.body}
    assert set(formed) == {"red_bin", "blue_bin"}
    for region in formed.values():
        found = container(model, str(region.body))
        assert found.center == pytest.approx(region.center, abs=1e-6)
        assert found.size == pytest.approx(region.size, abs=1e-6)
        assert found.yaw == pytest.approx(region.yaw, abs=1e-6)


def test_obstacles_stand_where_the_cell_says(cell: Cell, model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    for obstacle in cell.obstacles.values():
        body = model.body(obstacle.body)
        assert body.geomnum[0] == 1
        geom = body.geomadr[0]
        turned = data.geom_xmat[geom].reshape(3, 3)
        assert data.geom_xpos[geom] == pytest.approx(obstacle.center, abs=1e-6)
        assert 2 * model.geom_size[geom] == pytest.approx(obstacle.size, abs=1e-6)
        assert math.atan2(turned[1, 0], turned[0, 0]) == pytest.approx(obstacle.yaw, abs=1e-6)


def test_objects_are_what_the_cell_says(cell: Cell, model: mujoco.MjModel) -> None:
    for thing in cell.objects.values():
        body = model.body(thing.body)
        assert 2 * model.geom_size[body.geomadr[0]] == pytest.approx(thing.size, abs=1e-6)
        assert body.mass[0] == pytest.approx(thing.mass, abs=1e-6)


def test_every_geom_is_named_by_its_body(cell: Cell, model: mujoco.MjModel) -> None:
    scene = Scene(model, cell)
    for geom in range(model.ngeom):
        assert model.geom(geom).name.startswith(f"{scene.geom_body[geom]}/")
    names = {model.geom(geom).name for geom in range(model.ngeom)}
    assert {"gripper/fixed_pad", "moving_jaw/moving_pad"} <= names


def test_shoulder_does_not_rub_on_the_base(cell: Cell, model: mujoco.MjModel) -> None:
    """The base is welded to the world, so only an exclude keeps the pan joint free."""
    data, scene = mujoco.MjData(model), Scene(model, cell)
    for pan in np.linspace(-1.9, 1.9, 20):
        data.qpos[scene.joint_qpos] = [cell.arm.home[name] for name in cell.arm.all_joints]
        data.qpos[scene.joint_qpos[0]] = pan
        mujoco.mj_forward(model, data)
        pairs = {frozenset(scene.geom_body[geom] for geom in c.geom) for c in data.contact}
        assert frozenset(("base", "shoulder")) not in pairs


@pytest.mark.parametrize("pose", ["home", "rest"])
def test_home_and_rest_touch_nothing(cell: Cell, model: mujoco.MjModel, pose: str) -> None:
    data, scene = mujoco.MjData(model), Scene(model, cell)
    named = getattr(cell.arm, pose)
    data.qpos[scene.joint_qpos] = [named[name] for name in cell.arm.all_joints]
    mujoco.mj_forward(model, data)
    touching = {scene.geom_body[geom] for contact in data.contact for geom in contact.geom}
    assert not touching & set(ARM)
    for name in cell.arm.all_joints:
        assert cell.arm.limits[name].low < named[name] < cell.arm.limits[name].high


def test_servos_pull_as_the_cell_says(cell: Cell, model: mujoco.MjModel) -> None:
    data, scene = mujoco.MjData(model), Scene(model, cell)
    home = np.array([cell.arm.home[name] for name in cell.arm.all_joints])
    for error in (0.01, 1.0):
        data.qpos[scene.joint_qpos] = home
        data.ctrl[:] = home + error
        mujoco.mj_forward(model, data)
        for joint, name in enumerate(cell.arm.all_joints):
            wanted = min(cell.arm.servo[name].stiffness * error, cell.arm.limits[name].effort)
            assert data.actuator_force[joint] == pytest.approx(wanted)


def test_jaw_and_gap_are_inverse_and_true(cell: Cell, model: mujoco.MjModel) -> None:
    data, scene = mujoco.MjData(model), Scene(model, cell)
    tips = [model.site(name).id for name in ("fixed_tip", "moving_tip")]
    gripper = model.body("gripper").id
    for jaw in np.linspace(-0.17, 1.70, 30):
        data.qpos[scene.joint_qpos[-1]] = jaw
        mujoco.mj_kinematics(model, data)
        across = data.xmat[gripper].reshape(3, 3)[:, 0]
        gap = (data.site_xpos[tips[1]] - data.site_xpos[tips[0]]) @ across
        assert scene.jaw_to_gap(jaw) == pytest.approx(gap, abs=1e-6)
        assert scene.gap_to_jaw(gap) == pytest.approx(jaw, abs=1e-5)
    assert scene.gap_to_jaw(0.0) == pytest.approx(cell.arm.limits["gripper"].low, abs=1e-4)


def test_a_held_cube_stays_while_the_arm_swings(cell: Cell, model: mujoco.MjModel) -> None:
    """What the contact parameters are for: six swings of 1.5 rad, creep of a few mm at most."""
    data, scene = mujoco.MjData(model), Scene(model, cell)
    command = np.array([cell.arm.home[name] for name in cell.arm.all_joints])
    command[0], command[-1] = -0.75, 0.2
    data.qpos[scene.joint_qpos] = command
    command[-1] = cell.arm.limits["gripper"].low

    def step(pan_speed: float) -> None:
        command[0] += pan_speed * model.opt.timestep
        load = scene.gravity(data.qpos[scene.joint_qpos])
        data.ctrl[:] = command + load / 17.8 * (np.arange(6) < 5)
        mujoco.mj_step(model, data)

    def offset() -> float:
        mujoco.mj_kinematics(model, data)
        cube = data.xpos[scene.bodies["red_cube_a"]]
        return float(np.linalg.norm(cube - scene.tcp_pose(data)[0]))

    for _ in range(200):  # a cube hung in the air, until the jaw has closed on it
        mujoco.mj_kinematics(model, data)
        scene.set_object(data, "red_cube_a", *scene.tcp_pose(data))
        step(0.0)
    for swing in range(6):
        for _ in range(375):
            step(2.0 if swing % 2 == 0 else -2.0)
    assert offset() < 0.004
    assert scene.jaw_to_gap(data.qpos[scene.joint_qpos[-1]]) == pytest.approx(0.025, abs=0.001)


def test_points_lie_in_regions(cell: Cell) -> None:
    red = cell.regions["red_bin"]
    x, y, _ = red.center
    assert region_of(cell, (x, y, 0.0155)) == "red_bin"
    assert not inside(red, (x, y, 0.036))
    assert inside(red, (x + 0.06, y, 0.02))  # along its diagonal: it is turned by 45 degrees
    assert not inside(red, (x + 0.065, y, 0.02))
    assert region_of(cell, (0.5, 0.5, 0.0)) is None


def test_a_world_that_is_not_there_is_refused(cell: Cell) -> None:
    world = cell.world.model_copy(update={"model": "desc.xml"})
    with pytest.raises(InvalidCell, match=r"desc\.xml") as refused:
        load_model(cell.model_copy(update={"world": world}))
    assert "desk.xml" in refused.value.choices


def test_a_body_that_is_not_there_is_refused(cell: Cell) -> None:
    cube = cell.objects["blue_cube"].model_copy(update={"body": "green_cube"})
    with pytest.raises(InvalidCell, match="green_cube"):
        load_model(cell.model_copy(update={"objects": {"blue_cube": cube}}))


def foreign(cell: Cell, folder: Path, *changes: tuple[str, str]) -> Cell:
    """The desk with a world that somebody changed."""
    arm = f'<include file="{WORLDS}/so101.xml"/>'
    text = (WORLDS / "desk_things.xml").read_text().replace("<option", f"{arm}<option", 1)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "mine.xml").write_text(text)
    world = cell.world.model_copy(update={"model": "mine.xml"})
    return cell.model_copy(update={"world": world, "folder": folder})


@pytest.mark.parametrize(
    "flag", ["contact", "constraint", "limit", "gravity", "sensor", "equality", "damper", "spring"]
)
def test_a_world_without_physics_is_refused(cell: Cell, tmp_path: Path, flag: str) -> None:
    """No check would find anything in it."""
    off = f'<option><flag {flag}="disable"/></option>'
    with pytest.raises(InvalidCell, match="no check finds anything") as refused:
        load_model(foreign(cell, tmp_path, ("<worldbody>", f"{off}<worldbody>")))
    assert flag in str(refused.value).lower()


def only_shown(cell: Cell, folder: Path, body: str, *named: str) -> Cell:
    """The desk with a body that nothing collides with; the cell says so of those ``named``."""
    mine = foreign(cell, folder)
    spec = mujoco.MjSpec.from_file(str(WORLDS / cell.world.model))
    for geom in spec.body(body).geoms:
        geom.contype = geom.conaffinity = 0
    (folder / "mine.xml").write_text(spec.to_xml())
    world = mine.world.model_copy(update={"shown_only": named})
    return mine.model_copy(update={"world": world})


@pytest.mark.parametrize("body", ["base", "lower_arm", "moving_jaw"])
def test_a_robot_that_nothing_collides_with_is_refused(
    cell: Cell, tmp_path: Path, body: str
) -> None:
    with pytest.raises(InvalidCell, match=f"'{body}' collides"):
        load_model(only_shown(cell, tmp_path, body))


def test_a_cell_may_say_that_its_base_is_only_shown_and_of_no_link(
    cell: Cell, tmp_path: Path
) -> None:
    load_model(only_shown(cell, tmp_path, "base", "base"))
    with pytest.raises(InvalidCell, match="'lower_arm' collides"):
        load_model(only_shown(cell, tmp_path, "lower_arm", "lower_arm"))
    with pytest.raises(InvalidCell, match="no body 'bass'") as refused:
        load_model(only_shown(cell, tmp_path, "base", "bass"))
    assert "base" in refused.value.choices


def test_an_obstacle_that_nothing_collides_with_is_refused(cell: Cell, tmp_path: Path) -> None:
    mine = only_shown(cell, tmp_path, cell.obstacles["post"].body)
    with pytest.raises(InvalidCell, match=r"obstacles\.post\.body: no shape"):
        load_model(mine)


def test_an_obstacle_that_the_world_does_not_have_is_refused(cell: Cell) -> None:
    post = cell.obstacles["post"].model_copy(update={"body": "pots"})
    with pytest.raises(InvalidCell, match="no body 'pots'") as refused:
        load_model(cell.model_copy(update={"obstacles": {"post": post}}))
    assert cell.obstacles["post"].body in refused.value.choices


def test_a_joint_is_told_in_the_unit_that_it_moves_in() -> None:
    gantry = load_cell("gantry")
    limits = {
        name: one.model_copy(update={"unit": "rad"}) for name, one in gantry.arm.limits.items()
    }
    arm = gantry.arm.model_copy(update={"limits": limits})
    with pytest.raises(InvalidCell, match="slides in the world") as refused:
        load_model(gantry.model_copy(update={"arm": arm}))
    assert refused.value.limit == "m"


def test_pairs_that_the_file_names_are_told_apart_like_others(cell: Cell, tmp_path: Path) -> None:
    """MuJoCo takes such a pair's own margin, whatever its geoms have."""
    two = (
        "<body pos='1 1 0.1'><geom name='over' size='0.02'/></body>"
        "<body pos='1 1 0.15'><freejoint/><geom name='under' size='0.02'/></body>"
    )
    pair = "<contact><pair geom1='over' geom2='under'/></contact>"
    mine = foreign(cell, tmp_path, ("</worldbody>", f"{two}</worldbody>{pair}"))
    model = geometry(mine, 0.02)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    ids = {model.geom("over").id, model.geom("under").id}
    (found,) = (one for one in data.contact if set(one.geom) == ids)
    assert found.dist == pytest.approx(0.01)


def test_bodies_without_a_name_are_told_apart(cell: Cell, tmp_path: Path) -> None:
    nameless = "<body pos='1 1 0.1'><geom size='0.02'/></body>" * 2
    mine = foreign(cell, tmp_path, ("</worldbody>", f"{nameless}</worldbody>"))
    bodies = Scene(load_model(mine), mine).geom_body
    assert len({name for name in bodies if name.startswith("/body")}) == 2
