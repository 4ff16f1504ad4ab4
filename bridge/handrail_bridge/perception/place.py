"""From pixels to the world: on a plane or by depth, with covariance, and how near to a zone."""

from __future__ import annotations

import math

import numpy as np
from handrail_drivers.decoder import Box as Edges
from handrail_drivers.decoder import Find
from handrail_drivers.reflex import Box
from handrail_sim.camera import Camera
from handrail_sim.sight import Place, Watch
from numpy.typing import NDArray

from handrail_bridge.vision import Pinhole

Array = NDArray[np.float64]
GRID = 4  # points each way over a box that stands for what is in it
LEVELS = 3  # heights at which a thing may be, lowest and highest included
ARROW = 4.0  # px along an edge, of which the direction in the world is taken


class Placing:
    """Gives finds of one camera, in its own pixels, a place in the world."""

    def __init__(self, camera: Camera, place: Place) -> None:
        self._pinhole = Pinhole(camera)
        self._place = place

    def position(self, find: Find, depth: NDArray[np.float32] | None) -> Array:
        """Return where a find is (3,) [m]: its first keypoint, else the middle of its box."""
        spot = _middle(find)
        if self._place.by == "depth" and depth is not None:
            return self._pinhole.at_depth(spot, _depth_at(depth, spot))
        point: Array = self._pinhole.on_plane(spot[None], self._height(find))[0]
        return point

    def yaw(self, find: Find) -> float | None:
        """Return the direction of its edge in the world [rad], within a turn by its fold."""
        if find.turn is None:
            return None
        spot = _middle(find)
        ahead = spot + ARROW * np.array([math.cos(find.turn), math.sin(find.turn)])
        start, end = self._pinhole.on_plane(np.stack([spot, ahead]), self._height(find))
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        return math.remainder(angle, 2 * math.pi / find.fold)

    def covariance(self, find: Find) -> Array:
        """Return the covariance of its position (3, 3) [m2]: the pixels' and the camera's."""
        spot, sigma = _middle(find), self._place.sigma
        around = spot + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        here, right, down = self._pinhole.on_plane(around, self._height(find))
        jacobian = np.column_stack([right - here, down - here]) * sigma
        hung: Array = np.eye(3) * self._place.camera_sigma**2
        return jacobian @ jacobian.T + hung

    def distance(self, find: Find, watch: Watch) -> float:
        """Return the least distance [m] from a zone at which what is seen may be; 0 inside."""
        pixels = np.array(find.outline) if find.outline else _grid(find.box)
        heights = np.linspace(*watch.heights, LEVELS)
        points = np.concatenate([self._pinhole.on_plane(pixels, level) for level in heights])
        return float(_to_box(points, watch.box).min())

    def _height(self, find: Find) -> float:
        return self._place.heights.get(find.label, 0.0)


def _middle(find: Find) -> Array:
    """The pixel that stands for a find; a pixel's centre is a whole number, as a pinhole has it."""
    if find.points:
        return np.array(find.points[0][:2]) - 0.5
    left, top, right, bottom = find.box
    return np.array([left + right, top + bottom]) / 2 - 0.5


def _grid(box: Edges) -> Array:
    left, top, right, bottom = box
    x, y = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
    return np.column_stack([x.ravel(), y.ravel()]) - 0.5


def _depth_at(depth: NDArray[np.float32], spot: Array) -> float:
    rows, columns = depth.shape
    row = min(max(int(spot[1] + 0.5), 0), rows - 1)
    column = min(max(int(spot[0] + 0.5), 0), columns - 1)
    return float(depth[row, column])


def _to_box(points: Array, box: Box) -> Array:
    """Distances (n,) of points (n, 3) to a box that is turned about z."""
    center, size, yaw = box
    away = points - np.array(center)
    cosine, sine = math.cos(yaw), math.sin(yaw)
    own = away @ np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    outside = np.maximum(np.abs(own) - np.array(size) / 2, 0.0)
    distances: Array = np.linalg.norm(outside, axis=1)
    return distances
