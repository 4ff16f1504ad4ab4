"""Plans that can be played, and do harm or come near to it."""

from __future__ import annotations

import math

from handrail_bridge.bench.safety.classes import (
    Case,
    Maker,
    closed,
    grip,
    high,
    joints,
    pose,
    take,
    text,
)
from handrail_bridge.bench.safety.ways import POST, TILT, across, into_the_crawl, over_the_post


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
