"""A bank of surfaces: grain, wood, tiles, cloth, specks, from noise alone."""

from __future__ import annotations

import mujoco
import numpy as np

from handrail_sim.world import Array

SIDE = 256  # px


def bank(rng: np.random.Generator, model: mujoco.MjModel) -> Array:
    """Return the model's texture data with every square texture of the bank filled in."""
    data = model.tex_data.copy()
    for number in range(model.ntex):
        if not model.texture(number).name.startswith("bank"):
            continue
        start = int(model.tex_adr[number])
        pixels = np.clip(_surface(rng) * 255, 0, 255).astype(np.uint8)
        data[start : start + pixels.size] = pixels.ravel()
    return data


def _surface(rng: np.random.Generator) -> Array:
    """One surface (SIDE, SIDE, 3) between 0 and 1."""
    kind = rng.integers(5)
    first, second = rng.uniform(0.25, 1.0, 3), rng.uniform(0.25, 1.0, 3)
    second = first + (second - first) * rng.uniform(0.1, 0.6)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    if kind == 0:  # marble, concrete
        share = _clouds(rng, (1, 1))
    elif kind == 1:  # wood
        share = 0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(2, 12) * y + 2 * _clouds(rng, (1, 8))))
    elif kind == 2:  # tiles, a chequered cloth
        count = rng.integers(2, 12)
        share = (np.floor(x * count) + np.floor(y * count)) % 2
    elif kind == 3:  # stripes
        share = (np.floor(x * rng.integers(3, 30)) % 2) * rng.uniform(0.3, 1)
    else:  # specks
        share = (rng.random((SIDE, SIDE)) < rng.uniform(0.01, 0.2)).astype(float)
    grain = rng.normal(0.0, rng.uniform(0.0, 0.05), (SIDE, SIDE, 1))
    return first + share[:, :, None] * (second - first) + grain


def _clouds(rng: np.random.Generator, stretch: tuple[int, int]) -> Array:
    """Smooth noise between 0 and 1, stretched along the columns."""
    total = np.zeros((SIDE, SIDE))
    for octave in range(1, 6):
        rows, columns = max(2, 2**octave // stretch[0]), max(2, 2**octave // stretch[1])
        coarse = rng.random((rows, columns))
        total += _enlarged(coarse) / 2**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def _enlarged(coarse: Array) -> Array:
    """Bilinear interpolation of a small grid to SIDE x SIDE."""
    rows, columns = (np.linspace(0, n - 1, SIDE) for n in coarse.shape)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = (rows - top)[:, None], (columns - left)[None]
    below, beside = (
        np.minimum(top + 1, coarse.shape[0] - 1),
        np.minimum(left + 1, coarse.shape[1] - 1),
    )
    upper = coarse[top][:, left] * (1 - right) + coarse[top][:, beside] * right
    lower = coarse[below][:, left] * (1 - right) + coarse[below][:, beside] * right
    return upper * (1 - down) + lower * down
