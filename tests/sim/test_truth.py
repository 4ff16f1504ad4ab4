"""The truth behind the wires: what its seed decides, and that it keeps still when it should."""

from __future__ import annotations

import json
import math
from itertools import combinations

import numpy as np
import pytest
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell
from handrail_sim.twin.perturbation import SENSOR_NOISE, draw, layout, truth_model
from handrail_sim.twin.truth import Truth
from handrail_sim.world import Scene

NO_TORQUE = (0.0,) * 6
SEEDS = range(50)


def run(truth: Truth, seconds: float, torques: tuple[float, ...] = NO_TORQUE) -> None:
    for _ in range(round(seconds / truth.timestep)):
        truth.step(torques)


@pytest.mark.parametrize("seed", [0, 7, 23])
def test_at_rest_the_arm_stays_without_torque(cell: Cell, seed: int) -> None:
    truth = Truth(cell, seed, perturb=True)
    before, _ = truth.joint_state()
    assert before == [cell.arm.rest[name] for name in cell.arm.all_joints]
    worst = 0.0
    for _ in range(50):
        run(truth, 0.1)
        worst = max(worst, *np.abs(np.subtract(truth.joint_state()[0], before)))
    assert truth.time == pytest.approx(5.0)
    assert worst < 0.02
    for name, position in zip(truth.joints, truth.joint_state()[0], strict=True):
        assert cell.arm.limits[name].low < position < cell.arm.limits[name].high
    touching = {body for pair in truth.snapshot()["contacts"] for body in pair[:2]}
    assert touching == {"table", *cell.objects}


def test_torque_moves_the_joint_that_it_names(cell: Cell) -> None:
    truth = Truth(cell, 0, perturb=False)
    before, _ = truth.joint_state()
    run(truth, 0.2, (-0.5, 0.0, 0.0, 0.0, 0.0, 0.0))
    after, velocity = truth.joint_state()
    assert after[0] < before[0] - 0.02
    assert velocity[0] < -0.1
    assert after[1:] == pytest.approx(before[1:], abs=0.01)


def test_a_jammed_joint_stands_against_full_torque_until_it_is_freed(cell: Cell) -> None:
    truth = Truth(cell, 0, perturb=False)
    pull = (-3.35, 0.0, 0.0, 0.0, 0.0, 0.0)
    run(truth, 0.1, pull)
    jammed_at = truth.joint_state()[0][0]
    assert truth.joint_state()[1][0] < -0.5, "in motion"
    truth.jam("shoulder_pan")
    run(truth, 0.5, pull)
    assert truth.joint_state()[0][0] == pytest.approx(jammed_at, abs=0.02)
    assert truth.joint_state()[1][0] == pytest.approx(0.0, abs=0.001)
    truth.free("shoulder_pan")
    run(truth, 0.2, pull)
    assert truth.joint_state()[0][0] < jammed_at - 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_cubes_lie_where_each_can_be_grasped(cell: Cell, seed: int) -> None:
    objects = Truth(cell, seed, perturb=True).snapshot()["objects"]
    places = [thing["position"] for thing in objects.values()]
    assert len(places) == 3
    for x, y, z in places:
        azimuth = math.degrees(math.atan2(y, x - 0.0388))
        assert 0.11 <= math.hypot(x - 0.0388, y) <= 0.28
        assert 12.0 <= azimuth <= 100.0
        assert z == pytest.approx(0.0125)
        for obstacle in cell.obstacles.values():
            ox, oy, _ = obstacle.center
            assert abs(azimuth - math.degrees(math.atan2(oy, ox - 0.0388))) >= 20.0
        x_low, x_high, y_low, y_high = cell.cameras["overhead"].search
        assert x_low + 0.02 < x < x_high - 0.02
        assert y_low + 0.01 < y < y_high - 0.01
    for one, other in combinations(places, 2):
        assert math.dist(one, other) >= 0.050
    assert {thing["region"] for thing in objects.values()} == {"pick_area"}


def test_seeds_shuffle(cell: Cell) -> None:
    places = {seed: layout(cell, seed) for seed in SEEDS}
    assert len({place["blue_cube"] for place in places.values()}) == len(SEEDS)
    yaws = [place["blue_cube"][2] for place in places.values()]
    assert max(yaws) - min(yaws) > 4.0


def test_one_seed_is_one_world(cell: Cell) -> None:
    worlds = [Truth(cell, 5, perturb=True) for _ in range(2)]
    for truth in worlds:
        run(truth, 0.3, (0.4, 0.3, -0.6, 0.2, 0.1, 0.1))
    one, other = worlds
    assert one.snapshot() == other.snapshot()
    assert one.servo_draws == other.servo_draws
    assert json.loads(json.dumps(one.snapshot())) == one.snapshot()


def test_looking_changes_nothing(cell: Cell) -> None:
    watched, left_alone = (Truth(cell, 5, perturb=True) for _ in range(2))
    for _ in range(100):
        watched.snapshot()
        watched.step((0.4, 0.3, -0.6, 0.2, 0.1, 0.1))
        left_alone.step((0.4, 0.3, -0.6, 0.2, 0.1, 0.1))
    assert watched.qpos.tobytes() == left_alone.qpos.tobytes()


def test_the_truth_differs_from_the_belief(cell: Cell) -> None:
    plain, hidden = draw(cell, 3, perturb=False), draw(cell, 3, perturb=True)
    assert all(
        (servo.gain, servo.backlash, servo.latency, servo.offset) == (1.0, 0.0, 0.0, 0.0)
        for servo in plain.servos.values()
    )
    believed, true = truth_model(cell, plain), truth_model(cell, hidden)
    scene = Scene(true, cell)
    for name, body in scene.bodies.items():
        assert believed.body_mass[body] == pytest.approx(cell.objects[name].mass)
        assert 0.001 < abs(true.body_mass[body] / believed.body_mass[body] - 1.0) <= 0.20
        ratio = true.body_inertia[body] / believed.body_inertia[body]
        assert ratio == pytest.approx(true.body_mass[body] / believed.body_mass[body])
    change = true.geom_friction[:, 0] / believed.geom_friction[:, 0]
    pad = true.geom("gripper/fixed_pad").id
    cube = true.geom("blue_cube/box").id
    for factor in (change[pad], change[cube]):
        assert 0.001 < abs(factor - 1.0) <= 0.20
    damping = true.dof_damping[scene.joint_dofs] / believed.dof_damping[scene.joint_dofs]
    assert 0.001 < np.abs(damping - 1.0).max() <= 0.10
    shift = true.camera("overhead").pos - believed.camera("overhead").pos
    assert 0.0001 < np.abs(shift).max() <= 0.002
    assert hidden.image_noise == pytest.approx(4.0)
    assert plain.image_noise == SENSOR_NOISE


def test_draws_stay_in_their_bounds(cell: Cell) -> None:
    draws = [draw(cell, seed, perturb=True) for seed in SEEDS]
    servos = [servo for hidden in draws for servo in hidden.servos.values()]
    assert len({hidden.pad_friction for hidden in draws}) == len(SEEDS)
    assert all(0.90 <= servo.gain <= 1.10 for servo in servos)
    assert all(0.0 <= servo.backlash <= math.radians(0.25) for servo in servos)
    assert all(0.0 <= servo.latency <= 0.008 for servo in servos)
    assert all(abs(servo.offset) <= math.radians(0.25) for servo in servos)
    nominal = truth_model(cell, draw(cell, 0, perturb=False)).camera("overhead").quat
    for hidden in draws:
        turned = truth_model(cell, hidden).camera("overhead").quat
        angle = 2 * math.acos(min(1.0, abs(float(turned @ nominal))))
        assert 0.0 < angle <= math.radians(0.25) * math.sqrt(3)


def test_a_cell_can_do_without_perturbation(cell: Cell) -> None:
    world = cell.world.model_copy(update={"perturbation": False})
    quiet = draw(cell.model_copy(update={"world": world}), 3, perturb=True)
    assert quiet == draw(cell, 3, perturb=False)


def test_a_cube_dropped_into_a_bin_lies_in_it(cell: Cell) -> None:
    truth = Truth(cell, 1, perturb=True)
    x, y, _ = cell.regions["blue_bin"].center
    truth._scene.set_object(truth._data, "blue_cube", (x, y, 0.06), (1.0, 0.0, 0.0, 0.0))
    assert truth.snapshot()["objects"]["blue_cube"]["region"] is None
    run(truth, 0.5)
    state = truth.snapshot()
    assert state["objects"]["blue_cube"]["region"] == "blue_bin"
    assert any({"blue_bin", "blue_cube"} == set(pair[:2]) for pair in state["contacts"])


def test_a_scale_needs_a_body_to_bear(cell: Cell) -> None:
    with pytest.raises(InvalidCell, match="'nothing'"):
        Truth(cell, 1, perturb=False).load("nothing")
