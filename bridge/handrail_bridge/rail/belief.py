"""What the bridge believes of the objects: the last look, advanced by what plans predicted.

An object is ``seen``, ``predicted`` until seen or felt again, or ``unknown``. A held object
is a pose in the gripper's frame, believed for as long as the jaw feels something.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from handrail_sim.camera import Camera
from handrail_sim.cell import SceneObject
from handrail_sim.check.variations import SIGMAS
from handrail_sim.places import aside, pose
from handrail_sim.verdict import ObjectBelief
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from handrail_bridge.vision.blobs import Detection

LOST = ObjectBelief((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), "unknown", 0)
ELSEWHERE = 1.5  # of its longest edge, that a thing is aside which a passing arm half hides
STRANGE = 0.15  # m: a detection farther off than this is rather an object of unknown place


@dataclass(frozen=True, slots=True)
class Believed:
    """What is believed of the objects at one moment.

    Another moment's world is the same while no object is elsewhere, or turned, by more than
    ``tolerance`` [m] at a corner, and where it is has not become less sure by that. ``place`` [m]
    is what checks allow for anyhow.
    """

    objects: Mapping[str, ObjectBelief]
    sizes: Mapping[str, Sequence[float]]  # m
    tolerance: float
    place: float = 0.0

    def changed(self, later: Believed) -> list[str]:
        """Return the objects that are otherwise later."""
        pairs = ((name, one, later.objects[name]) for name, one in self.objects.items())
        return [name for name, one, other in pairs if self.differ(name, one, other)]

    def differ(self, name: str, one: ObjectBelief, other: ObjectBelief) -> bool:
        """Tell whether an object is elsewhere, or turned, or known or held only once."""
        if (one.source == "unknown") != (other.source == "unknown"):
            return True
        if bool(one.held_pose) != bool(other.held_pose):
            return True
        if one.source == "unknown":
            return False
        less_sure = self._reach(name, other) - self._reach(name, one)
        moved = aside(pose(one), pose(other), self.sizes[name])
        return max(moved, less_sure) > self.tolerance

    def _reach(self, name: str, thing: ObjectBelief) -> float:
        """Return how far [m] aside the check has a corner lie, but for the cell's own turn."""
        corner = math.hypot(*self.sizes[name][:2]) / 2
        return max(self.place, SIGMAS * thing.sigma) + SIGMAS * thing.turn_sigma * corner


NO_OBJECTS = Believed({}, {}, 0.0)


class Belief:
    """The objects of one cell, as believed; a permit checked when others were is dead.

    Args:
        objects: of the cell, by name.
        tolerance: as of :class:`Believed`, and ``place``.
    """

    def __init__(
        self, objects: Mapping[str, SceneObject], tolerance: float, place: float = 0.0
    ) -> None:
        self._colors = {name: thing.color for name, thing in objects.items()}
        sizes = {name: thing.size for name, thing in objects.items()}
        self.now = Believed(dict.fromkeys(objects, LOST), sizes, tolerance, place)

    @property
    def objects(self) -> dict[str, ObjectBelief]:
        """Every object of the cell, by name."""
        return dict(self.now.objects)

    @property
    def held(self) -> str | None:
        """The object that is believed to be in the gripper."""
        return next((name for name, thing in self.objects.items() if thing.held_pose), None)

    def look(self, detections: Iterable[Detection], camera: Camera, time_ns: int) -> None:
        """Take over what a camera saw, at ``time_ns``.

        What the camera should have seen and did not is unknown afterwards; what lies
        outside of its search area, and what is held, stays as it was.
        """
        seen = self._associate(list(detections), self.objects)
        fresh = self.objects
        for name, thing in self.objects.items():
            if thing.held_pose:
                continue
            if name in seen:
                spot = seen[name]
                turn = (math.cos(spot.yaw / 2), 0.0, 0.0, math.sin(spot.yaw / 2))
                fresh[name] = ObjectBelief(
                    spot.position,
                    turn,
                    "seen",
                    time_ns,
                    covariance=spot.covariance,
                    turn_sigma=spot.turn_sigma,
                )
            elif _inside(camera, thing.position):
                fresh[name] = LOST
        self._become(fresh)

    def advance(
        self, predicted: Mapping[str, ObjectBelief], began: Mapping[str, ObjectBelief]
    ) -> None:
        """Take over where a plan that ran to its end left the objects, as ``began`` had them.

        What became known of one meanwhile is newer than what the plan was predicted to do with it.
        """
        same = {name: end for name, end in predicted.items() if self.objects[name] == began[name]}
        self._become({**self.objects, **same})

    def doubt(
        self,
        predicted: Mapping[str, ObjectBelief],
        passed: Sequence[Mapping[str, ObjectBelief]] = (),
    ) -> None:
        """A plan ended early: what it would have moved is unknown, unless it is still held.

        ``passed``: as things were predicted at the ends of the steps that did end. What was let go
        in one is held no more, though the jaw may feel something: that is another thing then, and
        it is what was taken in the last of them.
        """
        fresh = self.objects
        for name, end in predicted.items():
            start = self.objects[name]
            taken = passed[-1][name] if passed else start
            if taken.held_pose and not start.held_pose:
                fresh[name] = taken  # until the jaw feels nothing
                continue
            kept = start.held_pose and all(then[name].held_pose for then in passed)
            if not kept and (start.held_pose or self.now.differ(name, start, end)):
                fresh[name] = LOST
        self._become(fresh)

    def feel(self, holding: bool) -> None:
        """Take over what the jaw feels: an object no longer felt was dropped somewhere."""
        if self.held is not None and not holding:
            self._become({**self.objects, self.held: LOST})

    def strayed(self, detections: Iterable[Detection], expected: Mapping[str, ObjectBelief]) -> str:
        """Return in words which thing was seen elsewhere than it is expected; empty: none.

        An arm that moves may hide a part of a thing, or all of it: what was not seen says nothing,
        and a little aside is not elsewhere. Where it is then, a look at rest has to say.
        """
        for name, spot in self._associate(list(detections), expected).items():
            off = math.dist(spot.position[:2], expected[name].position[:2])
            if off > ELSEWHERE * max(self.now.sizes[name]):
                self._become({**self.objects, name: LOST})
                return f"{name} was seen {off * 1000:.0f} mm from where the plan has it."
        return ""

    def _become(self, fresh: Mapping[str, ObjectBelief]) -> None:
        self.now = replace(self.now, objects=fresh)

    def _associate(
        self, detections: list[Detection], places: Mapping[str, ObjectBelief]
    ) -> dict[str, Detection]:
        """Give detections to objects, of which these are the believed places."""
        found: dict[str, Detection] = {}
        for color in set(self._colors.values()):
            own = {name: places[name] for name in places if self._colors[name] == color}
            spots = [spot for spot in detections if spot.color == color]
            if own:
                found.update(_assigned(own, spots))
        return found


def _assigned(places: Mapping[str, ObjectBelief], spots: list[Detection]) -> dict[str, Detection]:
    """Give detections to objects of one colour so that the distances add up to the least."""
    names = list(places)
    apart = [[_distance(places[name], spot) for spot in spots] for name in names]
    chosen = zip(*linear_sum_assignment(np.reshape(apart, (len(names), len(spots)))), strict=True)
    return {names[thing]: spots[spot] for thing, spot in chosen}


def _distance(thing: ObjectBelief, spot: Detection) -> float:
    if thing.source == "unknown":
        return STRANGE
    return math.dist(thing.position[:2], spot.position[:2])


def _inside(camera: Camera, position: tuple[float, float, float]) -> bool:
    x_min, x_max, y_min, y_max = camera.search
    return x_min <= position[0] <= x_max and y_min <= position[1] <= y_max
