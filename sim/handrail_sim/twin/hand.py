"""The hand of somebody who reaches into the cell: it is seen, and nothing feels it."""

from __future__ import annotations

import math

import mujoco

BODY = "visitor"
AWAY = (0.0, 0.0, -5.0)  # m: out of every camera's sight
SKIN, SLEEVE = (0.85, 0.64, 0.50, 1.0), (0.20, 0.28, 0.42, 1.0)
FINGERS = 4

Point = tuple[float, float, float]


def add_hand(spec: mujoco.MjSpec) -> None:
    """Add a flat hand with forearm and sleeve to a world, away; +x is where the fingers point."""
    body = spec.worldbody.add_body(name=BODY, mocap=True, pos=AWAY)

    def limb(start: Point, end: Point, radius: float, color: tuple[float, ...] = SKIN) -> None:
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            fromto=(*start, *end),
            size=(radius, 0.0, 0.0),
            rgba=color,
            contype=0,
            conaffinity=0,
            mass=0.0,
        )

    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_ELLIPSOID,
        size=(0.054, 0.043, 0.016),
        rgba=SKIN,
        contype=0,
        conaffinity=0,
        mass=0.0,
    )
    for finger in range(FINGERS):
        across = finger - 1.5
        reach = 0.125 - 0.008 * abs(across)
        limb((0.04, 0.019 * across, 0.0), (reach, 0.026 * across, -0.006), 0.0085)
    limb((-0.02, 0.035, 0.0), (0.045, 0.075, -0.004), 0.0095)
    limb((-0.05, 0.0, 0.0), (-0.28, 0.0, 0.05), 0.026)
    limb((-0.16, 0.0, 0.025), (-0.42, 0.0, 0.08), 0.040, SLEEVE)


def place_hand(model: mujoco.MjModel, data: mujoco.MjData, position: Point, yaw: float) -> None:
    """Put the hand's palm at a place [m], its fingers to ``yaw`` [rad] about world z."""
    mocap = int(model.body_mocapid[model.body(BODY).id])
    data.mocap_pos[mocap] = position
    data.mocap_quat[mocap] = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
