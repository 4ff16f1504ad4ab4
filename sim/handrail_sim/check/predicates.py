"""Predicates: the one implementation, for a rollout's rows and for the running cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from handrail_sim.cell import Cell, Region
from handrail_sim.check import tcp_turn
from handrail_sim.predicates import (
    All,
    AnyOf,
    AtPose,
    EffortBelow,
    Holding,
    JointInRange,
    Not,
    ObjectInRegion,
    ObjectMovedLessThan,
    ObjectOn,
    ObjectUpright,
    Predicate,
    Released,
    SensorInRange,
    Visible,
    Within,
    parts,
)
from handrail_sim.regions import inside
from handrail_sim.verdict import GoalResult, ObjectBelief
from handrail_sim.world import Array

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class WorldView:
    """What a predicate can ask about, at one moment.

    ``joints`` [rad], ``efforts`` [N.m] by joint, ``tcp`` [m], its axes ``turned`` (3, 3) by
    :mod:`handrail_sim.check.tcp_turn`. ``held`` is the held object's name,
    ``something`` where only the jaw feels it, or None. ``objects`` lacks those of which nobody
    knows where they are; ``began`` has those of the plan's beginning. ``sensors`` by name.
    ``foreseen``: it is a row of a rollout, and nothing is measured; ``unforeseen`` are the sensors
    of which only the running plan can say what they will read. ``before`` has what has held in its
    time until now, as it then was: :class:`~handrail_sim.check.watch.Watch` keeps it.
    """

    cell: Cell
    joints: Mapping[str, float]
    efforts: Mapping[str, float]
    tcp: Point
    turned: Array
    held: str | None
    objects: Mapping[str, ObjectBelief]
    began: Mapping[str, ObjectBelief] = field(default_factory=dict)
    sensors: Mapping[str, float] = field(default_factory=dict)
    foreseen: bool = False
    unforeseen: frozenset[str] = frozenset()
    before: Mapping[Within, Before] = field(default_factory=dict)


LATER: Final = "later"  # only the running plan will tell, and then it does
Met = bool | Literal["later"] | None  # None: nobody knows, and its contrary is no more known
Found = tuple[Met, str]
Before = tuple[Met, str, bool]  # and whether it rested on a prediction


def evaluate(predicate: Predicate, view: WorldView) -> GoalResult:
    """Evaluate one predicate; the sentence says what is so.

    What nobody knows is not met. What only the running plan will tell counts as met.
    """
    met, sentence, predicted = found(predicate, view)
    return GoalResult(predicate.predicate, met in (True, LATER), sentence, predicted)


def found(predicate: Predicate, view: WorldView) -> Before:
    """Return whether one predicate holds, what is so, and whether that rests on a prediction."""
    predicted = view.foreseen or _rests_on_a_prediction(predicate, view)
    return *_found(predicate, view), predicted


def known(objects: Mapping[str, ObjectBelief]) -> dict[str, ObjectBelief]:
    """Return the objects of which somebody knows where they are."""
    return {name: thing for name, thing in objects.items() if thing.source != "unknown"}


def _rests_on_a_prediction(predicate: Predicate, view: WorldView) -> bool:
    """Tell whether it is about where something is that a plan has moved, unseen since."""
    if isinstance(predicate, ObjectInRegion | ObjectOn | ObjectUpright | ObjectMovedLessThan):
        names = {predicate.object, getattr(predicate, "support", "")}
        return any(view.objects[name].source == "predicted" for name in names & set(view.objects))
    if isinstance(predicate, Within) and predicate in view.before:
        return view.before[predicate][2]
    return any(_rests_on_a_prediction(part, view) for part in parts(predicate))


def _found(predicate: Predicate, view: WorldView) -> Found:
    if isinstance(predicate, Within) and predicate in view.before:
        return view.before[predicate][:2]
    return _JUDGES[type(predicate)](predicate, view)


def _holding(wanted: Holding, view: WorldView) -> Found:
    met = view.held is not None and wanted.object in (None, view.held)
    if met:
        return True, f"{view.held} is held"
    if view.held is None:
        return False, f"nothing is held, not even {wanted.object or 'anything'}"
    if view.held not in view.objects:
        return None, f"{view.held} is held, and nobody knows whether it is {wanted.object}"
    return False, f"{view.held} is held, not {wanted.object}"


def _released(_: Released, view: WorldView) -> Found:
    met = view.held is None
    return met, "nothing is held" if met else f"{view.held} is still held"


def _at_pose(wanted: AtPose, view: WorldView) -> Found:
    distance = math.dist(wanted.position, view.tcp)
    there = f"the TCP is {distance:.4f} m from the pose ({wanted.tolerance} m allowed)"
    if wanted.tilt is None:
        return distance <= wanted.tolerance, there
    off = _turned_off(wanted, wanted.tilt, view)
    met = distance <= wanted.tolerance and off <= wanted.turn_tolerance
    return met, f"{there}, turned {off:.3f} rad off it ({wanted.turn_tolerance} rad allowed)"


def _turned_off(wanted: AtPose, tilt: float, view: WorldView) -> float:
    """Return the angle [rad] by which the approach is off, or the opening direction, if more."""
    (x, y, _), (axis_x, axis_y) = wanted.position, view.cell.arm.axis
    azimuth = math.atan2(y - axis_y, x - axis_x)
    twist = 0.0 if wanted.yaw is None else tcp_turn.twist_for(wanted.yaw, azimuth, tilt)
    axes = tcp_turn.axes(azimuth, tilt, twist)
    off = tcp_turn.angle(view.turned[:, 2], axes[:, 2])
    return off if wanted.yaw is None else max(off, tcp_turn.angle(view.turned[:, 0], axes[:, 0]))


def _joint_in_range(wanted: JointInRange, view: WorldView) -> Found:
    position, unit = view.joints[wanted.joint], view.cell.arm.limits[wanted.joint].unit
    return (
        wanted.low <= position <= wanted.high,
        f"{wanted.joint} is at {position:.4f} {unit} ({wanted.low} to {wanted.high} allowed)",
    )


def _effort_below(wanted: EffortBelow, view: WorldView) -> Found:
    effort = abs(view.efforts[wanted.joint])
    unit = view.cell.arm.limits[wanted.joint].effort_unit
    return (
        effort < wanted.limit,
        f"{wanted.joint} pushes with {effort:.3f} {unit} (less than {wanted.limit} allowed)",
    )


def _object_in_region(wanted: ObjectInRegion, view: WorldView) -> Found:
    if wanted.object not in view.objects:
        return _nobody_knows(wanted.object)
    x, y, z = view.objects[wanted.object].position
    met = inside(view.cell.regions[wanted.region], (x, y, z))
    where = f"({x:.3f}, {y:.3f}, {z:.3f})"
    return met, f"{wanted.object} at {where} is {'' if met else 'not '}in {wanted.region}"


def _object_on(wanted: ObjectOn, view: WorldView) -> Found:
    if wanted.object not in view.objects:
        return _nobody_knows(wanted.object)
    support = _support(wanted.support, view)
    if support is None:
        return _nobody_knows(wanted.support)
    x, y, z = view.objects[wanted.object].position
    gap = z - view.cell.objects[wanted.object].size[2] / 2 - support.center[2] - support.size[2] / 2
    above = inside(support, (x, y, support.center[2]))
    if not above:
        return False, f"{wanted.object} is not above {wanted.support}"
    if view.objects[wanted.object].source == "seen":
        return None, f"{wanted.object} was seen above {wanted.support}, but no look tells how high"
    met = abs(gap) <= wanted.tolerance
    return met, f"{wanted.object}'s underside is {gap:.4f} m above {wanted.support}'s top"


def _support(name: str, view: WorldView) -> Region | None:
    """Return what something may lie on as a box; things stand upright, since they are boxes."""
    if name in view.cell.obstacles:
        fixed = view.cell.obstacles[name]
        return Region(center=fixed.center, size=fixed.size, yaw=fixed.yaw)
    if name not in view.objects:
        return None
    thing = view.objects[name]
    w, _, _, z = thing.quaternion
    size = view.cell.objects[name].size
    return Region(center=thing.position, size=size, yaw=2 * math.atan2(z, w))


def _object_upright(wanted: ObjectUpright, view: WorldView) -> Found:
    if wanted.object not in view.objects:
        return _nobody_knows(wanted.object)
    if view.objects[wanted.object].source == "seen":
        return None, f"a look tells where {wanted.object} is and its turn, not how it leans"
    _, x, y, _ = view.objects[wanted.object].quaternion
    lean = math.acos(max(-1.0, min(1.0, 1 - 2 * (x * x + y * y))))
    return (
        lean < wanted.tolerance,
        f"{wanted.object} leans by {lean:.3f} rad ({wanted.tolerance} allowed)",
    )


def _object_moved_less_than(wanted: ObjectMovedLessThan, view: WorldView) -> Found:
    if wanted.object not in view.objects or wanted.object not in view.began:
        return _nobody_knows(wanted.object)
    before, now = view.began[wanted.object].position, view.objects[wanted.object].position
    distance = math.dist(before, now)
    return (
        distance < wanted.distance,
        f"{wanted.object} is {distance:.4f} m from where it was "
        f"(less than {wanted.distance} allowed)",
    )


def _visible(wanted: Visible, view: WorldView) -> Found:
    if wanted.object not in view.objects:
        return False, f"nobody has seen {wanted.object}: look first"
    met = view.objects[wanted.object].source == "seen"
    how = "was seen where it is" if met else "is where a plan has left it, and nobody has looked"
    return met, f"{wanted.object} {how}"


def _sensor_in_range(wanted: SensorInRange, view: WorldView) -> Found:
    if wanted.sensor not in view.sensors:
        return None, f"{wanted.sensor} has not been read of late"
    value = view.sensors[wanted.sensor]
    if not math.isfinite(value):
        return None, f"{wanted.sensor} reads {value:g}, which is no number"
    if wanted.sensor in view.unforeseen:
        return LATER, f"what {wanted.sensor} will read then is judged while the plan runs"
    return (
        wanted.low <= value <= wanted.high,
        f"{wanted.sensor} reads {value:g} ({wanted.low} to {wanted.high} allowed)",
    )


def _all(wanted: All, view: WorldView) -> Found:
    each = [_found(part, view) for part in wanted.of]
    for worst in (False, None, LATER):
        if told := [sentence for met, sentence in each if met == worst]:
            return worst, "; ".join(told)
    return True, "; ".join(sentence for _, sentence in each)


def _any(wanted: AnyOf, view: WorldView) -> Found:
    each = [_found(part, view) for part in wanted.of]
    for best in (True, LATER):
        for met, sentence in each:
            if met == best:
                return best, sentence
    unknown = any(met is None for met, _ in each)
    return None if unknown else False, "; ".join(sentence for _, sentence in each)


def _not(wanted: Not, view: WorldView) -> Found:
    met, sentence = _found(wanted.of, view)
    return (not met if isinstance(met, bool) else met), sentence


def _within(wanted: Within, view: WorldView) -> Found:
    """What had held in its time was found before this is asked."""
    met, now = _found(wanted.of, view)
    told = f"it has not held within {wanted.seconds:g} s; now, {now}"
    return None if met is None else False, told


def _nobody_knows(name: str) -> Found:
    return None, f"nobody knows where {name} is: look first"


_JUDGES: dict[type, Callable[[Any, WorldView], Found]] = {
    Holding: _holding,
    Released: _released,
    AtPose: _at_pose,
    JointInRange: _joint_in_range,
    EffortBelow: _effort_below,
    ObjectInRegion: _object_in_region,
    ObjectOn: _object_on,
    ObjectUpright: _object_upright,
    ObjectMovedLessThan: _object_moved_less_than,
    Visible: _visible,
    SensorInRange: _sensor_in_range,
    All: _all,
    AnyOf: _any,
    Not: _not,
    Within: _within,
}
