"""The links against boxes: the loop's zones agree with MuJoCo's own distances, at any pose."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from handrail_drivers.errors import UnknownName
from handrail_sim.cell import Cell
from handrail_sim.links import Links
from handrail_sim.world import Scene, load_spec

WORLD = ((0.0, 0.0, 0.0), (4.0, 4.0, 4.0), 0.3)


@pytest.fixture(scope="module")
def links(cell: Cell) -> Links:
    return Links(cell)


def poses(cell: Cell, count: int) -> list[tuple[float, ...]]:
    rng = np.random.default_rng(4)
    limits = [cell.arm.limits[name] for name in cell.arm.all_joints]
    low, high = [limit.low for limit in limits], [limit.high for limit in limits]
    return [tuple(rng.uniform(low, high).tolist()) for _ in range(count)]


def test_the_nearest_link_is_the_one_that_mujoco_finds(cell: Cell, links: Links) -> None:
    center, size, yaw = (0.15, 0.1, 0.1), (0.06, 0.1, 0.2), 0.7
    spec = load_spec(cell)
    spec.worldbody.add_geom(
        name="box",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=center,
        size=[edge / 2 for edge in size],
        quat=(np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)),
    )
    model = spec.compile()
    data, scene, box = mujoco.MjData(model), Scene(model, cell), model.geom("box").id
    moved = {"shoulder", "upper_arm", "lower_arm", "wrist", "gripper", "moving_jaw"}
    arm = [n for n, body in enumerate(scene.geom_body) if body in moved]
    assert len(arm) > 10
    inside = 0
    for pose in poses(cell, 60):
        data.qpos[scene.joint_qpos] = pose
        mujoco.mj_kinematics(model, data)
        true = min(mujoco.mj_geomDistance(model, data, geom, box, 10.0, None) for geom in arm)
        distance, whose = links.nearest(pose, (), (center, size, yaw))
        if true > 0:
            assert distance == pytest.approx(true, abs=1e-6)
        else:
            assert distance <= 0
        assert whose in moved
        inside += true < 0
    assert 3 < inside < 57, "the poses tell nothing"


def test_a_link_that_reaches_out_of_a_box_is_found(cell: Cell, links: Links) -> None:
    for pose in poses(cell, 30):
        out, _ = links.farthest_out(pose, (), WORLD)
        assert out < -1.0
        tight = ((0.0, 0.0, 0.2), (0.2, 0.2, 0.4), 0.0)
        out, whose = links.farthest_out(pose, (), tight)
        away, _ = links.nearest(pose, (whose,), ((0.0, 0.0, 50.0), (100.0, 100.0, 99.0), 0.0))
        assert out > 0 or away > 0
        only, _ = links.farthest_out(pose, ("shoulder",), tight)
        assert only <= out + 1e-9


def test_an_unknown_link_is_refused_with_those_there_are(links: Links) -> None:
    with pytest.raises(UnknownName, match="upper_arm"):
        links.nearest((0.0,) * 6, ("uper_arm",), WORLD)


def test_a_bus_without_the_jaw_takes_it_where_home_has_it(cell: Cell, links: Links) -> None:
    home = tuple(cell.arm.home[name] for name in cell.arm.all_joints)
    box = ((0.3, 0.0, 0.1), (0.1, 0.1, 0.1), 0.0)
    whole = Links(cell).nearest(home, (), box)
    assert Links(cell).nearest(home[:-1], (), box) == pytest.approx(whole)
