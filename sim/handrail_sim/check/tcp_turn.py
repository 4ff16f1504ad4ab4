"""How the TCP is turned: by azimuth, tilt and twist [rad], or by its axes, columns of (3, 3).

+z is the approach, +x the opening direction. Twist is the angle about the approach from the
radial plane to the opening direction: unlike a yaw it is defined at every tilt.
"""

from __future__ import annotations

import math

import numpy as np

from handrail_sim.world import Array

TILTS = (-0.5, 1.8)  # rad that a step may ask for
UP = np.array([0.0, 0.0, 1.0])


def axes(azimuth: float, tilt: float, twist: float) -> Array:
    """Return the axes of a TCP that is turned so."""
    outward = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    approach = math.sin(tilt) * outward - math.cos(tilt) * UP
    radial = math.cos(tilt) * outward + math.sin(tilt) * UP
    opening = math.cos(twist) * radial + math.sin(twist) * _tangent(azimuth)
    return np.column_stack([opening, np.cross(approach, opening), approach])


def twist(turned: Array, azimuth: float) -> float:
    """Return the twist of a TCP with these axes, at an azimuth."""
    tangent = _tangent(azimuth)
    radial = np.cross(turned[:, 2], tangent)
    return math.atan2(float(turned[:, 0] @ tangent), float(turned[:, 0] @ radial))


def twist_for(yaw: float, azimuth: float, tilt: float) -> float:
    """Return the twist at which the opening direction, seen from above, has a yaw."""
    turn = yaw - azimuth
    return math.atan2(math.sin(turn), math.cos(turn) * math.cos(tilt))


def tilt_and_yaw(turned: Array, azimuth: float) -> tuple[float, float]:
    """Return what a step would ask for to have a TCP with these axes, at an azimuth."""
    radial = turned[0, 2] * math.cos(azimuth) + turned[1, 2] * math.sin(azimuth)
    tilt = min(TILTS[1], max(TILTS[0], math.atan2(radial, -turned[2, 2])))
    turn, lean = twist(turned, azimuth), math.cos(tilt)
    seen = math.atan2(math.sin(turn) * abs(lean), math.copysign(1.0, lean) * math.cos(turn))
    return tilt, math.remainder(azimuth + seen, 2 * math.pi)


def angle(one: Array, other: Array) -> float:
    """Return the angle between two directions of length one."""
    return math.acos(float(np.clip(one @ other, -1.0, 1.0)))


def _tangent(azimuth: float) -> Array:
    return np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
