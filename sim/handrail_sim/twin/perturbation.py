"""What a seed decides: where the cubes lie, and how the truth differs from the belief.

Nothing of the bridge may import this: the draw is hidden, so that a check that passes
has passed in a world that is not quite the one it knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from handrail_sim.camera import Camera
from handrail_sim.cell import Cell, SceneObject
from handrail_sim.twin.hand import add_hand
from handrail_sim.world import Array, load_spec

# Where every cube can be grasped, polar about the arm's first axis (metres, degrees from +x).
PAN_AXIS = (0.0388, 0.0)
RADIUS = (0.11, 0.28)
AZIMUTH = (12.0, 100.0)
SPACING = 0.050  # m between centres: the open jaw must pass between two cubes
OBSTACLE_AZIMUTH = 20.0  # deg to any obstacle: the arm must pass beside it

ASIDE = 0.004  # m, each way, of what begins at a place of its own

MASS = 0.20  # relative, each way, as are the next three
FRICTION = 0.20
GAIN = 0.10
DAMPING = 0.10
BACKLASH = math.radians(0.25)  # rad, at most
LATENCY = 0.008  # s, at most
JOINT_OFFSET = math.radians(0.25)  # rad, each way
CAMERA_SHIFT = 0.002  # m along each axis, each way
CAMERA_TURN = math.radians(0.25)  # rad about each axis, each way
IMAGE_NOISE = 4.0  # standard deviation of a colour value, of 255
SENSOR_NOISE = 1.0  # the same without any draw: no camera sends one picture twice


@dataclass(frozen=True, slots=True)
class ServoDraw:
    """How one servo differs from its data sheet.

    ``gain`` multiplies its stiffness, ``backlash`` is the whole play [rad], ``latency`` the age
    of the goal it follows [s], ``offset`` its encoder's error [rad]: measured = true + offset.
    """

    gain: float = 1.0
    backlash: float = 0.0
    latency: float = 0.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Draw:
    """The hidden difference between truth and belief. Factors are relative to the belief."""

    servos: dict[str, ServoDraw]
    mass: dict[str, float]  # by object
    pad_friction: float
    object_friction: float  # of objects and of what they lie on
    damping: dict[str, float]  # by joint: viscous and dry friction
    camera_shift: dict[str, tuple[float, float, float]]  # m, world frame
    camera_turn: dict[str, tuple[float, float, float]]  # rotation vector [rad], camera frame
    image_noise: float  # standard deviation, of 255


def draw(cell: Cell, seed: int, perturb: bool) -> Draw:
    """Draw the hidden difference of a seed; without ``perturb`` there is none."""
    rng = np.random.default_rng((seed, 1))
    scale = 1.0 if perturb and cell.world.perturbation else 0.0

    def spread(width: float) -> float:
        return scale * float(rng.uniform(-width, width))

    def vector(width: float) -> tuple[float, float, float]:
        return spread(width), spread(width), spread(width)

    def servo() -> ServoDraw:
        return ServoDraw(
            gain=1.0 + spread(GAIN),
            backlash=scale * float(rng.uniform(0.0, BACKLASH)),
            latency=scale * float(rng.uniform(0.0, LATENCY)),
            offset=spread(JOINT_OFFSET),
        )

    return Draw(
        servos={name: servo() for name in cell.arm.all_joints},
        mass={name: 1.0 + spread(MASS) for name in cell.objects},
        pad_friction=1.0 + spread(FRICTION),
        object_friction=1.0 + spread(FRICTION),
        damping={name: 1.0 + spread(DAMPING) for name in cell.arm.all_joints},
        camera_shift={name: vector(CAMERA_SHIFT) for name in cell.cameras},
        camera_turn={name: vector(CAMERA_TURN) for name in cell.cameras},
        image_noise=max(SENSOR_NOISE, scale * IMAGE_NOISE),
    )


def truth_model(cell: Cell, hidden: Draw) -> mujoco.MjModel:
    """Return the model of the truth: the belief's scene without servos, changed by the draw."""
    spec = load_spec(cell)
    for geom in spec.geoms:
        is_pad = geom.priority > 0
        geom.friction[0] *= hidden.pad_friction if is_pad else hidden.object_friction
    for name, thing in cell.objects.items():
        _set_mass(spec.body(thing.body), thing, hidden.mass[name])
    for name in cell.arm.all_joints:
        servo, joint = cell.arm.servo[name], spec.joint(name)
        joint.damping[0] = servo.damping * hidden.damping[name]
        joint.frictionloss = servo.friction * hidden.damping[name]
    for name, camera in cell.cameras.items():
        mounted = spec.camera(name)
        mounted.pos = np.add(camera.position, hidden.camera_shift[name])
        mounted.quat = _turned(camera, hidden.camera_turn[name])
    add_hand(spec)
    return spec.compile()


def layout(cell: Cell, seed: int) -> dict[str, tuple[float, float, float]]:
    """Return where a seed puts each object: x, y [m] of its centre and its yaw [rad].

    Objects lie in the zone where each can be grasped, apart from one another and from every
    obstacle's direction.
    """
    rng = np.random.default_rng((seed, 2))
    places: dict[str, tuple[float, float, float]] = {}
    while len(places) < len(cell.objects):
        name, thing = list(cell.objects.items())[len(places)]
        x, y = _point(rng) if thing.start is None else _about(thing.start, rng)
        if thing.start is None and not _clear_of_obstacles(cell, x, y):
            continue
        if any(math.dist((x, y), place[:2]) < SPACING for place in places.values()):
            continue
        places[name] = (x, y, float(rng.uniform(-math.pi, math.pi)))
    return places


def _about(start: tuple[float, float, float], rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.uniform(-ASIDE, ASIDE, 2) + start[:2]
    return float(x), float(y)


def _point(rng: np.random.Generator) -> tuple[float, float]:
    """A point of the zone, every square millimetre as likely as any other."""
    radius = math.sqrt(rng.uniform(RADIUS[0] ** 2, RADIUS[1] ** 2))
    azimuth = math.radians(rng.uniform(*AZIMUTH))
    return PAN_AXIS[0] + radius * math.cos(azimuth), PAN_AXIS[1] + radius * math.sin(azimuth)


def _azimuth(x: float, y: float) -> float:
    return math.degrees(math.atan2(y - PAN_AXIS[1], x - PAN_AXIS[0]))


def _clear_of_obstacles(cell: Cell, x: float, y: float) -> bool:
    there = _azimuth(x, y)
    return all(
        abs(there - _azimuth(*obstacle.center[:2])) >= OBSTACLE_AZIMUTH
        for obstacle in cell.obstacles.values()
    )


def _set_mass(body: mujoco.MjsBody, thing: SceneObject, factor: float) -> None:
    geoms = body.geoms
    for geom in geoms:
        geom.mass = thing.mass * factor / len(geoms)


def _turned(camera: Camera, turn: tuple[float, float, float]) -> Array:
    """The camera's quaternion after a small rotation in its own frame."""
    small, turned = np.zeros(4), np.zeros(4)
    angle = float(np.linalg.norm(turn))
    axis = np.array(turn) / angle if angle else np.array([0.0, 0.0, 1.0])
    mujoco.mju_axisAngle2Quat(small, axis, angle)
    mujoco.mju_mulQuat(turned, np.array(camera.quaternion), small)
    return turned
