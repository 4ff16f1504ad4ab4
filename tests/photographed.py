"""Pictures of a printed target as a lens would give them, with noise; no renderer."""

from __future__ import annotations

import math

import cv2
import numpy as np
from handrail_bridge.calibration import seeing
from handrail_sim.camera import Lens

SIZE = (640, 480)  # px
DOTS = 8  # px of a cell of the printed target: twice what a picture has of it
PAPER, INK, BEHIND = 215, 30, 120  # of 255
LENS = Lens(
    focal=(562.0, 564.5), center=(325.4, 236.1), distortion=(-0.18, 0.06, 0.0008, -0.0006, 0.0)
)


class Studio:
    """Takes pictures of one target through one lens."""

    def __init__(self, target, lens=LENS, seed=0):
        cells = np.pad(seeing.cells(target), 1)  # the white margin
        print_ = np.where(np.kron(cells, np.ones((DOTS, DOTS), bool)), INK, PAPER).astype(np.uint8)
        self._print = cv2.GaussianBlur(print_, (0, 0), 1.2)  # each pixel of a picture averages
        self._cell, self._shape = target.cell, cells.shape
        self._middle = is_centred(target)
        self._rng = np.random.default_rng(seed)
        x, y = np.meshgrid(np.arange(SIZE[0], dtype=float), np.arange(SIZE[1], dtype=float))
        pixels = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
        matrix, distortion = seeing.matrix_of(lens), np.array(lens.distortion)
        flat = cv2.undistortPoints(pixels, matrix, distortion).reshape(-1, 2)
        self._rays = np.column_stack([flat, np.ones(len(flat))])

    def picture(self, pose):
        """Return the target at a pose (4, 4) in the camera's frame, (480, 640, 3) BGR."""
        turn, shift = pose[:3, :3], pose[:3, 3]
        normal = turn[:, 2]
        points = self._rays * ((normal @ shift) / (self._rays @ normal))[:, None]
        local = (points - shift) @ turn
        across, down = self._in_print(local)
        gray = cv2.remap(
            self._print,
            across.reshape(SIZE[::-1]).astype(np.float32),
            down.reshape(SIZE[::-1]).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=BEHIND,
        ).astype(float)
        gray = cv2.GaussianBlur(gray, (0, 0), 0.6) + self._rng.normal(0, 3.0, gray.shape)
        image = np.clip(gray, 0, 255).astype(np.uint8)
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)

    def _in_print(self, local):
        """Return where on the print points of the target are [px]; a board's y is down."""
        dots = DOTS / self._cell
        if self._middle:  # a tag: its origin is its middle, y up
            half = np.array(self._shape[::-1]) * DOTS / 2
            return local[:, 0] * dots + half[0] - 0.5, half[1] - local[:, 1] * dots - 0.5
        return local[:, 0] * dots + DOTS - 0.5, local[:, 1] * dots + DOTS - 0.5


def is_centred(target):
    return not hasattr(target, "columns")


def turned(x, y, z):
    """A rotation (3, 3) by angles [rad] about x, then y, then z."""
    parts = []
    for axis, angle in enumerate((x, y, z)):
        vector = np.zeros(3)
        vector[axis] = angle
        parts.append(cv2.Rodrigues(vector)[0])
    return parts[2] @ parts[1] @ parts[0]


def posed(turn, shift):
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, shift
    return pose


def apart(one, other):
    """Return by how much two poses differ: m, and degrees."""
    turn = one[:3, :3].T @ other[:3, :3]
    angle = math.degrees(math.acos(min(1.0, (np.trace(turn) - 1) / 2)))
    return float(np.linalg.norm(one[:3, 3] - other[:3, 3])), angle
