"""What a held-out picture shows: surfaces, cubes, things that are none of them, and hands.

Put into a model before it is compiled; what moves is a mocap body, far away until it is placed.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np

KIND = mujoco.mjtGeom
FAR = (0.0, 0.0, -5.0)
HUES = {"red_cube": 0.0, "yellow_cube": 0.15, "green_cube": 0.36, "blue_cube": 0.63}
Color = tuple[float, ...]  # red, green, blue, opacity


def _hsv(hue: float, rng: np.random.Generator, low: float = 0.75) -> Color:
    tone = (hue + rng.uniform(-0.02, 0.02)) % 1.0
    return (*colorsys.hsv_to_rgb(tone, rng.uniform(low, 1.0), rng.uniform(0.55, 1.0)), 1.0)


def _add(
    body: mujoco.MjsBody, kind: int, size: tuple[float, ...], rgba: Color, **more: Any
) -> None:
    """Add a geom that touches nothing."""
    body.add_geom(type=kind, size=size, rgba=rgba, contype=0, conaffinity=0, **more)


# --- what everything lies on ------------------------------------------------------------------


def surfaces(spec: mujoco.MjSpec, rng: np.random.Generator) -> None:
    """Give the table, the post, the arm and the bins other surfaces."""
    _cover_table(spec, rng)
    hue = colorsys.hsv_to_rgb
    grey = np.clip(rng.uniform(0.25, 0.6) + rng.normal(0, 0.04, 3), 0, 1)
    spec.material("post").rgba = (*grey, 1)
    printed = hue(rng.uniform(0.08, 0.14), 0.9, rng.uniform(0.75, 1))
    spec.material("so101/printed").rgba = (*printed, 1)
    red = hue(rng.uniform(-0.02, 0.02) % 1, 0.8, rng.uniform(0.5, 0.75))
    spec.material("red_bin").rgba = (*red, 1)
    blue = hue(rng.uniform(0.61, 0.66), 0.8, rng.uniform(0.45, 0.7))
    spec.material("blue_bin").rgba = (*blue, 1)


def _cover_table(spec: mujoco.MjSpec, rng: np.random.Generator) -> None:
    builtin = mujoco.mjtBuiltin
    kinds = (builtin.mjBUILTIN_FLAT, builtin.mjBUILTIN_CHECKER, builtin.mjBUILTIN_GRADIENT)
    kind = kinds[rng.integers(3)]
    base = np.clip(rng.uniform(0.35, 0.95) + rng.normal(0, 0.05, 3), 0, 1)
    other = np.clip(base + rng.normal(0, 0.08, 3), 0, 1)
    spec.add_texture(
        name="top",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=kind,
        rgb1=base,
        rgb2=other,
        width=128,
        height=128,
        mark=mujoco.mjtMark.mjMARK_RANDOM,
        markrgb=other,
        random=rng.uniform(0, 0.1),
    )
    table = spec.material("table")
    table.rgba = (1, 1, 1, 1)
    table.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "top"
    table.texrepeat = rng.uniform(0.5, 6) * np.ones(2)


# --- what lies there --------------------------------------------------------------------------


def add_cubes(spec: mujoco.MjSpec, rng: np.random.Generator) -> list[tuple[str, str, float]]:
    """Add cubes; return body, name and half edge [m] of each."""
    cubes = []
    for number in range(rng.integers(1, 6)):
        name = list(HUES)[rng.integers(len(HUES))]
        half = 0.0125
        body = spec.worldbody.add_body(name=f"block{number}", mocap=True, pos=FAR)
        _add(body, KIND.mjGEOM_BOX, (half, half, half), _hsv(HUES[name], rng))
        cubes.append((body.name, name, half))
    return cubes


def add_thing(spec: mujoco.MjSpec, number: int, rng: np.random.Generator) -> tuple[str, float]:
    """Add something that is none of what is to be found; return its body and height [m]."""
    body = spec.worldbody.add_body(name=f"thing{number}", mocap=True, pos=FAR)
    color = (*rng.uniform(0.05, 0.95, 3), 1)
    made = (_pen, _mug, _coin, _screwdriver, _phone)[rng.integers(5)]
    return body.name, made(body, color, rng)


def _pen(body: mujoco.MjsBody, color: Color, rng: np.random.Generator) -> float:
    del rng
    _add(body, KIND.mjGEOM_CAPSULE, (0.005, 0, 0), color, fromto=(-0.06, 0, 0, 0.06, 0, 0))
    return 0.005


def _mug(body: mujoco.MjsBody, color: Color, rng: np.random.Generator) -> float:
    del rng
    _add(body, KIND.mjGEOM_CYLINDER, (0.035, 0.04, 0), color)
    _add(body, KIND.mjGEOM_CYLINDER, (0.029, 0.041, 0), (0.15, 0.1, 0.08, 1))
    return 0.04


def _coin(body: mujoco.MjsBody, color: Color, rng: np.random.Generator) -> float:
    _add(body, KIND.mjGEOM_CYLINDER, (rng.uniform(0.006, 0.013), 0.001, 0), color)
    return 0.001


def _screwdriver(body: mujoco.MjsBody, color: Color, rng: np.random.Generator) -> float:
    del rng
    handle, blade = (-0.09, 0, 0, 0, 0, 0), (0, 0, 0, 0.09, 0, 0)
    _add(body, KIND.mjGEOM_CYLINDER, (0.012, 0, 0), color, fromto=handle)
    _add(body, KIND.mjGEOM_CYLINDER, (0.003, 0, 0), (0.6, 0.6, 0.62, 1), fromto=blade)
    return 0.012


def _phone(body: mujoco.MjsBody, color: Color, rng: np.random.Generator) -> float:
    del rng
    _add(body, KIND.mjGEOM_BOX, (0.07, 0.035, 0.004), color)
    return 0.004


# --- who reaches in ---------------------------------------------------------------------------

Part = Callable[[int, tuple[float, ...], tuple[float, ...], Color], None]


def add_hand(spec: mujoco.MjSpec, rng: np.random.Generator) -> None:
    """Add a hand as a fist, pointing, flat or half closed, with an arm in a sleeve behind it."""
    tone = rng.uniform(0, 1)  # fair to dark, in one ramp
    fair, dark = np.array((0.95, 0.80, 0.70)), np.array((0.28, 0.18, 0.13))
    skin = (*np.clip((fair * (1 - tone) + dark * tone) * rng.uniform(0.9, 1.08), 0, 1), 1)
    scale = rng.uniform(0.85, 1.15)
    body = spec.worldbody.add_body(name="intruder", mocap=True, pos=FAR)

    def add(kind: int, half: tuple[float, ...], place: tuple[float, ...], rgba: Color) -> None:
        half, place = (tuple(scale * part for part in one) for one in (half, place))
        _add(body, kind, half, rgba, pos=place)

    add(KIND.mjGEOM_BOX, (0.042, 0.038, 0.012), (0, 0, 0), skin)
    add(KIND.mjGEOM_ELLIPSOID, (0.050, 0.042, 0.017), (0, 0, 0), skin)
    _add_fingers(add, skin, rng)
    side = 1 if rng.random() < 0.5 else -1
    add(KIND.mjGEOM_ELLIPSOID, (0.032, 0.011, 0.011), (0.015, side * 0.045, -0.004), skin)
    add(KIND.mjGEOM_ELLIPSOID, (0.14, 0.028, 0.024), (-0.15, 0, 0.02), skin)
    sleeve = (*rng.uniform(0.1, 0.9, 3), 1)
    behind = (-rng.uniform(0.16, 0.28), 0, 0.03)
    add(KIND.mjGEOM_ELLIPSOID, (0.12, 0.045, 0.042), behind, sleeve)


def _add_fingers(add: Part, skin: Color, rng: np.random.Generator) -> None:
    posture = rng.integers(4)  # fist, pointing, flat, half closed
    for finger in range(4):
        y = 0.019 * (finger - 1.5)
        straight = (
            posture == 2 or (posture == 1 and finger == 0) or (posture == 3 and rng.random() < 0.5)
        )
        if straight:
            place = (0.075, y * rng.uniform(1, 1.3), 0)
            add(KIND.mjGEOM_ELLIPSOID, (0.042, 0.0095, 0.0095), place, skin)
        else:
            add(KIND.mjGEOM_ELLIPSOID, (0.020, 0.010, 0.016), (0.045, y, -0.008), skin)
