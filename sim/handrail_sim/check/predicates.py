"""Predicates: the one implementation, for a rollout's end and for the running cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from handrail_sim.cell import Region
from handrail_sim.plan import (
    AtPose,
    Holding,
    JointInRange,
    ObjectInRegion,
    Predicate,
    Released,
)
from handrail_sim.verdict import GoalResult
from handrail_sim.world import inside

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class WorldView:
    """What a predicate can ask about. ``joints`` [rad], ``tcp`` and ``objects`` [m].

    ``held`` is the held object's name, ``something`` where only the jaw feels it, or None.
    ``objects`` lacks those of which nobody knows where they are.
    """

    joints: Mapping[str, float]
    tcp: Point
    held: str | None
    objects: Mapping[str, Point]
    regions: Mapping[str, Region]


def evaluate(predicate: Predicate, view: WorldView) -> GoalResult:
    """Evaluate one predicate; the sentence says what is so."""
    match predicate:
        case Holding():
            met, sentence = _holding(predicate, view)
        case Released():
            met = view.held is None
            sentence = "nothing is held" if met else f"{view.held} is still held"
        case AtPose():
            met, sentence = _at_pose(predicate, view)
        case JointInRange():
            met, sentence = _joint_in_range(predicate, view)
        case ObjectInRegion():
            met, sentence = _object_in_region(predicate, view)
    return GoalResult(predicate.predicate, met, sentence)


def _holding(wanted: Holding, view: WorldView) -> tuple[bool, str]:
    met = view.held is not None and wanted.object in (None, view.held)
    if met:
        return True, f"{view.held} is held"
    if view.held is None:
        return False, f"nothing is held, not even {wanted.object or 'anything'}"
    return False, f"{view.held} is held, not {wanted.object}"


def _at_pose(wanted: AtPose, view: WorldView) -> tuple[bool, str]:
    distance = math.dist(wanted.position, view.tcp)
    return (
        distance <= wanted.tolerance,
        f"the TCP is {distance:.4f} m from the pose ({wanted.tolerance} m allowed)",
    )


def _joint_in_range(wanted: JointInRange, view: WorldView) -> tuple[bool, str]:
    position = view.joints[wanted.joint]
    return (
        wanted.low <= position <= wanted.high,
        f"{wanted.joint} is at {position:.4f} rad ({wanted.low} to {wanted.high} allowed)",
    )


def _object_in_region(wanted: ObjectInRegion, view: WorldView) -> tuple[bool, str]:
    if wanted.object not in view.objects:
        return False, f"nobody knows where {wanted.object} is: look first"
    x, y, z = view.objects[wanted.object]
    met = inside(view.regions[wanted.region], (x, y, z))
    where = f"({x:.3f}, {y:.3f}, {z:.3f})"
    return met, f"{wanted.object} at {where} is {'' if met else 'not '}in {wanted.region}"
