"""Plans that should pass, and do nobody harm."""

from __future__ import annotations

from typing import Any

from handrail_bridge.bench.safety.classes import Case, Maker, bring, joints, pose, take, text
from handrail_bridge.bench.safety.ways import TILT, across, at, into_the_crawl, over_the_post


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
