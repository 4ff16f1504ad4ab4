"""How far a thing is from where it was, turns included."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import mujoco
import numpy as np

from handrail_sim.verdict import ObjectBelief
from handrail_sim.world import Array

CORNERS = np.array(list(product((-0.5, 0.5), repeat=3)))  # (8, 3)
Pose = Sequence[float] | Array  # x y z [m] qw qx qy qz


def aside(one: Pose, other: Pose, size: Sequence[float]) -> float:
    """Return how far [m] the farthest corner of a box is from any of where they were.

    A turn that brings a box onto itself is none: a cube looks the same from four sides.
    """
    here, there = _corners(one, size), _corners(other, size)
    return float(np.linalg.norm(here[:, None] - there, axis=-1).min(axis=1).max())


def pose(thing: ObjectBelief) -> tuple[float, ...]:
    """Return where an object is believed to be; in the gripper's frame where it is held."""
    return thing.held_pose or (*thing.position, *thing.quaternion)


def _corners(pose: Pose, size: Sequence[float]) -> Array:
    frame = np.empty(9)
    mujoco.mju_quat2Mat(frame, np.array(pose[3:], dtype=float))
    corners: Array = np.array(pose[:3]) + (CORNERS * size) @ frame.reshape(3, 3).T
    return corners
