"""Coloured objects in a picture, found by their outlines. Images: BGR, uint8, (h, w, 3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from handrail_sim.camera import Camera
from handrail_sim.cell import SceneObject
from numpy.typing import NDArray

from handrail_bridge.vision.imaging import Image
from handrail_bridge.vision.pinhole import Pinhole, Point

DOMINANT = 1.7  # a colour's channels against the others'
BRIGHT = 50  # of 255: darker is shadow
SMALLEST, LARGEST = 0.6, 2.0  # of an object's expected area: less is half hidden, more is two
BGR = {"blue": (0,), "green": (1,), "red": (2,), "yellow": (1, 2)}


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in a picture: its centre [m] and yaw [rad] in the world's frame."""

    color: str
    position: Point
    yaw: float  # faces repeat each quarter turn: -pi/4 to pi/4
    covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)  # m2, xx xy yy; zeros: nobody says
    turn_sigma: float = 0.0  # rad, of the yaw; 0: nobody says


def find_objects(
    image: Image, camera: Camera, objects: Mapping[str, SceneObject]
) -> list[Detection]:
    """Return every object of a known colour in the camera's search area.

    A blob counts where its area fits an object of its colour; half-hidden ones do not.
    """
    pinhole = Pinhole(camera)
    smooth = cv2.GaussianBlur(image, (5, 5), 0)
    kinds = {thing.color: thing for thing in objects.values()}
    return [
        detection
        for color, thing in kinds.items()
        for detection in _blobs(smooth, color, thing, camera, pinhole)
    ]


def _blobs(
    image: Image, color: str, thing: SceneObject, camera: Camera, pinhole: Pinhole
) -> list[Detection]:
    height = thing.size[2] / 2
    mask = _colored(image, color) & _searched(image, camera, pinhole, height)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour in contours:
        area = float(cv2.contourArea(contour))
        pixels = _pixels_inside(contour, mask)
        if not len(pixels):
            continue
        x, y, _ = pinhole.on_plane(pixels, height).mean(axis=0).tolist()
        expected = pinhole.area(thing.size[0], (x, y, thing.size[2]))
        if SMALLEST * expected < area < LARGEST * expected:
            yaw = _yaw(contour, pinhole, thing.size[2])
            found.append(Detection(color, (x, y, height), yaw))
    return found


def _colored(image: Image, color: str) -> Image:
    """Return 255 where a colour's channels outshine the others."""
    channels = image.astype(np.int16)
    mine = channels[:, :, list(BGR[color])].min(axis=2)
    others = [index for index in range(3) if index not in BGR[color]]
    rest = channels[:, :, others].max(axis=2)
    hits = (mine > DOMINANT * rest) & (mine > BRIGHT)
    mask: Image = hits.astype(np.uint8) * 255
    return mask


def _searched(image: Image, camera: Camera, pinhole: Pinhole, height: float) -> Image:
    """Return 255 where the ray meets the search area."""
    x_min, x_max, y_min, y_max = camera.search
    corners = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)]
    outline = pinhole.pixels(np.array([(x, y, height) for x, y in corners]))
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 255)
    return mask


def _pixels_inside(contour: Any, mask: Image) -> NDArray[np.float64]:
    filled = np.zeros_like(mask)
    cv2.drawContours(filled, [contour], -1, 255, cv2.FILLED)
    rows, columns = np.nonzero(filled & mask)
    return np.column_stack([columns, rows]).astype(float)


def _yaw(contour: Any, pinhole: Pinhole, height: float) -> float:
    """Return the direction of the smallest rectangle's edge, within a quarter turn."""
    corners = cv2.boxPoints(cv2.minAreaRect(contour)).astype(float)
    edges = np.diff(pinhole.on_plane(corners, height)[:, :2], axis=0)
    longest = edges[int(np.argmax(np.linalg.norm(edges, axis=1)))]
    angle = math.atan2(longest[1], longest[0])
    return math.remainder(angle, math.pi / 2)
