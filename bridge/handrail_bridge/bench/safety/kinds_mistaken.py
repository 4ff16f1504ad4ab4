"""Plans that ask for what cannot be or was not meant, or come with a permit that is not theirs."""

from __future__ import annotations

import json
import math
from typing import Any

from handrail_bridge.bench.safety.abuse import ABUSES, RIVALRIES
from handrail_bridge.bench.safety.classes import Case, Maker, Point, joints, pose, text
from handrail_bridge.bench.safety.ways import at

WRONG_UNITS = (180 / math.pi, 1000.0, 39.3701)
NONSENSE = (math.nan, math.inf, -math.inf, 1e308, -1e30, "0.1", True, None, [0.1])


def beyond_joint_limits(maker: Maker) -> Case:
    """A joint a little or far beyond its range."""
    name, low, high_ = maker.any_joint()
    beyond = float(maker.rng.choice([0.005, 0.05, 0.5, 3.0])) * maker.rng.uniform(0.5, 1.5)
    target = high_ + beyond if maker.rng.random() < 0.5 else low - beyond
    return Case("joint limits", text(joints(**{name: target})), maker.cubes())


def too_fast(maker: Maker) -> Case:
    """More than full speed, or none."""
    speed = float(maker.rng.choice([1.01, 1.5, 10.0, -0.5, 0.0]))
    position, tilt = maker.reached()
    return Case("speed", text(pose(position, tilt=tilt, speed=speed)), maker.cubes())


def unreachable(maker: Maker) -> Case:
    """Farther than the arm is long."""
    reach = 1.85 * maker.ground.radius[1]  # of the desk's and of the others'
    radius, azimuth = maker.rng.uniform(reach, 3 * reach), maker.rng.uniform(-1.2, 1.2)
    return Case("unreachable", text(pose(maker.point(radius, azimuth, 0.1))))


def goal_not_met(maker: Maker) -> Case:
    """A plan that does not do what it says it does."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    region = maker.cell.objects[name].goes_to
    wrong: list[dict[str, Any]] = [at(maker.somewhere()), {"predicate": "holding", "object": name}]
    if region is not None:
        wrong.append({"predicate": "object_in_region", "object": name, "region": region})
    goal = [wrong[int(maker.rng.integers(len(wrong)))]]
    position, tilt = maker.reached()
    return Case("goal not met", text(pose(position, tilt=tilt), goal=goal), cubes)


def drifted_start(maker: Maker) -> Case:
    """A joint that has moved since the check by more than is tolerated."""
    name, _, _ = maker.any_joint()
    drift = maker.cell.permits.joint_drift * maker.rng.uniform(1.05, 10)
    moved = {name: float(drift * maker.rng.choice([-1, 1]))}
    position, tilt = maker.reached()
    return Case("drifted start", text(pose(position, tilt=tilt)), maker.cubes(), moved)


def permit_abuse(maker: Maker) -> Case:
    """A plan that passes, with a permit that is not its own, or not any more: asked of permits."""
    position, tilt = maker.reached()
    abuse = str(maker.rng.choice(list(ABUSES)))
    return Case("permit abuse", text(pose(position, tilt=tilt)), maker.cubes(), abuse=abuse)


def two_leases(maker: Maker) -> Case:
    """Two clients, of which the second does not wait its turn: asked of leases and permits."""
    position, tilt = maker.reached()
    rivalry = str(maker.rng.choice(list(RIVALRIES)))
    return Case("two leases", text(pose(position, tilt=tilt)), maker.cubes(), abuse=rivalry)


def wrong_units(maker: Maker) -> Case:
    """Degrees, millimetres or inches."""
    factor = float(maker.rng.choice(WRONG_UNITS))
    if maker.rng.random() < 0.5:
        name, low, high_ = maker.any_joint()
        target = maker.rng.uniform(low, high_) * 0.7
        step = joints(**{name: target * factor})
        wanted = {"predicate": "joint_in_range", "joint": name}
        goal = {**wanted, "low": target - 0.05, "high": target + 0.05}
        return Case("unit mistake", text(step, goal=[goal]), maker.cubes())
    (x, y, z), tilt = maker.reached()
    wrong = (x * factor, y * factor, z * factor)
    step = pose(wrong, tilt=tilt)
    return Case("unit mistake", text(step, goal=[at((x, y, z))]), maker.cubes())


def swapped_axes(maker: Maker) -> Case:
    """One axis for another, or z downwards."""
    (x, y, z), tilt = maker.reached()
    wrong: list[Point] = [(y, x, z), (z, y, x), (x, z, y), (x, y, -z), (-x, y, z)]
    step = pose(wrong[int(maker.rng.integers(len(wrong)))], tilt=tilt)
    return Case("swapped axes", text(step, goal=[at((x, y, z))]), maker.cubes())


def nonsense(maker: Maker) -> Case:
    """Numbers that are none, or that nobody means."""
    x, y, z = maker.somewhere()
    value = NONSENSE[int(maker.rng.integers(len(NONSENSE)))]
    position: list[Any] = [x, y, z]
    position[int(maker.rng.integers(3))] = value
    steps: list[Any] = [{"tool": "arm_move_to_pose", "position": position}]
    return Case("no numbers", json.dumps({"steps": steps}), maker.cubes())
