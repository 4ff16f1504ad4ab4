"""Goals and ways that several kinds of plans share."""

from __future__ import annotations

import math
from typing import Any

from handrail_bridge.bench.safety.classes import Maker, Point, Step, closed, high, pose, text
from handrail_bridge.bench.safety.grounds import Range

POST = "post"
TILT = 0.3  # rad, on either side of the post


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


def into_the_crawl(maker: Maker, slowest: float, fastest: float) -> list[Step]:
    """Steps that lead into the zone where the arm has to be slow."""
    zone = maker.ground.crawl
    (x, y, z), tilt = zone.center, maker.ground.tilt[0] + 0.6
    while True:
        aside = float(maker.rng.uniform(-0.25, 0.25))
        moved = x + aside * zone.size[0], y + aside * zone.size[1], z
        there = (round(moved[0], 4), round(moved[1], 4), round(moved[2], 4))
        if maker.reaches(there, tilt):
            break
    azimuth = math.atan2(y - maker.cell.arm.axis[1], x - maker.cell.arm.axis[0])
    speed = round(float(maker.rng.uniform(slowest, fastest)), 3)
    return [high(maker, azimuth + 0.7), pose(there, tilt=tilt, speed=speed)]
