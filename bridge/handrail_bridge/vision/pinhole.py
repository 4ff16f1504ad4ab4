"""A calibrated camera: pixels to points of a level plane, and back."""

from __future__ import annotations

import math

import cv2
import numpy as np
from handrail_sim.camera import Camera, Lens
from numpy.typing import NDArray

Point = tuple[float, float, float]


class Pinhole:
    """A calibrated camera of the cell: pixels to points of a level plane, and back.

    A pixel's middle is a whole number. Where the cell has a lens, its distortion is taken out.
    ``position`` (3,) [m] is the camera's.
    """

    def __init__(self, camera: Camera) -> None:
        lens = camera.lens or plain_lens(camera)
        self._matrix, self._distortion = matrix_of(lens), np.array(lens.distortion)
        self._distorts = bool(self._distortion.any())
        self._middle = self._matrix[:2, 2].copy()
        self._focal = np.array([self._matrix[0, 0], self._matrix[1, 1]])
        self.position = np.array(camera.position)
        self._rotation = _matrix(camera.quaternion) * (1.0, -1.0, -1.0)  # z ahead, y down

    def rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the directions (n, 3) that pixels (n, 2) show, of length one along the view."""
        flat = (pixels - self._middle) / self._focal
        if self._distorts:
            distorted = np.ascontiguousarray(pixels, float).reshape(-1, 1, 2)
            flat = cv2.undistortPoints(distorted, self._matrix, self._distortion).reshape(-1, 2)
        rays: NDArray[np.float64] = flat @ self._rotation[:, :2].T + self._rotation[:, 2]
        return rays

    def on_plane(
        self, pixels: NDArray[np.float64], height: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return where rays through pixels (n, 2) meet z = height, one or (n,); (n, 3) [m]."""
        rays = self.rays(pixels)
        scale = (height - self.position[2]) / rays[:, 2]
        points: NDArray[np.float64] = self.position + rays * scale[:, None]
        return points

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels (n, 2) of points (n, 3) [m]."""
        local = (points - self.position) @ self._rotation
        still = np.zeros(3)
        found, _ = cv2.projectPoints(local, still, still, self._matrix, self._distortion)
        pixels: NDArray[np.float64] = found.reshape(-1, 2)
        return pixels

    def area(self, size: float, point: Point) -> float:
        """Return the area [px] of a level square of edge ``size`` [m] at a point."""
        distance = self.position[2] - point[2]
        return float(self._matrix[0, 0] * self._matrix[1, 1] * (size / distance) ** 2)


def plain_lens(camera: Camera) -> Lens:
    """Return the lens of a pinhole with the camera's field of view."""
    focal = camera.height / 2 / math.tan(math.radians(camera.fovy) / 2)
    middle = (camera.width / 2 - 0.5, camera.height / 2 - 0.5)
    return Lens(focal=(focal, focal), center=middle)


def matrix_of(lens: Lens) -> NDArray[np.float64]:
    """Return the camera matrix (3, 3) of a lens."""
    (across, down), (x, y) = lens.focal, lens.center
    return np.array([[across, 0.0, x], [0.0, down, y], [0.0, 0.0, 1.0]])


def _matrix(quaternion: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return the rotation matrix of a unit quaternion (w x y z)."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
