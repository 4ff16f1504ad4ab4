"""What OpenCV does for a calibration: it finds targets in pictures, fits lenses, draws errors.

Images are BGR, uint8, (height, width, 3). A pixel's middle is a whole number. A pose is a matrix
(4, 4) that takes points of one frame into another; a camera looks along +z, +y is down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from handrail_sim.camera import Lens
from numpy.typing import NDArray

from handrail_bridge.calibration.targets import SQUARE_CELLS, Board, Cells, Tag, Target
from handrail_bridge.vision.imaging import Image
from handrail_bridge.vision.pinhole import matrix_of

Array = NDArray[np.float64]
MARKERS = cv2.aruco.DICT_4X4_50
DOTS = 8  # px of a cell, where a target is drawn to read its cells off
FEWEST = 8  # corners of a board, for a view to count
CLEAR = 0.12  # of a square's edge, about each corner, that is free of markers however it is tilted
HALF = 0.5  # px: AprilTag's pixels have their middles there
LONGER = 30  # times as long as they are, errors are drawn
PEN = (0, 0, 255)


@dataclass(frozen=True, slots=True)
class View:
    """A target in one picture: points (n, 3) [m] of the target, and their pixels (n, 2)."""

    points: Array
    pixels: Array
    numbers: tuple[int, ...]  # of the points, in the target


@dataclass(frozen=True, slots=True)
class Fit:
    """A lens, and by how much [px] each view's pixels (n, 2) are off it."""

    lens: Lens
    off: tuple[Array, ...]

    @property
    def error(self) -> float:
        """Root mean square of the distances [px]."""
        return root_mean_square(self.off)


def cells(target: Target) -> Cells:
    """Return which cells of a target are dark, as its detector expects them."""
    if isinstance(target, Tag):
        size = DOTS * round(target.size / target.cell)
        drawn = cv2.aruco.generateImageMarker(_dictionary(), target.number, size)
    else:
        edge = DOTS * SQUARE_CELLS
        drawn = _charuco(target).generateImage((target.columns * edge, target.rows * edge))
    return np.asarray(drawn[DOTS // 2 :: DOTS, DOTS // 2 :: DOTS] < 128)


def seen(target: Target, image: Image) -> View | None:
    """Return the target in a picture; None where it is not seen, or too little of it."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return _tag(target, gray) if isinstance(target, Tag) else _board(target, gray)


def fitted(views: Sequence[View], size: tuple[int, int]) -> Fit:
    """Return the lens that views of a board fit best; ``size``: width, height [px].

    Zhang's method; k3 stays 0, since it follows the noise where few views reach the corners.
    """
    points = [view.points.astype(np.float32) for view in views]
    pixels = [view.pixels.astype(np.float32) for view in views]
    _, matrix, distortion, turns, shifts = cv2.calibrateCamera(
        points, pixels, size, None, None, flags=cv2.CALIB_FIX_K3
    )
    k1, k2, p1, p2, k3 = distortion.ravel()[:5].tolist()
    lens = Lens(
        focal=(float(matrix[0, 0]), float(matrix[1, 1])),
        center=(float(matrix[0, 2]), float(matrix[1, 2])),
        distortion=(k1, k2, p1, p2, k3),
    )
    off = [
        projected(view.points @ cv2.Rodrigues(turn)[0].T + shift.ravel(), lens) - view.pixels
        for view, turn, shift in zip(views, turns, shifts, strict=True)
    ]
    return Fit(lens, tuple(off))


def placed(view: View, lens: Lens) -> Array | None:
    """Return the pose of a target in the camera's frame; None where there is none."""
    square = len(view.points) == 4  # a tag: of its two poses the one that fits better
    how = cv2.SOLVEPNP_IPPE if square else cv2.SOLVEPNP_ITERATIVE
    distortion = np.array(lens.distortion)
    found, turn, shift = cv2.solvePnP(
        view.points, view.pixels, matrix_of(lens), distortion, flags=how
    )
    if not found:
        return None
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(turn)[0], shift.ravel()
    return pose


def projected(points: Array, lens: Lens) -> Array:
    """Return the pixels (n, 2) of points (n, 3) [m] in the camera's frame."""
    still = np.zeros(3)
    found, _ = cv2.projectPoints(points, still, still, matrix_of(lens), np.array(lens.distortion))
    pixels: Array = found.reshape(-1, 2)
    return pixels


def drawn(image: Image, pixels: Iterable[Array], off: Iterable[Array]) -> Image:
    """Return a picture with the errors at their places, :data:`LONGER` times as long."""
    marked = image.copy()
    for places, errors in zip(pixels, off, strict=True):
        for place, error in zip(places, errors, strict=True):
            start, end = np.round(place).astype(int), np.round(place + LONGER * error).astype(int)
            cv2.line(marked, start.tolist(), end.tolist(), PEN, 1, cv2.LINE_AA)
            cv2.circle(marked, start.tolist(), 2, PEN, 1, cv2.LINE_AA)
    text = f"errors, {LONGER} times as long"
    cv2.putText(marked, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, PEN, 1, cv2.LINE_AA)
    return marked


def root_mean_square(off: Iterable[Array]) -> float:
    """Return the root mean square [px] of the lengths of many errors (n, 2)."""
    return float(np.sqrt((np.concatenate(list(off)) ** 2).sum(axis=1).mean()))


def _board(board: Board, gray: Image) -> View | None:
    charuco = _charuco(board)
    pixels, numbers, _, _ = cv2.aruco.CharucoDetector(charuco).detectBoard(gray)
    if numbers is None or len(numbers) < FEWEST:
        return None
    chosen = numbers.ravel()
    points = np.asarray(charuco.getChessboardCorners(), float)[chosen]
    sharp = _sharpened(gray, pixels.reshape(-1, 2).astype(np.float32))
    return View(points, sharp, tuple(chosen.tolist()))


def _sharpened(gray: Image, corners: NDArray[np.float32]) -> Array:
    """Look again for corners (n, 2), in as much about each as has no marker in it."""
    apart = np.linalg.norm(corners[:, None] - corners, axis=2)
    nearest = float(np.median(np.sort(apart, axis=1)[:, 1]))
    reach = max(2, int(CLEAR * nearest))
    enough = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
    found = cv2.cornerSubPix(gray, corners.reshape(-1, 1, 2), (reach, reach), (-1, -1), enough)
    sharp: Array = found.reshape(-1, 2).astype(float)
    return sharp


def _tag(tag: Tag, gray: Image) -> View | None:
    rough = _corners(tag, gray, cv2.aruco.CORNER_REFINE_NONE)
    if rough is None:
        return None
    low, high = rough.min(axis=0), rough.max(axis=0)
    margin = (high - low).max() / 3
    left, top = (int(edge) for edge in np.maximum(low - margin, 0))
    right, bottom = (int(edge) for edge in high + margin)
    # By lines along the edges: what looks at the corners alone finds them too far in, by 1 % of
    # the edge, since blur rounds them. It takes 10 times as long, so not over the whole picture.
    near = np.ascontiguousarray(gray[top:bottom, left:right])
    exact = _corners(tag, near, cv2.aruco.CORNER_REFINE_APRILTAG)
    if exact is None:
        return None
    half = tag.size / 2
    points = np.array([(-half, half, 0), (half, half, 0), (half, -half, 0), (-half, -half, 0)])
    return View(points, exact - HALF + (left, top), (0, 1, 2, 3))


def _corners(tag: Tag, gray: Image, how: int) -> Array | None:
    """Return the tag's corners (4, 2) [px]."""
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = how
    corners, numbers, _ = cv2.aruco.ArucoDetector(_dictionary(), settings).detectMarkers(gray)
    if numbers is None or tag.number not in numbers.ravel():
        return None
    first = int(np.flatnonzero(numbers.ravel() == tag.number)[0])
    found: Array = corners[first].reshape(4, 2).astype(float)
    return found


def _dictionary() -> cv2.aruco.Dictionary:
    return cv2.aruco.getPredefinedDictionary(MARKERS)


def _charuco(board: Board) -> cv2.aruco.CharucoBoard:
    size = (board.columns, board.rows)
    return cv2.aruco.CharucoBoard(size, board.square, board.marker, _dictionary())
