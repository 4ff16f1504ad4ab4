"""The desk's model as one would run it by hand for this one cell: OpenCV, onnxruntime, OpenCV.

It gives what a pipeline gives of a picture (boxes, cubes' places and directions on the table, how
far a hand is from the middle of the zone), with everything about model and camera written into it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnxruntime

SIZE = (256, 192)  # px, of the model's picture
LABELS, CUBES = 7, 4
SCORE, OVERLAP, COVERED = 0.35, 0.45, 0.5
MIDDLE = (0.17, 0.0)  # m, of the zone


class Found(NamedTuple):
    """One thing: label, score, x y width height [px], place on the table [m], direction [rad]."""

    kind: int
    score: float
    box: list[float]
    place: tuple[float, float]
    turn: float


class BareOnnx:
    """One thread, as the cell's pipeline has. ``table``: homography from pixels to metres."""

    def __init__(self, path: Path, table: Any) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._table = table

    def look(self, image: Any) -> tuple[list[Found], float]:
        """Return what is found in a picture (height, width, 3) BGR, and a hand's distance [m]."""
        small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
        colors = cv2.cvtColor(small, cv2.COLOR_BGR2RGB).astype(np.float32) / 255
        picture = np.ascontiguousarray(colors.transpose(2, 0, 1)[None])
        found, cover = self._session.run(["found", "cover"], {"image": picture})
        scale = image.shape[1] / SIZE[0]
        return self._things(image, found[0].T, scale), self._hand(cover[0, 0], 8 * scale)

    def _things(self, image: Any, rows: Any, scale: float) -> list[Found]:
        scores = rows[:, 4 : 4 + LABELS]
        best = scores.max(axis=1)
        likely, sure = rows[best >= SCORE], best[best >= SCORE]
        if not len(likely):
            return []
        kinds = likely[:, 4 : 4 + LABELS].argmax(axis=1)
        corners = likely[:, :4] * scale
        corners[:, :2] -= corners[:, 2:] / 2
        kept = cv2.dnn.NMSBoxesBatched(corners.tolist(), sure, kinds, SCORE, OVERLAP)
        places = cv2.perspectiveTransform(likely[kept, None, -2:] * scale, self._table)[:, 0]
        return [
            Found(
                int(kinds[n]),
                float(sure[n]),
                corners[n].tolist(),
                tuple(place.tolist()),
                self._turn(image, corners[n]) if kinds[n] < CUBES else 0.0,
            )
            for n, place in zip(kept, places, strict=True)
        ]

    def _turn(self, image: Any, box: Any) -> float:
        """The direction of a cube's edge: the smallest rectangle about what is coloured."""
        left, top, wide, high = (max(0, int(edge)) for edge in box)
        patch = image[top : top + high, left : left + wide]
        colorful = cv2.cvtColor(patch, cv2.COLOR_BGR2HSV)[:, :, 1]
        _, mask = cv2.threshold(colorful, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        largest = max(contours, key=cv2.contourArea, default=None)
        return 0.0 if largest is None else math.radians(cv2.minAreaRect(largest)[2])

    def _hand(self, cover: Any, step: float) -> float:
        """How far on the table what covers three places or more is from the zone's middle [m]."""
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(
            (cover >= COVERED).astype(np.uint8)
        )
        large = np.flatnonzero(stats[1:count, cv2.CC_STAT_AREA] >= 3) + 1
        if not len(large):
            return math.inf
        rows, columns = np.nonzero(np.isin(numbers, large))
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32) * step
        places = cv2.perspectiveTransform(pixels[:, None], self._table)[:, 0]
        return float(np.linalg.norm(places - MIDDLE, axis=1).min())
