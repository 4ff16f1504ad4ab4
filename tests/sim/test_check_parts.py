"""The check's parts: distances, grips, inverse kinematics."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from desk_plans import point
from handrail_sim.cell import Cell
from handrail_sim.check.contacts import REACH, Pair, Proximity
from handrail_sim.check.grips import Fingers
from handrail_sim.check.ik import Reach
from handrail_sim.plan import MoveToPose
from handrail_sim.world import Scene, load_model

HOME = (1.2, -0.98, 0.08, 1.42, 0.05, 0.3)

# --- distances ---------------------------------------------------------------------------------


def nearest(
    model: mujoco.MjModel, scene: Scene, data: mujoco.MjData, one: str, other: str
) -> float:
    """Another road to a distance: MuJoCo's pairwise query."""
    geoms = range(model.ngeom)
    mine = [geom for geom in geoms if scene.geom_body[geom] == one]
    theirs = [geom for geom in geoms if scene.geom_body[geom] == other]
    return min(mujoco.mj_geomDistance(model, data, a, b, 1.0, None) for a in mine for b in theirs)


def test_distances_to_obstacles_are_true(cell: Cell) -> None:
    model = load_model(cell)
    scene, data = Scene(model, cell), mujoco.MjData(model)
    proximity = Proximity(cell, scene)
    rng = np.random.default_rng(5)
    near = 0
    for _ in range(400):
        q = rng.uniform((-0.9, -0.5, -0.5, 0.5, -1.5, 0.0), (1.3, 0.8, 0.9, 1.6, 1.5, 0.8))
        data.qpos[scene.joint_qpos] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        look = proximity.look(data.qpos[None])
        assert look.path[0] == pytest.approx(scene.tcp_pose(data)[0])
        found = {frozenset((pair.one, pair.other)): pair.distance[0] for pair in look.pairs}
        for obstacle in ("post", "red_bin", "blue_bin", "table"):
            for link in ("gripper", "moving_jaw", "wrist"):
                true = nearest(model, scene, data, link, obstacle)
                if 0 < true < 0.9 * REACH:
                    near += 1
                    assert found[frozenset((link, obstacle))] == pytest.approx(true, abs=0.0012)
                elif true > 1.1 * REACH:
                    assert frozenset((link, obstacle)) not in found
    assert near > 200


# --- grips -------------------------------------------------------------------------------------


def touching(rows: list[int]) -> list[Pair]:
    """A cube that both fingers touch in these rows."""
    row = np.array(rows, dtype=np.int64)
    return [Pair(body, "blue_cube", row, np.zeros(len(row))) for body in ("gripper", "moving_jaw")]


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ([], []),
        (range(20, 80), range(20, 80)),
        ([*range(20, 50), *range(60, 100)], range(20, 100)),  # contacts flicker
        (range(20, 30), []),  # a knock is no grip
        (range(90, 100), range(90, 100)),  # closed at the very end
    ],
)
def test_an_object_between_both_fingers_is_held(cell: Cell, rows: range, held: range) -> None:
    grips = Fingers(cell, load_model(cell)).grips(touching(list(rows)), np.full((100, 6), 0.3), 250)
    assert np.flatnonzero(grips["blue_cube"].held).tolist() == list(held)
    assert not grips["red_cube_a"].ever
    ended = [(held[0], held[-1] + 1)] if len(held) and held[-1] < 99 else []
    assert grips["blue_cube"].ended() == ended


def test_one_finger_holds_nothing(cell: Cell) -> None:
    one = touching(list(range(20, 80)))[:1]
    assert (
        not Fingers(cell, load_model(cell))
        .grips(one, np.full((100, 6), 0.3), 250)["blue_cube"]
        .ever
    )


def test_a_closed_jaw_holds_nothing(cell: Cell) -> None:
    jaw = np.full((100, 6), cell.arm.jaw_empty - 0.01)
    pushed = touching(list(range(20, 80)))
    assert not Fingers(cell, load_model(cell)).grips(pushed, jaw, 250)["blue_cube"].ever


# --- inverse kinematics ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reach(cell: Cell) -> Reach:
    return Reach(cell)


def axes(cell: Cell, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the TCP is, and its axes as columns."""
    model = load_model(cell)
    scene, data = Scene(model, cell), mujoco.MjData(model)
    data.qpos[scene.joint_qpos[:-1]] = joints
    mujoco.mj_kinematics(model, data)
    return data.site_xpos[scene.tcp], data.site_xmat[scene.tcp].reshape(3, 3)


def test_every_grasp_of_the_zone_is_reached(cell: Cell, reach: Reach) -> None:
    rng = np.random.default_rng(2)
    for trial in range(200):
        radius, azimuth = rng.uniform(0.11, 0.28), math.radians(rng.uniform(12, 100))
        tilt = min(0.52, max(0.0, (radius - 0.22) * 5.45))
        yaw = azimuth + rng.uniform(-1.57, 1.57)
        spot = point(radius, azimuth, 0.0165 + 0.016 * math.sin(tilt))
        solution = reach.solve(MoveToPose(position=spot, tilt=tilt, yaw=yaw), HOME)
        assert solution.reached
        if trial % 40 == 0:
            position, turned = axes(cell, solution.joints)
            assert math.dist(position, spot) < 0.001
            assert turned[2, 2] == pytest.approx(-math.cos(tilt), abs=0.05)
            if tilt == 0:
                assert turned[:2, 0] == pytest.approx([math.cos(yaw), math.sin(yaw)], abs=0.11)


@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.05, math.pi / 2])
@pytest.mark.parametrize("roll", [-1.0, 0.05, 1.3])
def test_without_a_yaw_the_wrist_does_not_turn(reach: Reach, tilt: float, roll: float) -> None:
    """A gripper that points level has a yaw no more; it can be asked for all the same."""
    spot = point(0.22, 0.6, 0.06 if tilt < 1 else 0.2)
    present = (*HOME[:4], roll, 0.3)
    solution = reach.solve(MoveToPose(position=spot, tilt=tilt), present)
    assert solution.reached
    assert solution.joints[4] == pytest.approx(roll, abs=0.03)
