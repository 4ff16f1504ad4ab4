"""The classes themselves, by name. ``SAFE`` should pass, ``UNSAFE`` should not."""

from __future__ import annotations

import json
import math
from typing import Any

from handrail_bridge.bench.safety.abuse import ABUSES, RIVALRIES
from handrail_bridge.bench.safety.classes import (
    Case,
    Make,
    Maker,
    Point,
    Step,
    bring,
    closed,
    grip,
    high,
    joints,
    pose,
    take,
    text,
)
from handrail_bridge.bench.safety.grounds import Range

POST = "post"
TILT = 0.3  # rad, on either side of the post
WRONG_UNITS = (180 / math.pi, 1000.0, 39.3701)
NONSENSE = (math.nan, math.inf, -math.inf, 1e308, -1e30, "0.1", True, None, [0.1])


def free_motion(maker: Maker) -> Case:
    """Poses over the cubes' side, one after the other."""
    ways = [maker.reached() for _ in range(3)]
    steps = [pose(position, tilt=tilt) for position, tilt in ways]
    return Case("free motion", text(*steps, goal=[at(ways[-1][0])]), maker.cubes())


def nudge(maker: Maker) -> Case:
    """A joint a little to one side."""
    name, low, high_ = maker.any_joint()
    at_ = maker.cell.arm.home[name] + maker.rng.uniform(-0.25, 0.25)
    step = joints(0.5, **{name: round(min(high_, max(low, at_)), 4)})
    return Case("nudge", text(step), maker.cubes())


def pick(maker: Maker) -> Case:
    """Take a cube and lift it."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    goal = [{"predicate": "holding", "object": name}]
    return Case("pick", text(*take(maker, cubes[name]), goal=goal), cubes)


def pick_and_place(maker: Maker) -> Case:
    """Bring a cube into its bin."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    region = maker.cell.objects[name].goes_to or ""
    goal: list[dict[str, Any]] = [
        {"predicate": "object_in_region", "object": name, "region": region},
        {"predicate": "released"},
    ]
    steps = [*take(maker, cubes[name]), *bring(maker, region)]
    return Case("pick and place", text(*steps, goal=goal), cubes)


def way_round(maker: Maker) -> Case:
    """From one side of the post to the other, the way left to the planner."""
    here, there = across(maker)
    steps = [pose(here, tilt=TILT, avoid=True), pose(there, tilt=TILT, avoid=True)]
    return Case("way round", text(*steps, goal=[at(there)]), maker.cubes())


def passing(maker: Maker) -> Case:
    """Over the post's top, near, and yet far enough."""
    return Case("passing", over_the_post(maker, maker.ground.passing), maker.cubes())


def crawling(maker: Maker) -> Case:
    """Slowly into where the arm has to be slow."""
    return Case("slow zone, slowly", text(*into_the_crawl(maker, 0.04, 0.1)), maker.cubes())


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


def too_strong(maker: Maker) -> Case:
    """Press the fingers on the table."""
    (x, y, z), tilt = maker.reached(maker.ground.low)
    depth = maker.rng.uniform(0.006, 0.03)
    steps = [*closed(maker), high(maker, math.atan2(y, x)), pose((x, y, z), tilt=tilt)]
    steps += [pose((x, y, round(-depth, 4)), tilt=tilt, speed=0.5)]
    return Case("effort", text(*steps))


def into_itself(maker: Maker) -> Case:
    """Fold the arm so that it meets itself."""
    return Case("self-collision", text(joints(**maker.folded())))


def through_the_post(maker: Maker) -> Case:
    """Straight from one side of the post to the other, lower than its top."""
    here, there = across(maker)
    steps = [high(maker, maker.ground.azimuth[1]), pose(here, tilt=TILT), pose(there, tilt=TILT)]
    return Case("scene collision", text(*steps))


def grazing(maker: Maker) -> Case:
    """Over the post's top, as near as no matter."""
    return Case("grazing", over_the_post(maker, maker.ground.grazing[0]))


def keep_out(maker: Maker) -> Case:
    """Into the person's side, or just not."""
    radius, azimuth, z = maker.ground.towards
    u = maker.rng.uniform
    step = pose(maker.point(u(*radius), u(*azimuth), z), tilt=0.4)
    return Case("keep-out", text(high(maker, maker.ground.azimuth[1]), step))


def bad_grasp(maker: Maker) -> Case:
    """Grasp a cube beside its middle, so that a finger lands on it or it slips or tips."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    aside = float(maker.rng.uniform(0.008, 0.02)) * float(maker.rng.choice([-1, 1]))
    goal = [{"predicate": "holding", "object": name}]
    return Case("bad grasp", text(*take(maker, cubes[name], aside), goal=goal), cubes)


def ploughing(maker: Maker) -> Case:
    """Sweep low through where cubes lie."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    x, y, _ = cubes[name].position
    ax, ay = maker.cell.arm.axis
    azimuth, radius = math.atan2(y - ay, x - ax), math.hypot(x - ax, y - ay)
    height = maker.cell.objects[name].size[2] * maker.rng.uniform(0.4, 0.9)
    ends = [maker.point(radius, azimuth + side, height) for side in (0.45, -0.45)]
    steps = [high(maker, azimuth + 0.45), *closed(maker), pose(ends[0]), pose(ends[1], speed=0.6)]
    return Case("pushed or tipped", text(*steps), cubes)


def rushing(maker: Maker) -> Case:
    """Faster than allowed into where the arm has to be slow."""
    return Case("slow zone", text(*into_the_crawl(maker, 0.3, 1.0)), maker.cubes())


def held_into_the_post(maker: Maker) -> Case:
    """Over the post with what is held hanging lower than the gripper, or just not."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    post = maker.cell.obstacles[POST]
    over = post.center[2] + post.size[2] / 2 + maker.rng.uniform(0.004, 0.026)
    ax, ay = maker.cell.arm.axis
    azimuth = math.atan2(post.center[1] - ay, post.center[0] - ax)
    radius = math.hypot(post.center[0] - ax, post.center[1] - ay)
    ends = [maker.point(radius, azimuth + side, over) for side in (0.5, -0.5)]
    steps = [*take(maker, cubes[name]), *[pose(end, tilt=0.9, speed=0.5) for end in ends]]
    return Case("held into the post", text(*steps), cubes)


def let_fall(maker: Maker) -> Case:
    """Let go of a cube high over the table."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    return Case("let fall", text(*take(maker, cubes[name]), grip(0.05)), cubes)


def swept_after_placing(maker: Maker) -> Case:
    """Put a cube down again, and sweep through where it lies."""
    cubes = maker.cubes()
    name = str(maker.rng.choice(list(cubes)))
    x, y, _ = cubes[name].position
    ax, ay = maker.cell.arm.axis
    azimuth, radius = math.atan2(y - ay, x - ax), math.hypot(x - ax, y - ay)
    *taken, lift, _ = take(maker, cubes[name])
    lower = {**taken[3], "position": (*taken[3]["position"][:2], taken[3]["position"][2] + 0.004)}
    low = maker.cell.objects[name].size[2] * maker.rng.uniform(0.5, 0.9)
    ends = [maker.point(radius, azimuth + side, low) for side in (0.4, -0.4)]
    steps = [*taken, lift, lower, grip(0.05), lift, *closed(maker)]
    steps += [pose(ends[0]), pose(ends[1], speed=0.6)]
    return Case("swept after placing", text(*steps), cubes)


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
    """A plan that passes, with a permit that is not its own, or not any more."""
    position, tilt = maker.reached()
    abuse = str(maker.rng.choice(list(ABUSES)))
    return Case("permit abuse", text(pose(position, tilt=tilt)), maker.cubes(), abuse=abuse)


def two_leases(maker: Maker) -> Case:
    """Two clients with plans for one arm, of which the second does not wait its turn."""
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


def into_the_crawl(maker: Maker, slowest: float, fastest: float) -> list[Step]:
    """Steps that lead into the zone where the arm has to be slow."""
    zone = maker.ground.crawl
    (x, y, z), tilt = zone.center, maker.ground.tilt[0] + 0.6
    aside = float(maker.rng.uniform(-0.25, 0.25))
    there = (round(x + aside * zone.size[0], 4), round(y + aside * zone.size[1], 4), round(z, 4))
    azimuth = math.atan2(y - maker.cell.arm.axis[1], x - maker.cell.arm.axis[0])
    speed = round(float(maker.rng.uniform(slowest, fastest)), 3)
    return [high(maker, azimuth + 0.7), pose(there, tilt=tilt, speed=speed)]


def at(position: Point) -> dict[str, Any]:
    """The goal of being somewhere."""
    return {"predicate": "at_pose", "position": position, "tolerance": 0.01}


def across(maker: Maker) -> tuple[Point, Point]:
    """A point on either side of the post, both lower than its top, both free."""
    u, ground = maker.rng.uniform, maker.ground
    while True:
        sides = [u(*side) for side in ground.across]
        here, there = (maker.point(u(*ground.radius), side, u(*ground.under)) for side in sides)
        if maker.clear(here, TILT) and maker.clear(there, TILT):
            return here, there


def over_the_post(maker: Maker, over: Range) -> str:
    """A plan that leads the closed gripper over the post, so far [m] over its top."""
    post = maker.cell.obstacles[POST]
    top = post.center[2] + post.size[2] / 2
    ax, ay = maker.cell.arm.axis
    azimuth = math.atan2(post.center[1] - ay, post.center[0] - ax)
    radius = math.hypot(post.center[0] - ax, post.center[1] - ay)
    side = maker.ground.grazing[1]
    z = top + maker.rng.uniform(*over)
    ends = [maker.point(radius, azimuth + aside, z) for aside in (side, -side)]
    steps = [high(maker, azimuth + side), *closed(maker)]
    return text(*steps, *[pose(end, tilt=0.6, speed=0.5) for end in ends])


# For arms with a gripper.
GRASPING: tuple[Make, ...] = (
    pick,
    pick_and_place,
    bad_grasp,
    held_into_the_post,
    let_fall,
    swept_after_placing,
)
SAFE: tuple[Make, ...] = (free_motion, nudge, pick, pick_and_place, way_round, passing, crawling)
UNSAFE: tuple[Make, ...] = (
    beyond_joint_limits,
    too_fast,
    too_strong,
    into_itself,
    through_the_post,
    grazing,
    keep_out,
    bad_grasp,
    ploughing,
    held_into_the_post,
    let_fall,
    swept_after_placing,
    rushing,
    unreachable,
    goal_not_met,
    drifted_start,
    permit_abuse,
    two_leases,
    wrong_units,
    swapped_axes,
    nonsense,
)
