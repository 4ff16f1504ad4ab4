"""Where the arm may be while all else stands still: its free space at one moment of a plan.

At either end of a way the arm may be as near to things as it has to be there, and the farther
away, the more room it has to leave, up to what the cell demands and ``SPARE``.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from handrail_sim.cell import Cell, ZoneKind
from handrail_sim.coupling import fingers
from handrail_sim.geometry import geometry
from handrail_sim.links import Links
from handrail_sim.world import Array, Scene

SPARE = 0.006  # m beyond the cell's clearances, for how far a moving arm is beside its reference
ROUNDED = 0.003  # m of it that rounding a corner may take
WIDENS = 0.05  # m/rad: how fast the room to be left grows with the distance from either end
SLACK = 0.0005  # m by which a way may be nearer than its own end
RESOLUTION = 0.04  # rad between two positions that are looked at


class FreeSpace:
    """The free space of one cell's arm. ``set`` gives it a moment, ``between`` the ends of a way.

    Positions are of the arm's joints (n,) [rad], without the gripper's.
    """

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._cell = cell
        self._scene = scene
        self._model = geometry(cell, cell.check.clearance + SPARE + SLACK)
        self._data = mujoco.MjData(self._model)
        self._links = Links(cell)
        limits = [cell.arm.limits[name] for name in cell.arm.joints]
        self.low = np.array([limit.low for limit in limits])
        self.high = np.array([limit.high for limit in limits])
        self._arm = scene.joint_qpos[: len(limits)]
        self._body = np.array([self._model.body(name).id for name in scene.geom_body])
        self._demanded = np.full((self._model.nbody, self._model.nbody), -np.inf)
        self._held: dict[str, tuple[Array, Array]] = {}
        self._ends: list[tuple[Array, Array]] = []

    def set(self, qpos: Array, held: Sequence[str]) -> None:
        """Let all stand as in a row of a rollout (nq,); the objects ``held`` move with the TCP."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        self._held = {name: self._in_tcp(name) for name in held}
        self._demanded = self._demands(held)
        self._ends = []

    def between(self, start: Array, goal: Array) -> str:
        """Begin a way; return what touches what at its goal, or nothing."""
        self._ends = []
        nearest = [self._nearest(end) for end in (start, goal)]
        self._ends = [
            (end, np.minimum(near, self._demanded) - SLACK)
            for end, near in zip((start, goal), nearest, strict=True)
        ]
        touching = (nearest[1] < 0) & (nearest[1] < nearest[0] - SLACK) & (self._demanded > 0)
        if not touching.any():
            return ""
        one, other = np.argwhere(touching)[0].tolist()
        return f"{self._model.body(one).name} and {self._model.body(other).name}"

    def has_room(self, start: Array, position: Array) -> bool:
        """Tell whether the arm may stand at a position: apart from all else, outside of zones.

        As far apart as the cell demands of a moving arm, or as it was at the start.
        """
        demanded = np.minimum(self._demanded, self._nearest(start) - SLACK)
        return bool((self._nearest(position) >= demanded).all()) and self._outside_zones(position)

    def free(self, one: Array, other: Array) -> bool:
        """Tell whether the straight way between two positions is free."""
        count = max(1, int(np.ceil(np.abs(other - one).max() / RESOLUTION)))
        return all(self._is_free(one + (other - one) * (k / count)) for k in range(1, count + 1))

    def all_free(self, positions: Array) -> bool:
        """Tell whether a motion's positions (n, joints) are free, corners rounded."""
        return all(self._is_free(position, ROUNDED) for position in positions)

    def _is_free(self, position: Array, nearer: float = 0.0) -> bool:
        if (position < self.low).any() or (position > self.high).any():
            return False
        self._put(position)
        geoms = self._data.contact.geom
        one, other = self._body[geoms[:, 0]], self._body[geoms[:, 1]]
        allowed = self._demanded[one, other]
        for end, near in self._ends:
            away = float(np.abs(position - end).max())
            allowed = np.minimum(allowed, near[one, other] + WIDENS * away)
        if (self._data.contact.dist < allowed - nearer).any():
            return False
        return self._outside_zones(position)

    def _outside_zones(self, position: Array) -> bool:
        """Tell whether the links keep to the zones; one that is in it at an end says the check."""
        joints = position.tolist()
        for zone in self._cell.zones.values():
            if zone.kind == ZoneKind.KEEP_OUT:
                if self._links.nearest(joints, (), zone.box)[0] < zone.margin:
                    return False
            elif (
                zone.kind == ZoneKind.KEEP_IN
                and self._links.farthest_out(joints, (), zone.box)[0] > -zone.margin
            ):
                return False
        return True

    def _put(self, position: Array) -> None:
        """Put the arm somewhere, with what it holds, and find what is near to what."""
        model, data = self._model, self._data
        data.qpos[self._arm] = position
        mujoco.mj_kinematics(model, data)
        if self._held:
            at, turned = self._scene.tcp_pose(data)
            for name, (offset, turn) in self._held.items():
                place, quaternion = np.zeros(3), np.zeros(4)
                mujoco.mju_mulPose(place, quaternion, at, turned, offset, turn)
                self._scene.set_object(data, name, place, quaternion)
            mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)

    def _nearest(self, position: Array) -> Array:
        """Return the least distance [m] by pair of bodies (nbody, nbody), both ways round."""
        self._put(position)
        nearest = np.full_like(self._demanded, np.inf)
        geoms = self._data.contact.geom
        one, other = self._body[geoms[:, 0]], self._body[geoms[:, 1]]
        np.minimum.at(nearest, (one, other), self._data.contact.dist)
        return np.minimum(nearest, nearest.T)

    def _in_tcp(self, name: str) -> tuple[Array, Array]:
        """Return an object's pose in the TCP's frame."""
        at, turned = self._scene.tcp_pose(self._data)
        start, _ = self._scene.object_qpos[name]
        pose = self._data.qpos[start : start + 7]
        back, inverse, offset, turn = np.zeros(3), np.zeros(4), np.zeros(3), np.zeros(4)
        mujoco.mju_negPose(back, inverse, at, turned)
        mujoco.mju_mulPose(offset, turn, back, inverse, pose[:3], pose[3:])
        return offset, turn

    def _demands(self, held: Sequence[str]) -> Array:
        """Return the distance [m] to be left by pair of bodies; minus infinity: none."""
        cell, model = self._cell, self._model
        moved = {model.body(name).id for name in self._links.moved}
        moved.add(int(model.body(self._links.moved[0]).parentid[0]))  # the base is of the arm
        objects = {name: model.body(thing.body).id for name, thing in cell.objects.items()}
        carried = {objects[name] for name in held}
        tables = {body for body in range(model.nbody) if model.body(body).name in cell.check.tables}
        demands = np.full((model.nbody, model.nbody), -np.inf)
        for mover in (*moved, *carried):
            for body in range(model.nbody):
                if body in carried or (body in moved and mover in carried):
                    continue  # what is held touches the fingers, and hangs where it hangs
                if body in moved:
                    room = cell.check.self_clearance
                elif body in tables:
                    room = cell.check.table_clearance + SPARE
                else:
                    room = cell.check.clearance + SPARE
                demands[mover, body] = demands[body, mover] = room
        if cell.arm.gripper is not None:  # a closed gripper's fingers touch, wherever it goes
            one, other = (model.body(name).id for name in fingers(model, cell.arm.gripper))
            demands[one, other] = demands[other, one] = -np.inf
        return demands
