"""Hands for training pictures: palm, fingers, thumb, forearm and sleeve, none twice the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from handrail_sim.world import Array

FINGERS = 4
PARTS = 2 * FINGERS + 2 + 4  # two phalanges each, a thumb of two, palm, heel, forearm, sleeve
PALM, HEEL, FOREARM, SLEEVE = range(PARTS - 4, PARTS)
SKINS = (  # RGB of fair to dark skin (Fitzpatrick I to VI), and of gloves
    *((0.96, 0.82, 0.73), (0.91, 0.73, 0.60), (0.80, 0.60, 0.45), (0.66, 0.46, 0.32)),
    *((0.46, 0.30, 0.20), (0.27, 0.17, 0.12)),
)
GLOVES = ((0.15, 0.35, 0.75), (0.08, 0.08, 0.09), (0.90, 0.90, 0.90), (0.85, 0.45, 0.10))
GLOVED = 0.2  # of all hands
CLENCHED = 2.6  # rad that the fingers of a fist are bent
ALIKE = 0.6  # of all hands bend their fingers alike; the others point, pinch, or count


@dataclass(frozen=True, slots=True)
class Part:
    """One geom of a hand, in the palm's frame: +x to the fingertips, +z the back of the hand."""

    kind: int  # mujoco.mjtGeom
    size: tuple[float, float, float]
    position: Array
    quaternion: Array
    color: Array


def draw_hand(rng: np.random.Generator) -> list[Part]:
    """Return the parts of a hand: sizes of a child's to a large man's, fingers bent at will."""
    scale = rng.uniform(0.75, 1.25)
    skin = _skin(rng)
    sleeve = rng.uniform(0.05, 0.95, 3)
    length, width, thick = scale * 0.095, scale * rng.uniform(0.036, 0.046), scale * 0.013
    parts = _fingers(rng, scale, length, width, skin) + _thumb(rng, scale, length, width, skin)
    round_palm = rng.random() < 0.5
    kind = mujoco.mjtGeom.mjGEOM_ELLIPSOID if round_palm else mujoco.mjtGeom.mjGEOM_BOX
    swell = 1.25 if round_palm else 1.0
    whole = np.array([1.0, 0.0, 0.0, 0.0])
    parts.append(
        Part(kind, (swell * length / 2, swell * width, swell * thick), np.zeros(3), whole, skin)
    )
    heel = np.array([-0.45 * length, 0.0, 0.0])
    parts.append(
        Part(
            mujoco.mjtGeom.mjGEOM_ELLIPSOID,
            (0.03 * scale, 0.8 * width, 1.2 * thick),
            heel,
            whole,
            skin,
        )
    )
    bend = rng.normal(0.0, 0.25)
    wrist, elbow = heel, heel - scale * 0.30 * np.array([math.cos(bend), math.sin(bend), -0.15])
    kinds = (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_ELLIPSOID)
    forearm, sleeved = (kinds[rng.integers(2)] for _ in range(2))
    parts.append(_limb(wrist, elbow, scale * rng.uniform(0.020, 0.030), skin, forearm))
    start = wrist + rng.uniform(0.05, 0.9) * (elbow - wrist)
    parts.append(_limb(start, elbow, scale * rng.uniform(0.033, 0.045), sleeve, sleeved))
    return parts


def _skin(rng: np.random.Generator) -> Array:
    palette = GLOVES if rng.random() < GLOVED else SKINS
    color = np.array(palette[rng.integers(len(palette))]) + rng.normal(0.0, 0.04, 3)
    return np.clip(color, 0.03, 1.0)


def _fingers(
    rng: np.random.Generator, scale: float, length: float, width: float, skin: Array
) -> list[Part]:
    curl = CLENCHED * rng.random(FINGERS) ** 1.5
    if rng.random() < ALIKE:
        curl[:] = curl[0]
    spread = rng.uniform(0.0, 0.25)
    parts = []
    for number in range(FINGERS):
        across = (number - 1.5) / 1.5
        root = np.array([length / 2, 0.75 * width * across, 0.0])
        bent = max(0.0, curl[number] + rng.normal(0.0, 0.15))
        reach = scale * 0.040 * (1.1 - 0.15 * abs(across))
        yaw = spread * across
        parts += _chain(root, yaw, bent / 2, reach, scale * 0.0085, skin)
    return parts


def _thumb(
    rng: np.random.Generator, scale: float, length: float, width: float, skin: Array
) -> list[Part]:
    side = -1.0 if rng.random() < 0.5 else 1.0
    root = np.array([-0.2 * length, side * 0.8 * width, 0.0])
    return _chain(root, side * rng.uniform(0.4, 1.2), 0.2, scale * 0.034, scale * 0.0095, skin)


def _chain(
    root: Array, yaw: float, bend: float, reach: float, radius: float, skin: Array
) -> list[Part]:
    """Two phalanges, each bent downwards against the one before."""
    parts = []
    for knuckle in (1, 2):
        pitch = bend * knuckle
        way = np.array(
            [math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), -math.sin(pitch)]
        )
        parts.append(_limb(root, root + reach * way, radius, skin))
        root = root + reach * way
    return parts


def _limb(
    start: Array,
    end: Array,
    radius: float,
    color: Array,
    kind: int = mujoco.mjtGeom.mjGEOM_CAPSULE,
) -> Part:
    quaternion = np.zeros(4)
    mujoco.mju_quatZ2Vec(quaternion, (end - start) / np.linalg.norm(end - start))
    half = float(np.linalg.norm(end - start)) / 2
    round_ = kind == mujoco.mjtGeom.mjGEOM_CAPSULE
    size = (radius, half, 0.0) if round_ else (radius, radius, 1.2 * half)
    return Part(kind, size, (start + end) / 2, quaternion, color)
