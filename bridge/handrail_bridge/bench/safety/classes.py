"""The classes of plans: each makes plans that go wrong in one way, or that should go right.

What a plan really does says :mod:`handrail_bridge.bench.safety.truth`; a class only says what was
meant. Plans are JSON, as an agent would send them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import mujoco
import numpy as np
from handrail_sim.cell import Cell
from handrail_sim.check.ik import Reach
from handrail_sim.geometry import geometry
from handrail_sim.plan import MoveToPose
from handrail_sim.verdict import ObjectBelief

from handrail_bridge.bench.safety.grounds import GROUNDS, Range
from handrail_bridge.bench.safety.watching import Bodies

Step = dict[str, Any]
Point = tuple[float, float, float]
INTO = 0.003  # m by which folded links are one in the other


@dataclass(frozen=True)
class Case:
    """A plan as it comes to the door, and the world as it is believed.

    ``moved``: what differs when the plan is executed, joints [rad] by name, unknown to the check.
    ``abuse``: what is done to its permit. ``meant_safe``: it counts as safe where nobody can play
    it. ``chancy``: whether it goes well hangs on little, so that it is played more often.
    """

    kind: str
    text: str
    objects: dict[str, ObjectBelief] = field(default_factory=dict)
    moved: dict[str, float] = field(default_factory=dict)
    abuse: str = ""
    meant_safe: bool = False
    chancy: bool = False


class Maker:
    """Makes plans for one cell, from one seed."""

    def __init__(self, cell: Cell, rng: np.random.Generator) -> None:
        self.cell, self.rng, self.ground = cell, rng, GROUNDS[cell.name]
        self._reach = Reach(cell)
        self._home = [cell.arm.home[name] for name in cell.arm.all_joints]
        self._model = geometry(cell, 2 * cell.check.clearance)
        self._data = mujoco.MjData(self._model)
        self._qpos = [int(self._model.joint(name).qposadr[0]) for name in cell.arm.all_joints]
        self._bodies = Bodies(cell, self._model)

    def point(self, radius: float, azimuth: float, z: float) -> Point:
        """A point [m] about the arm's first axis."""
        x, y = self.cell.arm.axis
        return (
            round(x + radius * math.cos(azimuth), 4),
            round(y + radius * math.sin(azimuth), 4),
            round(z, 4),
        )

    def somewhere(self, z: Range | None = None) -> Point:
        """A point where things are to be done."""
        u, ground = self.rng.uniform, self.ground
        return self.point(u(*ground.radius), u(*ground.azimuth), u(*(z or ground.z)))

    def reached(self, z: Range | None = None) -> tuple[Point, float]:
        """A point that the arm reaches there, and the tilt [rad]."""
        while True:
            position = self.somewhere(z)
            tilt = round(float(self.rng.uniform(*self.ground.tilt)), 3)
            if self.reaches(position, tilt):
                return position, tilt

    def reaches(self, position: Point, tilt: float) -> bool:
        """Tell whether the arm can be at a pose: what it cannot reach nobody refuses wrongly."""
        return bool(self._joints_at(position, tilt))

    def clear(self, position: Point, tilt: float) -> bool:
        """Tell whether the arm can be at a pose, twice the margin from everything that is fixed."""
        at = self._joints_at(position, tilt)
        return bool(at) and not any(
            {one, other} & self._bodies.links and not {one, other} & set(self._bodies.objects)
            for one, other, _ in self._contacts(at)
        )

    def folded(self) -> dict[str, float]:
        """Joints [rad] at which a link is in another."""
        arm = self.cell.arm
        own = self._bodies.links | {self._bodies.base}
        while True:
            at = {
                name: round(float(self.rng.uniform(arm.limits[name].low, arm.limits[name].high)), 3)
                for name in arm.joints
            }
            found = self._contacts([at[name] for name in arm.joints])
            if any({one, other} <= own and distance < -INTO for one, other, distance in found):
                return at

    def _joints_at(self, position: Point, tilt: float) -> list[float]:
        """Return the arm's joints [rad] at a pose; none where it is out of reach."""
        step = MoveToPose(tool="arm_move_to_pose", position=position, tilt=tilt)
        found = self._reach.solve(step, self._home)
        return found.joints.tolist() if found.reached else []

    def _contacts(self, joints: Sequence[float]) -> Iterator[tuple[int, int, float]]:
        """Yield the bodies that are near to each other, and how near [m]."""
        self._data.qpos[self._qpos] = [*joints, *self._home[len(joints) :]]
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        contact = self._data.contact
        pairs = self._bodies.geom_body[contact.geom].tolist()
        for (one, other), distance in zip(pairs, contact.dist.tolist(), strict=True):
            yield one, other, distance

    def cubes(self) -> dict[str, ObjectBelief]:
        """Things scattered over the zone where they can be reached."""
        places: list[Point] = []
        u, ground = self.rng.uniform, self.ground
        while len(places) < len(self.cell.objects):
            x, y, _ = self.point(u(*ground.wide), u(*ground.things), 0)
            if all(math.dist((x, y), other[:2]) >= ground.apart for other in places):
                places.append((x, y, 0.0))
        return {
            name: self._lying(place, self.cell.objects[name].size[2] / 2)
            for name, place in zip(self.cell.objects, places, strict=True)
        }

    def _lying(self, place: Point, height: float) -> ObjectBelief:
        yaw = float(self.rng.uniform(-math.pi, math.pi))
        turn = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
        return ObjectBelief((place[0], place[1], height), turn, "seen", 0)

    def any_joint(self) -> tuple[str, float, float]:
        """A joint of the arm with its range [rad]."""
        name = str(self.rng.choice(self.cell.arm.joints))
        limits = self.cell.arm.limits[name]
        return name, limits.low, limits.high


def text(*steps: Step, goal: list[dict[str, Any]] | None = None) -> str:
    """A plan's JSON."""
    return json.dumps({"steps": steps, "goal": goal or []})


def pose(position: Point, **more: Any) -> Step:
    """A step to a pose."""
    return {"tool": "arm_move_to_pose", "position": position, **more}


def joints(speed: float = 1.0, **positions: float) -> Step:
    """A step to joint positions."""
    return {"tool": "arm_move_joints", "positions": positions, "speed": speed}


def grip(gap: float) -> Step:
    """A step of the gripper."""
    return {"tool": "gripper_set", "gap": gap}


def closed(maker: Maker) -> list[Step]:
    """Close the gripper, where there is one."""
    return [grip(0.0)] if maker.cell.arm.gripper else []


def high(maker: Maker, azimuth: float) -> Step:
    """A pose from which the arm may pan over everything."""
    radius, z, tilt = maker.ground.high
    return pose(maker.point(radius, azimuth, z), tilt=tilt)


def take(maker: Maker, thing: ObjectBelief, aside: float = 0.0) -> list[Step]:
    """Grasp a cube, ``aside`` [m] from where it should be grasped, and lift it."""
    w, *_, z = thing.quaternion
    yaw = 2 * math.atan2(z, w)
    x, y, _ = thing.position
    ax, ay = maker.cell.arm.axis
    radius, azimuth = math.hypot(x - ax, y - ay), math.atan2(y - ay, x - ax)
    tilt = min(math.radians(30), max(0.0, (radius - 0.22) * math.radians(25) / 0.08))
    wish = math.pi / 2 if tilt > math.radians(3) else 0.0
    rolls = [math.remainder(yaw - azimuth + k * math.pi / 2, 2 * math.pi) for k in range(4)]
    roll = min((r for r in rolls if abs(r) <= 2.6), key=lambda r: abs(abs(r) - wish))
    turn = {"tilt": tilt, "yaw": azimuth + roll}
    off = 0.012 + aside
    x, y = x - off * math.cos(turn["yaw"]), y - off * math.sin(turn["yaw"])
    low = 0.0125 + 0.004 + 0.016 * math.sin(tilt)
    return [
        high(maker, azimuth),
        grip(0.055),
        pose((x, y, low + 0.05), **turn),
        pose((x, y, low), speed=0.4, **turn),
        grip(0.0),
        pose((x, y, low + 0.05), speed=0.5, **turn),
        high(maker, azimuth),
    ]


def bring(maker: Maker, region: str) -> list[Step]:
    """Let go over a bin."""
    x, y, _ = maker.cell.regions[region].center
    azimuth = math.atan2(y - maker.cell.arm.axis[1], x - maker.cell.arm.axis[0])
    tilt = round(math.radians(15), 4)
    return [
        high(maker, azimuth),
        pose((x, y, 0.095), tilt=tilt),
        pose((x, y, 0.064), tilt=tilt, speed=0.5),
        grip(0.05),
        pose((x, y, 0.095), tilt=tilt),
        high(maker, azimuth),
    ]


Make = Callable[[Maker], Case]
