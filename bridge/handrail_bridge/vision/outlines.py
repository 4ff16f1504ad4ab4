"""What decoders ask of boxes, patches and masks."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handrail_bridge.vision.imaging import Image


def suppressed(
    boxes: NDArray[Any], scores: NDArray[Any], kinds: NDArray[Any], overlap: float
) -> list[int]:
    """Return which boxes, corners (n, 4), stay, best first.

    None overlaps a better one of its kind too much: by the area in both over that in any.
    """
    sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).tolist()
    kept = cv2.dnn.NMSBoxesBatched(sized, scores.tolist(), kinds.tolist(), 0.0, overlap)
    return [int(one) for one in kept]


def quarter_turn(image: Image, box: tuple[float, float, float, float]) -> float | None:
    """Return the direction of a square thing's edges in a box [rad], modulo a quarter turn.

    Gradients across all four edges agree once their angle is multiplied by four; noise does not.
    None where the box shows no edge.
    """
    left, top = (max(0, math.floor(edge) - 2) for edge in box[:2])
    right, bottom = (math.ceil(edge) + 2 for edge in box[2:])
    patch = cv2.GaussianBlur(image[top:bottom, left:right], (3, 3), 0).astype(np.float32)
    if min(patch.shape[:2]) < 5:
        return None
    across, down = (cv2.Scharr(patch, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
    squared = ((across + 1j * down)[1:-1, 1:-1]) ** 2
    total = complex((squared * squared / np.maximum(np.abs(squared), 1e-6)).sum())
    return None if total == 0 else math.atan2(total.imag, total.real) / 4


def islands(mask: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the rows and columns (n, 2) of each connected part of a mask, corners included."""
    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return [np.argwhere(numbers == number) for number in range(1, count)]


def within(part: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which places (n,) of a part (n, 2) have all four neighbours in it."""
    rows, columns = (part - part.min(axis=0) + 1).T
    mask = np.zeros((rows.max() + 2, columns.max() + 2), bool)
    mask[rows, columns] = True
    found: NDArray[np.bool_] = (
        mask[rows - 1, columns]
        & mask[rows + 1, columns]
        & mask[rows, columns - 1]
        & mask[rows, columns + 1]
    )
    return found
