"""Shapes of things that are none of ours: pens, cans, mugs, tins, balls."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np

from handrail_sim.world import Array


def draw_shape(rng: np.random.Generator) -> tuple[int, Array, bool]:
    """Return shape and half sizes [m] of what is no cube of ours, and whether it lies along x."""
    kinds = mujoco.mjtGeom
    draw = rng.random()
    if draw < 0.3:  # pens, tools, cans
        kind = kinds.mjGEOM_CAPSULE if rng.random() < 0.5 else kinds.mjGEOM_CYLINDER
        return kind, np.array([_between(rng, 0.003, 0.020), _between(rng, 0.02, 0.10), 0.0]), True
    if draw < 0.5:  # mugs, jars
        return kinds.mjGEOM_CYLINDER, np.array([*(_between(rng, 0.01, 0.05, 2)), 0.0]), False
    if draw < 0.65:  # telephones, boxes, tins
        size = (*_between(rng, 0.02, 0.09, 2), _between(rng, 0.002, 0.02))
        return kinds.mjGEOM_BOX, np.array(size), False
    if draw < 0.85:
        kind = kinds.mjGEOM_SPHERE if rng.random() < 0.5 else kinds.mjGEOM_ELLIPSOID
        return kind, _between(rng, 0.008, 0.05, 3), False
    size = _between(rng, 0.008, 0.05, 3)
    if size[:2].max() < 1.5 * size[:2].min():
        size[rng.integers(2)] *= 1.7  # seen from above it is no square
    return kinds.mjGEOM_BOX, size, False


def _between(rng: np.random.Generator, low: float, high: float, count: int | None = None) -> Any:
    """Sizes as likely between 1 and 2 as between 2 and 4."""
    return np.exp(rng.uniform(math.log(low), math.log(high), count))


def height_of(kind: int, size: Array, lies: bool) -> float:
    """Return the height [m] of the middle of a shape that stands, or lies, on the table."""
    kinds = mujoco.mjtGeom
    if lies or kind == kinds.mjGEOM_SPHERE:
        return float(size[0])
    return float(size[1] if kind == kinds.mjGEOM_CYLINDER else size[2])
