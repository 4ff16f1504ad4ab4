"""How near to a watched zone what is seen may be: all it covers, at all heights it may have."""

from __future__ import annotations

import itertools
import math

import numpy as np
from handrail_drivers.decoder import Box as Edges
from handrail_drivers.decoder import Find
from handrail_drivers.reflex import Box
from handrail_sim.sight import Watch
from numpy.typing import NDArray

from handrail_bridge.vision.pinhole import Pinhole

Array = NDArray[np.float64]
CELL = 4.0  # px, edge of the parts in which a box is taken
CELLS = 32  # of them along a side at most; they grow instead
FAR = 1000.0  # m: no ray is followed farther
LEVEL = 1e-9  # rise of a ray that counts as one that sinks hardly at all


def distance(pinhole: Pinhole, find: Find, watch: Watch) -> float:
    """Return the least distance [m] from a zone at which what is seen may be; 0 inside.

    Exact for the pixels of an outline. A box is taken in cells, each by the ray through its middle;
    how far its corners are aside is subtracted: it may be told nearer by that, never farther. What
    is seen where nothing of the watch's heights can be is somewhere else than was said: 0.
    """
    rays = _through_outline(pinhole, find) if find.outline else _through_box(pinhole, find.box)
    near, far = _between(rays[:, :, 2], *(height - pinhole.position[2] for height in watch.heights))
    if np.isnan(near).any():
        return 0.0
    middle = rays.mean(axis=1)
    aside = np.linalg.norm(rays - middle[:, None], axis=2).max(axis=1)  # m for each of the view
    away = _to_box(pinhole.position, middle, near, far, watch.box)
    # What lies farther along the view than the zone and this is not what is nearest.
    deepest = _farthest(pinhole.position, watch.box) + float(away.min())
    return max(0.0, float((away - aside * np.minimum(far, deepest)).min()))


def _through_outline(pinhole: Pinhole, find: Find) -> Array:
    return pinhole.rays(np.array(find.outline) - 0.5)[:, None]


def _through_box(pinhole: Pinhole, box: Edges) -> Array:
    """Return the rays (cells, 4, 3) through the corners of the cells of a box."""
    left, top, right, bottom = box
    columns, rows = (_cells(low, high) for low, high in ((left, right), (top, bottom)))
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1) - 0.5
    rays = pinhole.rays(pixels.reshape(-1, 2)).reshape(*pixels.shape[:2], 3)
    corners = rays[:-1, :-1], rays[:-1, 1:], rays[1:, :-1], rays[1:, 1:]
    return np.stack(corners, axis=2).reshape(-1, 4, 3)


def _cells(low: float, high: float) -> Array:
    count = min(max(math.ceil((high - low) / CELL), 1), CELLS)
    return np.linspace(low, high, count + 1)


def _between(rise: Array, low: float, high: float) -> tuple[Array, Array]:
    """Return from where to where along the view [m] rays are between two heights above the camera.

    ``rise`` (n, k) of k rays about each of n cells; NaN where one of a cell's comes to none.
    """
    rise = np.where(np.abs(rise) < LEVEL, -LEVEL, rise)
    at = np.array((low, high))[:, None, None] / rise
    first, last = at.min(axis=0), at.max(axis=0)
    near, far = np.maximum(first, 0.0).min(axis=1), np.minimum(last, FAR).max(axis=1)
    far[(rise.min(axis=1) < 0) & (rise.max(axis=1) > 0)] = FAR  # a level ray is among the cell's
    near[((last <= 0) | (first > FAR)).any(axis=1)] = math.nan
    return near, far


def _to_box(origin: Array, rays: Array, near: Array, far: Array, box: Box) -> Array:
    """Return the distances (n,) [m] from a box, turned about z, of the parts of rays near to far.

    The squared distance along a line is convex and made of parabolas that meet where the line
    crosses a face's plane: its slope is straight between these, and is zero at the least.
    """
    (start, way), half = _seen_from(box, origin, rays), np.array(box[1]) / 2
    still = np.abs(way) < 1e-12
    slow = np.where(still, 1.0, way)
    crossed = np.concatenate([(half - start) / slow, (-half - start) / slow], axis=1)
    crossed[np.concatenate([still, still], axis=1)] = 0.0
    ends = np.stack([near, far], axis=1)
    marks = np.sort(np.hstack([ends, np.clip(crossed, ends[:, :1], ends[:, 1:])]), axis=1)
    slopes = (_outside(start + marks[:, :, None] * way[:, None], half) * way[:, None]).sum(axis=2)
    after = np.clip((slopes <= 0).sum(axis=1), 1, marks.shape[1] - 1)
    every = np.arange(len(marks))
    low, high = slopes[every, after - 1], slopes[every, after]
    share = np.clip(-low / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    least = marks[every, after - 1] + share * (marks[every, after] - marks[every, after - 1])
    away: Array = np.linalg.norm(_outside(start + least[:, None] * way, half), axis=1)
    return away


def _outside(points: Array, half: Array) -> Array:
    """Return by how much, with its sign, points (..., 3) are beyond a box about zero."""
    return points - np.clip(points, -half, half)


def _seen_from(box: Box, origin: Array, rays: Array) -> tuple[Array, Array]:
    """Return an origin (3,) and directions (n, 3) in a box's own frame."""
    center, _, yaw = box
    cosine, sine = math.cos(yaw), math.sin(yaw)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return (origin - center) @ turn, rays @ turn


def _farthest(origin: Array, box: Box) -> float:
    """Return how far [m] a box's farthest corner is."""
    (own, _), half = _seen_from(box, origin, np.zeros((1, 3))), np.array(box[1]) / 2
    return max(math.dist(own, half * sign) for sign in itertools.product((-1, 1), repeat=3))
