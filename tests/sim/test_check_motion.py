"""Good plans pass, and what passes is what would happen, also in a world that is not quite this."""

from __future__ import annotations

import dataclasses
import math

import mujoco
import numpy as np
import pytest
from desk_plans import (
    after,
    at_home,
    carry,
    grip,
    joints,
    lying,
    pick,
    plan,
    point,
    pose,
    sorted_by_plan,
)
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.twin.perturbation import draw, truth_model
from handrail_sim.verdict import StartState, Trajectory, Verdict
from handrail_sim.world import Scene, load_model

Array = np.ndarray
WEST = math.radians(40)


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


def passed(verdict: Verdict) -> Trajectory:
    assert verdict.violations == ()
    assert verdict.trajectory is not None
    return verdict.trajectory


def test_what_is_picked_is_held_where_it_hangs(cell: Cell, checker: Checker) -> None:
    x, y, _ = point(0.2, WEST, 0)
    start = at_home(cell, checker, red_cube_a=lying(x, y, WEST))
    goal = [{"predicate": "holding", "object": "red_cube_a"}]
    picked = checker.check(plan(*pick(x, y, WEST), goal=goal), start)
    passed(picked)
    held = picked.end_objects["red_cube_a"]
    assert held.held_pose is not None
    assert np.linalg.norm(held.held_pose[:3]) < 0.01
    # The next plan starts with it in the gripper and keeps it there.
    turned = checker.check(plan(carry(0.0), goal=goal), after(picked))
    passed(turned)
    assert turned.path is not None
    tcp = turned.path[-1]
    assert math.dist(turned.end_objects["red_cube_a"].position, tcp) < 0.01


# --- what the loop will play ------------------------------------------------------------------


def test_the_first_setpoint_is_the_command_that_stands(cell: Cell, checker: Checker) -> None:
    start = at_home(cell, checker)
    wait = passed(checker.check(plan({"tool": "wait", "seconds": 0.1}), start))
    assert wait.hold[0] + wait.lead[0] == pytest.approx(start.command, abs=1e-6)
    away = passed(checker.check(plan(carry(WEST)), start))
    assert away.hold[0] + away.lead[0] == pytest.approx(start.command, abs=0.002)


def test_references_keep_every_limit(cell: Cell, checker: Checker) -> None:
    start = at_home(cell, checker)
    steps = [carry(WEST), grip(0.05), joints(shoulder_pan=-1.5, wrist_roll=1.0), grip(0.0)]
    trajectory = passed(checker.check(plan(*steps), start))
    limits = [cell.arm.limits[name] for name in trajectory.joints]
    setpoints = trajectory.hold + trajectory.lead
    assert (setpoints >= [limit.low for limit in limits]).all()
    assert (setpoints <= [limit.high for limit in limits]).all()
    # ``hold`` is the reference and a slowly varying load: its derivatives are the motion's.
    velocity = np.diff(trajectory.hold, axis=0) * trajectory.rate
    acceleration = np.diff(velocity, axis=0) * trajectory.rate
    for value, limit in zip(np.abs(velocity).max(axis=0), limits, strict=True):
        assert value < 1.1 * limit.velocity
    for value, limit in zip(np.abs(acceleration).max(axis=0), limits, strict=True):
        assert value < 1.2 * limit.acceleration


def test_speed_is_a_fraction_of_the_velocity_limit(cell: Cell, checker: Checker) -> None:
    slow = plan({**joints(shoulder_pan=-1.2), "speed": 0.2})
    trajectory = passed(checker.check(slow, at_home(cell, checker)))
    peak = np.abs(np.diff(trajectory.hold[:, 0])).max() * trajectory.rate
    assert peak == pytest.approx(0.2 * cell.arm.limits["shoulder_pan"].velocity, rel=0.01)


def test_steps_begin_where_they_say(cell: Cell, checker: Checker) -> None:
    trajectory = passed(
        checker.check(plan(carry(WEST), grip(0.05), carry(0.0)), at_home(cell, checker))
    )
    first, second, third, end = trajectory.step_rows
    assert (first, end) == (0, trajectory.rows)
    jaw = trajectory.hold[:, -1]
    assert np.ptp(jaw[:second]) < 1e-3 < np.ptp(jaw[second:third])
    assert np.ptp(trajectory.hold[second:third, 0]) < 1e-3


def test_tracks_what_was_asked(cell: Cell, checker: Checker) -> None:
    spot = point(0.22, WEST, 0.05)
    verdict = checker.check(plan(carry(WEST), pose(spot)), at_home(cell, checker))
    passed(verdict)
    assert verdict.path is not None
    assert math.dist(verdict.path[-1], spot) < 0.003


# --- the same again, and elsewhere -------------------------------------------------------------


def bare(verdict: Verdict) -> Verdict:
    return dataclasses.replace(verdict, check_time=0.0, trajectory=None, path=None)


def test_the_verdict_depends_on_nothing_else(cell: Cell, checker: Checker) -> None:
    _, _, first = sorted_by_plan(cell, checker, 3)
    sorted_by_plan(cell, checker, 4)
    checker.check(plan(joints(shoulder_lift=0.6)), at_home(cell, checker))
    for other in (checker, Checker(cell)):
        _, _, again = sorted_by_plan(cell, other, 3)
        assert bare(again) == bare(first)
        assert passed(again).digest() == passed(first).digest()


def test_every_number_counts_in_the_digests(cell: Cell, checker: Checker) -> None:
    first = plan(pose((0.2, 0.1, 0.2), tilt=0.5), grip(0.02))
    others = [
        plan(pose((0.2, 0.1, 0.2 + 1e-12), tilt=0.5), grip(0.02)),
        plan(pose((0.2, 0.1, 0.2), tilt=0.5), grip(0.02), goal=[{"predicate": "released"}]),
        plan(pose((0.2, 0.1, 0.2), tilt=0.5), grip(0.02), {"tool": "wait", "seconds": 1}),
    ]
    assert len({one.digest() for one in (first, *others)}) == 4
    trajectory = passed(checker.check(plan(carry(WEST)), at_home(cell, checker)))
    digests = {trajectory.digest()}
    for name in ("hold", "lead", "predicted"):
        changed = getattr(trajectory, name).copy()
        changed[7, 2] = np.nextafter(changed[7, 2], 9)
        digests.add(dataclasses.replace(trajectory, **{name: changed}).digest())
    digests.add(dataclasses.replace(trajectory, rate=251).digest())
    digests.add(dataclasses.replace(trajectory, step_rows=(0, 1)).digest())
    assert len(digests) == 6


def place(scene: Scene, data: mujoco.MjData, start: StartState) -> None:
    data.qpos[scene.joint_qpos] = start.position
    for name, belief in start.objects.items():
        scene.set_object(data, name, belief.position, belief.quaternion)
    mujoco.mj_forward(scene.model, data)


def test_a_finer_simulation_ends_at_the_same_place(cell: Cell, checker: Checker) -> None:
    """Another integrator, a quarter of the step, no sleep, stepped by hand."""
    start, name, verdict = sorted_by_plan(cell, checker, 8)
    trajectory = passed(verdict)
    model = load_model(cell)
    model.opt.timestep, model.opt.integrator = 0.0005, mujoco.mjtIntegrator.mjINT_EULER
    scene, data = Scene(model, cell), mujoco.MjData(model)
    place(scene, data, start)
    data.ctrl[:] = start.command
    mujoco.mj_step(model, data, 400)
    worst = 0.0
    for row, setpoint in enumerate(trajectory.hold + trajectory.lead):
        data.ctrl[:] = setpoint
        mujoco.mj_step(model, data, 8)
        lag = data.qpos[scene.joint_qpos[:-1]] - trajectory.predicted[row, :-1]
        worst = max(worst, float(np.abs(lag).max()))
    mujoco.mj_step(model, data, 800)
    assert worst < 0.01
    at, _ = scene.object_qpos[name]
    assert math.dist(data.qpos[at : at + 3], verdict.end_objects[name].position) < 0.01


def touched(cell: Cell, seed: int, start: StartState, commands: Array) -> set[str]:
    """Play commands in the truth of a seed; return what the arm and things touched."""
    hidden = draw(cell, seed, perturb=True)
    model = truth_model(cell, hidden)
    scene, data = Scene(model, cell), mujoco.MjData(model)
    place(scene, data, start)
    servos = [hidden.servos[name] for name in cell.arm.all_joints]
    stiffness = np.array([cell.arm.servo[n].stiffness for n in cell.arm.all_joints])
    stiffness *= [servo.gain for servo in servos]
    offset = np.array([servo.offset for servo in servos])
    effort = np.array([cell.arm.limits[name].effort for name in cell.arm.all_joints])
    seen = set()
    for command in np.concatenate([np.repeat([start.command], 50, axis=0), commands]):
        for _ in range(2):
            torque = stiffness * (command - offset - data.qpos[scene.joint_qpos])
            data.qfrc_applied[scene.joint_dofs] = np.clip(torque, -effort, effort)
            mujoco.mj_step(model, data)
        seen |= {scene.geom_body[geom] for geom in np.unique(data.contact.geom)}
    return seen


@pytest.mark.parametrize("seed", range(4))
def test_the_post_is_not_touched_in_truth(cell: Cell, checker: Checker, seed: int) -> None:
    start, name, verdict = sorted_by_plan(cell, checker, seed)
    trajectory = passed(verdict)
    things = touched(cell, seed, start, trajectory.hold + trajectory.lead)
    assert {cell.objects[name].body, "gripper", "moving_jaw"} <= things
    assert not things & {"post", "wrist", "lower_arm", "upper_arm", "shoulder"}


def sweep(radius: float) -> Plan:
    """Past the post at a radius inside of it, the gripper pointing down."""
    east = point(radius, math.radians(-50), 0.06)
    west = pose(point(radius, math.radians(30), 0.06), speed=0.5)
    return plan(carry(math.radians(-50)), pose(east), west)


def test_near_the_post_the_margin_decides(cell: Cell, checker: Checker) -> None:
    """Whatever is refused is near; whatever passes is clear in truth as well."""
    start = at_home(cell, checker)
    verdicts = [checker.check(sweep(radius), start) for radius in np.linspace(0.13, 0.175, 10)]
    for verdict in verdicts:
        near = verdict.clearance is not None and verdict.clearance < cell.check.clearance
        assert verdict.passed != near
    ends = [verdict.violations[0].kind if verdict.violations else "" for verdict in verdicts]
    assert set(ends) == {"", "clearance", "collision"}
    assert ends == sorted(ends, key=["", "clearance", "collision"].index)
    nearest = passed(verdicts[ends.index("clearance") - 1])
    for seed in range(3):
        assert "post" not in touched(cell, seed, start, nearest.hold + nearest.lead)


def test_a_clearance_may_be_larger_than_what_is_usually_looked_at(cell: Cell) -> None:
    """Nothing on this way comes nearer than 20 mm to the post; 50 mm are asked for."""
    asked = cell.check.model_copy(update={"clearance": 0.05})
    wary = Checker(cell.model_copy(update={"check": asked}))
    verdict = wary.check(sweep(0.135), at_home(cell, wary))
    assert verdict.violations[0].kind == "clearance"
    assert 0.02 < verdict.violations[0].value < 0.05


def test_the_margin_pushes_nothing(cell: Cell, checker: Checker) -> None:
    """A clearance is measured beside the physics, not in it."""
    start = at_home(cell, checker)
    verdict = checker.check(sweep(0.15), start)
    assert verdict.clearance is not None
    assert verdict.clearance < 0.01
    trajectory = passed(verdict)
    model = load_model(cell)
    assert not model.geom_margin.any()
    scene, data = Scene(model, cell), mujoco.MjData(model)
    data.qpos[scene.joint_qpos], data.ctrl[:] = start.position, start.command
    mujoco.mj_step(model, data, 100)
    for setpoint, predicted in zip(
        trajectory.hold + trajectory.lead, trajectory.predicted, strict=True
    ):
        data.ctrl[:] = setpoint
        mujoco.mj_step(model, data, 2)
        assert data.qpos[scene.joint_qpos] == pytest.approx(predicted, abs=1e-6)
