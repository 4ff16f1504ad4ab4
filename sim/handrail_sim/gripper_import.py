"""Which of a foreign model's joints is a jaw, and where its tips are; or why nobody can tell.

Understood are fingers that slide, of which one leads and the others follow by a straight line: the
rest would be a guess about what a person's hand gets between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from handrail_sim.coupling import Coupling, couplings
from handrail_sim.kinematic_chain import SLIDE, below
from handrail_sim.world import Array

BACK = 0.005  # m behind the foremost point of a finger at which its tip is taken to be
STRAIGHT = math.cos(math.radians(10))  # fingers that point nearly along an axis do so
FAR = 1.0  # m, farther than any gripper opens


class Unguessed(Exception):
    """Why no gripper was made of some joints: a sentence."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a body [m], in the body's frame."""

    body: str
    position: Array


@dataclass(frozen=True, slots=True)
class Jaw:
    """A gripper. ``closed`` is the gap [m] at the joint's low end, ``ratio`` the gap's growth."""

    joint: int
    followers: tuple[Coupling, ...]
    fixed: Point
    moving: Point
    tcp: Point
    turn: Array  # (4,) of the TCP in its body: +z approach, +x opening
    closed: float
    ratio: float


def find_jaw(model: mujoco.MjModel, data: mujoco.MjData, joints: Sequence[int]) -> Jaw:
    """Return the gripper that some joints make.

    Raises:
        Unguessed: they make none that is understood.
    """
    names = [model.joint(joint).name for joint in joints]
    turning = [name for name, joint in zip(names, joints, strict=True) if not _slides(model, joint)]
    if turning:
        raise Unguessed(
            "a linkage can be no gripper yet"
            if len(names) > 1
            else "a jaw that turns has to be named by `gripper`, and its tips by `arm.tips`"
        )
    if len(joints) == 1:
        raise Unguessed(
            f"{names[0]} slides alone: name it by `gripper`, and the tips by `arm.tips`"
        )
    leading = [joint for joint in joints if len(_followers(model, joint, joints)) + 1 == len(names)]
    if not leading:
        raise Unguessed(f"nothing couples {' and '.join(names)}: {_how_to_couple(model, joints)}")
    for joint in leading:
        jaw = _Hand(model, data, joint, _followers(model, joint, joints)).jaw()
        if jaw is not None:
            return jaw
    raise Unguessed(f"{names[0]} closes as it grows: turn its axis round in the model")


class _Hand:
    """Two fingers, one of which leads."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        joint: int,
        followers: Sequence[Coupling],
    ) -> None:
        self._model, self._joint = model, joint
        self._followers = tuple(followers)
        self._data = mujoco.MjData(model)
        self._data.qpos[:] = data.qpos
        self._low, self._high = model.jnt_range[joint].tolist()
        self._moving = int(model.jnt_bodyid[joint])
        self._fixed = int(model.joint(followers[0].joint).bodyid[0])
        self._palm = int(model.body_parentid[self._moving])

    def jaw(self) -> Jaw | None:
        """Return the gripper; None where it closes as the joint grows.

        Raises:
            Unguessed: its shape does not say where its tips are.
        """
        if len(self._followers) > 1:
            raise Unguessed("it has more than two fingers, and a gripper has two")
        if not self._model.jnt_limited[self._joint]:
            raise Unguessed("the model does not say how far its fingers go")
        self._put(self._low)
        axis = self._axis(self._joint)
        follower = self._followers[0]
        other = follower.ratio * self._axis(self._model.joint(follower.joint).id)
        if abs(float(axis @ self._axis(self._model.joint(follower.joint).id))) < STRAIGHT:
            raise Unguessed("its fingers do not slide along one line")
        growth = float(axis @ (axis - other))
        apart = self._points(self._moving).mean(axis=0) - self._points(self._fixed).mean(axis=0)
        if growth * float(apart @ axis) <= 0:
            return None
        opening = axis * math.copysign(1.0, float(apart @ axis))
        self._put(self._high)
        return self._measured(opening, abs(growth))

    def _put(self, place: float) -> None:
        model, data = self._model, self._data
        data.qpos[model.jnt_qposadr[self._joint]] = place
        for one in self._followers:
            data.qpos[model.joint(one.joint).qposadr[0]] = one.offset + one.ratio * place
        mujoco.mj_forward(model, data)

    def _measured(self, opening: Array, ratio: float) -> Jaw:
        points = [self._points(body) for body in (self._fixed, self._moving)]
        every = np.concatenate(points)
        approach = self._approach(opening, every.mean(axis=0))
        reach = min(float((one @ approach).max()) for one in points) - BACK
        middle = every.mean(axis=0)
        middle += approach * (reach - middle @ approach)
        ahead = self._face(self._moving, middle, opening)
        behind = self._face(self._fixed, middle, -opening)
        gap = ahead + behind
        tip, stand = middle + ahead * opening, middle - behind * opening
        rotation = np.column_stack([opening, np.cross(approach, opening), approach])
        return Jaw(
            joint=self._joint,
            followers=self._followers,
            fixed=self._in(self._fixed, stand),
            moving=self._in(self._moving, tip),
            tcp=self._in(self._palm, (tip + stand) / 2),
            turn=self._turned(rotation),
            closed=gap - ratio * (self._high - self._low),
            ratio=ratio,
        )

    def _axis(self, joint: int) -> Array:
        axis: Array = self._data.xaxis[joint].copy()
        return axis

    def _approach(self, opening: Array, middle: Array) -> Array:
        """Return the direction in which the fingers point, square to the one of opening."""
        ahead = middle - self._data.xpos[self._palm]
        ahead -= (ahead @ opening) * opening
        if np.linalg.norm(ahead) < 0.001:
            raise Unguessed("which way its fingers point cannot be seen from their place")
        ahead /= np.linalg.norm(ahead)
        for axis in self._data.xmat[self._palm].reshape(3, 3).T:
            square = axis - (axis @ opening) * opening
            if np.linalg.norm(square) > STRAIGHT and abs(ahead @ square) > STRAIGHT:
                ahead = square / np.linalg.norm(square) * math.copysign(1.0, ahead @ square)
        straight: Array = ahead
        return straight

    def _points(self, body: int) -> Array:
        """Return corners of a finger's shapes that collide, in the world's frame (n, 3)."""
        found = [self._corners(geom) for geom in self._solid(body)]
        if not found:
            name = self._model.body(body).name
            raise Unguessed(
                f"no shape of {name} itself collides: what touches things has to be of the body "
                "with the joint, not of one fixed to it"
            )
        return np.concatenate(found)

    def _solid(self, body: int) -> list[int]:
        model = self._model
        first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
        geoms = range(first, first + count)
        return [g for g in geoms if model.geom_contype[g] or model.geom_conaffinity[g]]

    def _corners(self, geom: int) -> Array:
        model = self._model
        mesh = int(model.geom_dataid[geom])
        if int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_MESH):
            first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
            own = model.mesh_vert[first : first + count].astype(float)
        else:
            center, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
            signs = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T
            own = center + signs * half
        placed: Array = (
            self._data.geom_xpos[geom] + own @ self._data.geom_xmat[geom].reshape(3, 3).T
        )
        return placed

    def _face(self, body: int, begin: Array, way: Array) -> float:
        """Return how far [m] a finger's pad is from between the fingers."""
        nearest = min((self._hit(geom, begin, way) for geom in self._solid(body)), default=FAR)
        if not 0 <= nearest < FAR:
            raise Unguessed("its tips do not stand opposite one another, or already touch")
        return nearest

    def _hit(self, geom: int, begin: Array, way: Array) -> float:
        model, data = self._model, self._data
        if int(model.geom_type[geom]) == int(mujoco.mjtGeom.mjGEOM_MESH):
            distance = mujoco.mj_rayMesh(model, data, geom, begin, way, None)
        else:
            distance = mujoco.mju_rayGeom(
                *(data.geom_xpos[geom], data.geom_xmat[geom], model.geom_size[geom]),
                *(begin, way, int(model.geom_type[geom]), None),
            )
        return float(distance) if distance >= 0 else FAR

    def _in(self, body: int, place: Array) -> Point:
        rotation = self._data.xmat[body].reshape(3, 3)
        own = rotation.T @ (place - self._data.xpos[body])
        return Point(self._model.body(body).name, np.round(own, 6) + 0.0)

    def _turned(self, rotation: Array) -> Array:
        quaternion = np.zeros(4)
        own = self._data.xmat[self._palm].reshape(3, 3).T @ rotation
        mujoco.mju_mat2Quat(quaternion, own.reshape(9))
        return quaternion


def _slides(model: mujoco.MjModel, joint: int) -> bool:
    return int(model.jnt_type[joint]) == SLIDE


def _followers(model: mujoco.MjModel, joint: int, joints: Sequence[int]) -> list[Coupling]:
    names = {model.joint(other).name for other in joints if other != joint}
    return [one for one in couplings(model, [model.joint(joint).name]) if one.joint in names]


def _how_to_couple(model: mujoco.MjModel, joints: Sequence[int]) -> str:
    """Return what couples two fingers that slide, to be written into the model."""
    if len(joints) != 2:
        return "fingers that go together need an equality/joint each, to the one that leads"
    (one, other), data = joints, mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    sign = -1 if float(data.xaxis[one] @ data.xaxis[other]) > 0 else 1
    names = [model.joint(joint).name for joint in joints]
    return (
        f'an <equality><joint joint1="{names[1]}" joint2="{names[0]}" polycoef="0 {sign} 0 0 0"/>'
        "</equality> in the model would"
    )


def on(model: mujoco.MjModel, carrier: int, joints: Sequence[int]) -> list[int]:
    """Return those of some joints that hang on a body."""
    return [joint for joint in joints if below(model, int(model.jnt_bodyid[joint]), carrier)]
