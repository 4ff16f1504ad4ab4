"""The desk's model as one would run it by hand: OpenCV, onnxruntime, OpenCV, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

SIZE = (256, 192)  # px, of the model's picture
LABELS = 7
SCORE, OVERLAP, COVERED = 0.35, 0.45, 0.5
Found = tuple[list[tuple[int, float, list[float], list[float]]], int]


class BareOnnx:
    """One thread, as the cell's pipeline has."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )

    def infer(self, image: Any) -> Any:
        """Return the model's outputs for a picture (height, width, 3) BGR."""
        small = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
        colors = cv2.cvtColor(small, cv2.COLOR_BGR2RGB).astype(np.float32) / 255
        picture = np.ascontiguousarray(colors.transpose(2, 0, 1)[None])
        return self._session.run(["found", "cover"], {"image": picture})

    def look(self, image: Any) -> Found:
        """Return boxes (label, score, x y width height, keypoint), and how many parts are hands."""
        found, cover = self.infer(image)
        rows = found[0].T
        scores = rows[:, 4 : 4 + LABELS]
        best = scores.max(axis=1)
        likely = rows[best >= SCORE]
        corners = likely[:, :4].copy()
        corners[:, :2] -= corners[:, 2:] / 2
        kinds = likely[:, 4 : 4 + LABELS].argmax(axis=1)
        sure = best[best >= SCORE]
        kept = cv2.dnn.NMSBoxesBatched(corners.tolist(), sure, kinds, SCORE, OVERLAP)
        boxes = [
            (int(kinds[n]), float(sure[n]), corners[n].tolist(), likely[n, -2:].tolist())
            for n in kept
        ]
        hands, _ = cv2.connectedComponents((cover[0, 0] >= COVERED).astype(np.uint8))
        return boxes, hands - 1
