"""Plans and start states on the desk, as trials with it found them good (lengths m, angles rad)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.verdict import ObjectBelief, StartState, Verdict

AXIS_X = 0.0388353
UPRIGHT = (1.0, 0.0, 0.0, 0.0)

Step = dict[str, Any]


def point(radius: float, azimuth: float, z: float) -> tuple[float, float, float]:
    """A point about the arm's first axis."""
    return AXIS_X + radius * math.cos(azimuth), radius * math.sin(azimuth), z


def polar(x: float, y: float) -> tuple[float, float]:
    return math.hypot(x - AXIS_X, y), math.atan2(y, x - AXIS_X)


def plan(*steps: Step, goal: Sequence[Mapping[str, Any]] = ()) -> Plan:
    return Plan.model_validate({"steps": steps, "goal": goal})


def pose(position: Sequence[float], **more: Any) -> Step:
    return {"tool": "arm_move_to_pose", "position": tuple(position), **more}


def joints(**positions: float) -> Step:
    return {"tool": "arm_move_joints", "positions": positions}


def grip(gap: float) -> Step:
    return {"tool": "gripper_set", "gap": gap}


def carry(azimuth: float) -> Step:
    """High enough to pan over the post."""
    return pose(point(0.17, azimuth, 0.24), tilt=math.radians(60))


def lying(x: float, y: float, yaw: float = 0.0, source: str = "seen") -> ObjectBelief:
    turn = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
    return ObjectBelief((x, y, 0.0125), turn, source, 0)


def at_home(cell: Cell, checker: Checker, **objects: ObjectBelief) -> StartState:
    position = [cell.arm.home[name] for name in cell.arm.all_joints]
    return StartState(tuple(position), checker.hold_command(position), objects)


def after(verdict: Any) -> StartState:
    """Where a plan that passed would end."""
    position = tuple(verdict.trajectory.predicted[-1].tolist())
    command = (verdict.trajectory.hold[-1] + verdict.trajectory.lead[-1]).tolist()
    return StartState(position, tuple(command), dict(verdict.end_objects))


def pick(x: float, y: float, yaw: float) -> list[Step]:
    """Take a cube of 25 mm."""
    radius, azimuth = polar(x, y)
    tilt = min(math.radians(30), max(0.0, (radius - 0.22) * math.radians(25) / 0.08))
    wish = math.pi / 2 if tilt > math.radians(3) else 0.0
    rolls = [math.remainder(yaw - azimuth + k * math.pi / 2, 2 * math.pi) for k in range(4)]
    roll = min((r for r in rolls if abs(r) <= 2.6), key=lambda r: abs(abs(r) - wish))
    turn = {"tilt": tilt, "yaw": azimuth + roll}
    x, y = x - 0.012 * math.cos(turn["yaw"]), y - 0.012 * math.sin(turn["yaw"])
    z = 0.0125 + 0.004 + 0.016 * math.sin(tilt)
    return [
        carry(azimuth),
        grip(0.055),
        pose((x, y, z + 0.05), **turn),
        pose((x, y, z), speed=0.4, **turn),
        grip(0.0),
        pose((x, y, z + 0.05), speed=0.5, **turn),
        carry(azimuth),
    ]


def place(x: float, y: float) -> list[Step]:
    """Let it go over a bin of 35 mm."""
    _, azimuth = polar(x, y)
    tilt = math.radians(15)
    return [
        carry(azimuth),
        pose((x, y, 0.095), tilt=tilt),
        pose((x, y, 0.064), tilt=tilt, speed=0.5),
        grip(0.05),
        pose((x, y, 0.095), tilt=tilt),
        carry(azimuth),
    ]


def sort(cell: Cell, name: str, start: StartState) -> Plan:
    """Bring an object into the bin of its colour, by way of the carry height."""
    belief = start.objects[name]
    w, *_, z = belief.quaternion
    region = cell.objects[name].goes_to
    assert region is not None
    x, y, _ = cell.regions[region].center
    steps = [*pick(*belief.position[:2], 2 * math.atan2(z, w)), *place(x, y)]
    goal = [
        {"predicate": "object_in_region", "object": name, "region": region},
        {"predicate": "released"},
    ]
    return plan(*steps, goal=goal)


def scattered(cell: Cell, seed: int) -> dict[str, ObjectBelief]:
    """Cubes over the zone where each can be grasped, 70 mm apart."""
    rng = np.random.default_rng(seed)
    places: list[tuple[float, float]] = []
    while len(places) < len(cell.objects):
        x, y, _ = point(rng.uniform(0.11, 0.28), math.radians(rng.uniform(12, 100)), 0)
        if all(math.dist((x, y), other) >= 0.07 for other in places):
            places.append((x, y))
    return {
        name: lying(x, y, rng.uniform(-math.pi, math.pi))
        for name, (x, y) in zip(cell.objects, places, strict=True)
    }


def sorted_by_plan(cell: Cell, checker: Checker, seed: int) -> tuple[StartState, str, Verdict]:
    """Return the start, which cube it is, and what the check says of sorting it."""
    start = at_home(cell, checker, **scattered(cell, seed))
    name = tuple(cell.objects)[seed % len(cell.objects)]
    return start, name, checker.check(sort(cell, name, start), start)
