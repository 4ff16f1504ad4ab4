"""Other worlds than the believed one: what the cell file says may differ, drawn and built.

Every quantity is put at an end of its range: rollouts are dear, and for the small differences
meant here the ends bound what lies between. An object lies aside and is turned by as much as the
cell file says, or as perception was unsure of it, whichever is more. Fingers that close on it take
away what it lay aside between them; along them it hangs as much aside as it lay.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from functools import partial

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.verdict import ObjectBelief, StartState
from handrail_sim.world import Array, Scene

SIGMAS = 3.0  # standard deviations that an object may lie aside: in a plane, 98.9 % lie within
FARTHEST = math.pi / 4  # rad: what is square is nearer to how it lay when turned by more
LEANS = 0.5  # sine: its vertical is that much across the opening, or it was not upright
SEED = 1  # any: the same worlds for every check, so that a plan has one verdict
# Gain, drag and latency (low 0, high 1) decide how a joint lags. Eight rollouts show each joint
# all corners; the first four are a half fraction, in which every pair of levels meets.
CORNERS = np.array(
    [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
)


@dataclass(frozen=True, slots=True)
class Variation:
    """One other world. Arrays are (j,) by joint in bus order, or by object.

    Factors are relative to the belief. An encoder reads true position + ``offset``; a joint
    leans to where its command is ``play`` less.
    """

    gain: Array
    drag: Array  # factor of damping and dry friction
    latency: Array  # s
    offset: Array  # rad
    play: Array  # rad
    mass: Array  # factor, by object
    friction: float  # factor, of all surfaces
    objects: tuple[str, ...]
    place: float  # m, least that an object lies aside
    aside: Array  # (objects, 2) whereto in the table's plane, of length 1
    turn: float  # rad, least that an object is turned about the vertical
    turned: Array  # which way, 1 or -1, by object

    def start(self, start: StartState) -> StartState:
        """Return the start state in this world: its true joints, and its objects' places."""
        position = tuple((np.array(start.position) - self.offset).tolist())
        ways = {name: index for index, name in enumerate(self.objects)}
        objects = {
            name: self._moved(thing, ways[name]) if name in ways else thing
            for name, thing in start.objects.items()
        }
        return replace(start, position=position, objects=objects)

    def _moved(self, thing: ObjectBelief, index: int) -> ObjectBelief:
        """Return an object as it lies, or hangs, in this world."""
        if thing.held_pose is not None:
            return replace(thing, held_pose=_hung(thing.held_pose, self._along(thing, index)))
        return _laid(thing, self._shift(thing, index), self._turn(thing, index))

    def _along(self, thing: ObjectBelief, index: int) -> float:
        """Return by how much [m] what is held hangs aside along the fingers."""
        return float(self.aside[index, 0]) * max(self.place, SIGMAS * thing.sigma)

    def _turn(self, thing: ObjectBelief, index: int) -> float:
        """Return by how much [rad] an object is turned about the vertical."""
        unsure = min(SIGMAS * thing.turn_sigma, FARTHEST)
        return float(self.turned[index]) * max(self.turn, unsure)

    def _shift(self, thing: ObjectBelief, index: int) -> Array:
        """Return by how much [m] (2,) an object lies aside."""
        xx, xy, yy = thing.covariance
        way: Array = self.aside[index]
        unsure = math.sqrt(way @ np.array([[xx, xy], [xy, yy]]) @ way)
        return way * max(self.place, SIGMAS * unsure)

    def told(self, subject: str, start: StartState) -> str:
        """Return in words how this world differs, as far as it matters for a subject."""
        words = [
            f"surfaces have {self.friction:.0%} of the believed friction",
            f"servos between {self.gain.min():.0%} and {self.gain.max():.0%} of the stiffness",
            f"a lag of up to {self.latency.max() * 1000:.0f} ms",
        ]
        for index, name in enumerate(self.objects):
            if name in subject and name in start.objects:
                thing = start.objects[name]
                words.append(f"{name} {self._whereto(thing, index)}")
                if SIGMAS * thing.sigma > self.place:
                    words.append(f"as perception is unsure of it by {thing.sigma * 1000:.1f} mm")
                if SIGMAS * thing.turn_sigma > self.turn and thing.held_pose is None:
                    words.append(
                        f"as perception is unsure of its turn by {thing.turn_sigma:.3f} rad"
                    )
        return ", ".join(words)

    def _whereto(self, thing: ObjectBelief, index: int) -> str:
        """Return in words how an object lies, or hangs, in this world."""
        if thing.held_pose is not None:
            how = f"hangs {self._along(thing, index) * 1000:+.1f} mm aside along the fingers"
        else:
            (x, y), turn = self._shift(thing, index) * 1000, self._turn(thing, index)
            how = f"lies {x:+.1f} mm in x and {y:+.1f} mm in y aside, turned by {turn:+.2f} rad"
        return f"{how}, and has {self.mass[index]:.0%} of its mass"

    def model(self, cell: Cell, model: mujoco.MjModel, scene: Scene) -> mujoco.MjModel:
        """Return a model like ``model`` (a belief's), but of this world."""
        other: mujoco.MjModel = copy.copy(model)
        other.dof_damping[scene.joint_dofs] *= self.drag
        other.dof_frictionloss[scene.joint_dofs] *= self.drag
        other.geom_friction[:, 0] *= self.friction
        other.pair_friction[:, :2] *= self.friction  # of pairs that the file names
        bodies = [scene.bodies[name] for name in cell.objects]
        other.body_mass[bodies] *= self.mass
        other.body_inertia[bodies] *= self.mass[:, None]
        # Torque = gain * (command - play - (position + offset)).
        gain = model.actuator_gainprm[:, 0] * self.gain
        other.actuator_gainprm[:, 0] = gain
        other.actuator_biasprm[:, 0] = -gain * (self.offset + self.play)
        other.actuator_biasprm[:, 1] = -gain
        mujoco.mj_setConst(other, mujoco.MjData(other))  # what follows from masses
        return other


def variations(cell: Cell) -> list[Variation]:
    """Return the cell's other worlds, always the same."""
    rng = np.random.default_rng(SEED)
    believed = cell.check.spread
    count, joints, objects = believed.rollouts, len(cell.arm.all_joints), len(cell.objects)
    ends = partial(_signs, rng, count)
    corners = np.tile(np.resize(np.arange(len(CORNERS)), count), (joints, 1))
    gain, drag, latency = np.moveaxis(CORNERS[rng.permuted(corners, axis=1).T], -1, 0)
    levers = np.array([cell.arm.limits[name].lever for name in cell.arm.all_joints])
    offset, play = levers * (believed.encoder * ends(joints)), believed.backlash / 2 * ends(joints)
    mass, friction = 1 + believed.mass * ends(objects), 1 + believed.friction * ends(1)[:, 0]
    turned = ends(objects)
    aside = _all_round(rng, count, objects)
    return [
        Variation(
            gain=1 + believed.gain * (2.0 * gain[k] - 1),
            drag=1 + believed.drag * (2.0 * drag[k] - 1),
            latency=believed.latency * latency[k],
            offset=offset[k],
            play=levers * play[k],
            mass=mass[k],
            friction=float(friction[k]),
            objects=tuple(cell.objects),
            place=believed.place,
            aside=aside[k],
            turn=believed.turn,
            turned=turned[k],
        )
        for k in range(count)
    ]


def _signs(rng: np.random.Generator, count: int, things: int) -> Array:
    """Half of the rollouts at either end, for each thing in another order: (count, things)."""
    signs = np.tile(np.resize([-1.0, 1.0], count), (things, 1))
    return rng.permuted(signs, axis=1).T


def _all_round(rng: np.random.Generator, count: int, things: int) -> Array:
    """Directions of length one, evenly, for each thing in another order: (count, things, 2)."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    angle = rng.permuted(np.tile(angle, (things, 1)), axis=1).T
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _laid(thing: ObjectBelief, shift: Array, turn: float) -> ObjectBelief:
    """Return an object that lies a little aside, and turned."""
    x, y, z = thing.position
    quaternion = np.zeros(4)
    about_z = np.array([math.cos(turn / 2), 0.0, 0.0, math.sin(turn / 2)])
    mujoco.mju_mulQuat(quaternion, about_z, np.array(thing.quaternion))
    w, i, j, k = quaternion.tolist()
    return replace(
        thing, position=(x + float(shift[0]), y + float(shift[1]), z), quaternion=(w, i, j, k)
    )


def _hung(pose: tuple[float, ...], along: float) -> tuple[float, ...]:
    """Return a pose in the TCP's frame (+x opening) that is ``along`` [m] aside along the fingers.

    It lay upright when they took it from wherever: it could lie aside across the opening and
    its own vertical.
    """
    up = np.zeros(3)
    mujoco.mju_rotVecQuat(up, np.array([0.0, 0.0, 1.0]), np.array(pose[3:]))
    across = np.cross(np.array([1.0, 0.0, 0.0]), up)
    length = float(np.linalg.norm(across))
    # One that lay on a side, and is held by its ends, tells nothing: then across the approach.
    way = across / length if length > LEANS else np.array([0.0, 1.0, 0.0])
    place = np.array(pose[:3]) + along * way
    return (*place.tolist(), *pose[3:])
