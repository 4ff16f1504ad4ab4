"""Where a camera is, from pictures of a tag that the arm shows, or of one that it looks at.

Two poses are unknown: X, the camera's, and Y, the tag's. With A the arm's pose in each picture and
C the tag's in the camera's frame, X C = A Y. A closed form (Shah, J. Mech. Rob. 5, 2013) gives
both; the least squares of all reprojection errors then have the last word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from handrail_drivers.errors import Refused
from handrail_sim.camera import Lens
from numpy.typing import NDArray

from handrail_bridge.calibration.seeing import View, placed, projected, root_mean_square

Array = NDArray[np.float64]
FEWEST = 6  # shots
TURNED = math.radians(8.0)  # by which the tag has to be turned about a second axis
ROUNDS = 50  # of the least squares
DONE = 1e-10  # of the sum of squares, by which a round has to better it
STEP = 1e-6  # rad and m, of the derivatives


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture's view of the tag, and the TCP's pose (4, 4) in the world's frame."""

    view: View
    tcp: Array


@dataclass(frozen=True, slots=True)
class HandEye:
    """What was found. ``camera``: its pose in the world's frame; in the TCP's, where it is on it.

    ``tag``: its pose in the other frame. ``off``: by shot, errors (n, 2) [px]. ``spread``: standard
    deviations of the camera's pose, of its turn [rad] and its place [m].
    """

    camera: Array
    tag: Array
    off: tuple[Array, ...]
    spread: tuple[float, float]

    @property
    def error(self) -> float:
        """Root mean square of the distances [px]."""
        return root_mean_square(self.off)


def hand_eye(shots: Sequence[Shot], lens: Lens, on_arm: bool) -> HandEye:
    """Return where the camera is.

    Args:
        shots: six or more, in which the tag is turned about two axes at least.
        lens: the camera's.
        on_arm: the camera is on the arm and the tag in the cell; else the other way round.

    Raises:
        Refused: too few shots, or all turned about one axis.
    """
    arm = np.array([np.linalg.inv(shot.tcp) if on_arm else shot.tcp for shot in shots])
    _require_turned(arm)
    poses = [placed(shot.view, lens) for shot in shots]
    usable = [number for number, pose in enumerate(poses) if pose is not None]
    first = _closed_form(arm[usable], np.array([poses[number] for number in usable]))
    views = [shot.view for shot in shots]
    return _refined(first, arm, views, lens)


def _require_turned(arm: Array) -> None:
    if len(arm) < FEWEST:
        raise Refused(
            f"The tag is seen in {len(arm)} pictures; {FEWEST} are needed.",
            limit=FEWEST,
            hint="bring the arm to other poses in which the camera sees the tag",
        )
    turns = np.array([_axis_angle(pose[:3, :3] @ arm[0, :3, :3].T) for pose in arm[1:]])
    spread = float(np.linalg.svd(turns, compute_uv=False)[1]) / math.sqrt(len(turns))
    if spread < TURNED:
        raise Refused(
            "The arm turned about one axis alone: that leaves the camera's place open.",
            value=round(math.degrees(spread), 1),
            limit=round(math.degrees(TURNED), 1),
            unit="deg",
            hint="tilt the gripper in two directions between pictures",
        )


def _closed_form(arm: Array, tag: Array) -> tuple[Array, Array]:
    """Return X and Y of X C = A Y: turns by an SVD, then places by linear least squares."""
    total = sum(np.kron(c[:3, :3], a[:3, :3]) for a, c in zip(arm, tag, strict=True))
    left, _, right = np.linalg.svd(total)
    x, y = np.eye(4), np.eye(4)
    x[:3, :3] = _nearest_turn(left[:, 0].reshape(3, 3).T)
    y[:3, :3] = _nearest_turn(right[0].reshape(3, 3).T)
    rows = np.vstack([np.hstack([np.eye(3), -a[:3, :3]]) for a in arm])
    known = np.concatenate([a[:3, 3] - x[:3, :3] @ c[:3, 3] for a, c in zip(arm, tag, strict=True)])
    places = np.linalg.lstsq(rows, known, rcond=None)[0]
    x[:3, 3], y[:3, 3] = places[:3], places[3:]
    return x, y


def _refined(first: tuple[Array, Array], arm: Array, views: Sequence[View], lens: Lens) -> HandEye:
    """Levenberg-Marquardt over both poses, as small turns and shifts of the last ones."""
    x, y = first
    off = _off(x, y, arm, views, lens)
    damping = 1e-3
    slope = _slope(x, y, arm, views, lens)
    for _ in range(ROUNDS):
        normal = slope.T @ slope
        lifted = normal + damping * np.diag(normal.diagonal())
        change = np.asarray(-np.linalg.solve(lifted, slope.T @ off), float)
        tried = (_shifted(x, change[:6]), _shifted(y, change[6:]))
        new = _off(*tried, arm, views, lens)
        better = float(off @ off - new @ new)
        if better <= 0:
            damping *= 10
            continue
        (x, y), off, damping = tried, new, damping / 10
        if better < DONE * float(off @ off):
            break
        slope = _slope(x, y, arm, views, lens)
    ends = np.cumsum([len(view.pixels) for view in views])[:-1]
    variance = float(off @ off) / max(1, len(off) - 12)
    spread = np.sqrt(variance * np.linalg.inv(slope.T @ slope).diagonal()[:6])
    by_shot = tuple(np.split(off.reshape(-1, 2), ends))
    return HandEye(x, y, by_shot, (float(spread[:3].max()), float(spread[3:].max())))


def _off(x: Array, y: Array, arm: Array, views: Sequence[View], lens: Lens) -> Array:
    """Return by how much [px] the tag's corners are off where they should be seen; flat."""
    into = np.linalg.inv(x) @ arm @ y
    points = [view.points @ t[:3, :3].T + t[:3, 3] for view, t in zip(views, into, strict=True)]
    pixels = np.concatenate([view.pixels for view in views])
    return np.asarray((projected(np.concatenate(points), lens) - pixels).ravel(), float)


def _slope(x: Array, y: Array, arm: Array, views: Sequence[View], lens: Lens) -> Array:
    columns = []
    for number in range(12):
        change = np.zeros(12)
        change[number] = STEP
        up = _off(_shifted(x, change[:6]), _shifted(y, change[6:]), arm, views, lens)
        down = _off(_shifted(x, -change[:6]), _shifted(y, -change[6:]), arm, views, lens)
        columns.append((up - down) / (2 * STEP))
    return np.column_stack(columns)


def _shifted(pose: Array, change: Array) -> Array:
    """Return a pose turned by a vector [rad] about its own place, and shifted [m]."""
    moved = pose.copy()
    moved[:3, :3] = _turn(change[:3]) @ pose[:3, :3]
    moved[:3, 3] += change[3:]
    return moved


def _turn(vector: Array) -> Array:
    """Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Array = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turn


def _axis_angle(turn: Array) -> Array:
    """The vector (3,) [rad] of a rotation of less than half a turn."""
    angle = math.acos(min(1.0, max(-1.0, (float(np.trace(turn)) - 1) / 2)))
    lean = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    length = float(np.linalg.norm(lean))
    return lean * (angle / length if length > 1e-12 else 0.0)


def _nearest_turn(matrix: Array) -> Array:
    """The rotation nearest to a matrix, of either sign."""
    matrix = matrix * np.sign(np.linalg.det(matrix))
    left, _, right = np.linalg.svd(matrix)
    turn: Array = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return turn
