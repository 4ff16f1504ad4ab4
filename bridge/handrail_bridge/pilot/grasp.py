"""The pilot's own knowledge of grasping with a parallel jaw, as a prompt would give it.

Numbers come from trials with cubes of 20 to 30 mm. Angles in rad, lengths in m. ``azimuth``
and radius are about the arm's first axis; the tools take the same convention for ``tilt``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ONE_MOVES = "one moves"  # of the fingers
BESIDE = 0.013  # between the first finger and the object: more than camera and arm are wrong
SPARE = 0.014  # the same on the other finger's side
FINGER = 0.0125  # from the TCP to a finger that does not move
ABOVE_TABLE = 0.004
LEAN = 0.016  # how much deeper a tilted finger's corner reaches, times sin(tilt)
APPROACH = 0.05  # over the object before and after the grasp
UPRIGHT_RADIUS = 0.22  # up to here the gripper points straight down
LEAN_RATE = math.radians(25) / 0.08
MOST_LEAN = math.radians(30)
MOST_ROLL = 2.6
THICK = 0.015  # of a finger, with what it may be wrong
ROOM = 0.035  # from the fingers' line to another object's middle: enough to pass beside it
DROP = 0.015  # between an object's underside and a container's wall when it is let go
WIDE = 0.05  # gap that lets go
EASY_RADIUS = 0.19  # any tilt serves here
EDGE = 0.05  # what is set down lies well within what the camera sees
CARRY_TILT = math.radians(60)  # a gripper that points down cannot be lifted high
OVER = 0.09  # TCP above an obstacle's top on the way past it
BEFORE = 0.04  # nearer to the base than the obstacle

Step = dict[str, Any]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Base:
    """The arm's first axis, about which radius and azimuth are meant."""

    x: float
    y: float

    def polar(self, point: tuple[float, ...]) -> tuple[float, float]:
        """Return radius [m] and azimuth [rad] of a point."""
        dx, dy = point[0] - self.x, point[1] - self.y
        return math.hypot(dx, dy), math.atan2(dy, dx)

    def point(self, radius: float, azimuth: float, z: float) -> tuple[float, float, float]:
        """Return the point [m] at a radius and azimuth."""
        return self.x + radius * math.cos(azimuth), self.y + radius * math.sin(azimuth), z


@dataclass(frozen=True, slots=True)
class Grasp:
    """One way to take an object: TCP position [m], tilt, yaw and jaw gap."""

    position: tuple[float, float, float]
    tilt: float
    yaw: float
    gap: float


def grasps(
    thing: Mapping[str, Any],
    others: Sequence[Point],
    base: Base,
    failed: int = 0,
    fingers: str = ONE_MOVES,
) -> Iterator[Grasp]:
    """Yield ways to take an object, the most promising first.

    Args:
        thing: an object as ``look`` reports it.
        others: where other objects lie [m]; fingers that come down on one hold nothing.
        base: the arm's first axis.
        failed: grasps of it that failed; what went wrong would go wrong again, so that the
            next comes from another side.
        fingers: which of them move, as the cell says.
    """
    radius, azimuth = base.polar(thing["position"])
    tilt = min(MOST_LEAN, max(0.0, (radius - UPRIGHT_RADIUS) * LEAN_RATE))
    rolls = [math.remainder(thing["yaw"] - azimuth + k * math.pi / 2, math.tau) for k in range(4)]

    def worse(roll: float) -> tuple[float, float]:
        room = _room(_grasp(thing, tilt, azimuth + roll, fingers), others, fingers)
        # With a tilted gripper, closing across the radius keeps the fingers flush.
        best = math.pi / 2 if tilt > math.radians(3) else 0.0
        return -min(room, ROOM), abs(abs(roll) - best)

    ranked = sorted((roll for roll in rolls if abs(roll) <= MOST_ROLL), key=worse)
    turned = ranked[failed % len(ranked) :] + ranked[: failed % len(ranked)]
    for lean in (tilt, min(MOST_LEAN, tilt + 0.2)):
        for roll in turned:
            yield _grasp(thing, lean, azimuth + roll, fingers)


def _room(grasp: Grasp, others: Sequence[Point], fingers: str) -> float:
    """Return the distance [m] from the line of the open fingers to the nearest other object."""
    cos, sin = math.cos(grasp.yaw), math.sin(grasp.yaw)
    low, high = _pads(grasp.gap, fingers)
    distances = []
    for x, y, _ in others:
        dx, dy = x - grasp.position[0], y - grasp.position[1]
        reach = dx * cos + dy * sin
        beyond = max(low - THICK - reach, 0.0, reach - high - THICK)
        distances.append(math.hypot(beyond, dy * cos - dx * sin))
    return min(distances, default=math.inf)


def _pads(gap: float, fingers: str) -> tuple[float, float]:
    """Return where the two pads are [m] from the TCP along the opening."""
    low = -FINGER if fingers == ONE_MOVES else -gap / 2
    return low, low + gap


def _grasp(thing: Mapping[str, Any], tilt: float, yaw: float, fingers: str) -> Grasp:
    position, size = thing["position"], thing["size"]
    half = size[0] / 2
    gap = size[0] + BESIDE + SPARE
    aside = _pads(gap, fingers)[0] + BESIDE + half
    z = max(size[2] / 2, FINGER) + ABOVE_TABLE + LEAN * math.sin(tilt)
    x, y = position[0] - aside * math.cos(yaw), position[1] - aside * math.sin(yaw)
    return Grasp((x, y, z), tilt, yaw, gap)


def pick(grasp: Grasp) -> list[Step]:
    """Return the steps that take an object, from anywhere free."""
    x, y, z = grasp.position
    pose = {"tool": "arm_move_to_pose", "tilt": grasp.tilt, "yaw": grasp.yaw}
    above = [x, y, z + APPROACH]
    return [
        {"tool": "gripper_set", "gap": grasp.gap},
        {**pose, "position": above},
        {**pose, "position": [x, y, z], "speed": 0.4},
        {"tool": "gripper_set", "gap": 0.0},
        {**pose, "position": above, "speed": 0.5},
    ]


def place(spot: tuple[float, float], wall: float, height: float, tilt: float) -> list[Step]:
    """Return the steps that let an object go over a container.

    Args:
        spot: x and y [m].
        wall: height [m] of the container's wall.
        height: of the object [m].
        tilt: of the gripper.
    """
    low = wall + height / 2 + DROP
    pose = {"tool": "arm_move_to_pose", "tilt": tilt}
    above = {**pose, "position": [*spot, low + 0.03]}
    return [
        above,
        {**pose, "position": [*spot, low], "speed": 0.5},
        {"tool": "gripper_set", "gap": WIDE},
        {**above, "speed": 0.6},
    ]


def free_spot(others: Sequence[Point], seen: Sequence[float], base: Base) -> tuple[float, float]:
    """Return the place [m] within easy reach that is farthest from other objects.

    Args:
        others: where other objects lie [m].
        seen: x_min, x_max, y_min, y_max [m] of what the camera searches.
        base: the arm's first axis.
    """
    ring = [
        base.point(EASY_RADIUS, math.radians(azimuth), 0.0)[:2] for azimuth in range(0, 360, 10)
    ]
    x_min, x_max, y_min, y_max = seen
    spots = [
        (x, y)
        for x, y in ring
        if x_min + EDGE < x < x_max - EDGE and y_min + EDGE < y < y_max - EDGE
    ]
    return max(spots, key=lambda spot: min((math.dist(spot, o[:2]) for o in others), default=0.0))


def way_round(obstacle: Mapping[str, Any], base: Base, start: float, end: float) -> list[Step]:
    """Return the steps that pass an obstacle, over it and nearer to the base.

    Args:
        obstacle: as a refusal describes it: ``center`` and ``top_z`` [m].
        base: the arm's first axis.
        start: azimuth at which the way begins.
        end: azimuth at which it ends.
    """
    radius, _ = base.polar(tuple(obstacle["center"]))
    height = obstacle["top_z"] + OVER
    return [
        {
            "tool": "arm_move_to_pose",
            "position": list(base.point(radius - BEFORE, azimuth, height)),
            "tilt": CARRY_TILT,
            "speed": 0.8,
        }
        for azimuth in (start, end)
    ]
