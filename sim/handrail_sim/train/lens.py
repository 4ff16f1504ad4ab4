"""What a camera does to a picture: blur, exposure, tint, dark corners, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from handrail_sim.train.labels import HEIGHT, WIDTH

Image = NDArray[np.uint8]
ROWS, COLUMNS = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
FROM_MIDDLE = ((ROWS**2 + COLUMNS**2) / 2).astype(np.float32)[:, :, None]  # 1 in the corners
CURVE = np.arange(256) / 255
cv2.setNumThreads(1)


def taken(image: Image, rng: np.random.Generator) -> Image:
    """Return a render (2 HEIGHT, 2 WIDTH, 3) as a camera would give it, (HEIGHT, WIDTH, 3)."""
    picture = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (3, 3), rng.uniform(0.3, 0.9))
    light = CURVE ** rng.uniform(0.8, 1.25) * rng.uniform(0.8, 1.15)
    light = light.astype(np.float32)[picture]
    light *= 1 + rng.normal(0.0, 0.05, 3).astype(np.float32)
    light *= 1 - rng.uniform(0.0, 0.3) * FROM_MIDDLE
    light += rng.normal(0.0, 0.03)
    light += rng.uniform(0.0, 0.03) * rng.standard_normal(light.shape, np.float32)
    seen = np.clip(light * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", seen, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))))
        seen = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return seen


def hull_area(points: NDArray[np.float64]) -> float:
    """Return the area of the convex hull of points (n, 2)."""
    return float(cv2.contourArea(cv2.convexHull(points.astype(np.float32))))
