"""What is to be found in a picture of the desk, and how a picture is labelled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 256, 192  # px, of what the net is given
CUBES = ("red_cube", "green_cube", "blue_cube", "yellow_cube")
PLACES = ("red_bin", "blue_bin", "post")
STRANGERS = ("hand", "other")
NAMES = (*CUBES, *PLACES, *STRANGERS)
GROUPS = (CUBES, PLACES, STRANGERS)  # each has cells of its own: a cube may lie in a bin
STRIDE = 8  # px between two places of the net's grid


NOTHING, HAND, ARM = range(3)  # what a pixel of a layer shows


class Label(NamedTuple):
    """One thing: box and keypoint in px of the net's picture; pixel centres at .5."""

    name: int  # number in NAMES
    left: float
    top: float
    right: float
    bottom: float
    x: float  # keypoint: the thing's centre, as it projects
    y: float
    shown: float  # of it that is not hidden, 0 to 1
    cover: NDArray[np.float32] | None = None  # of each place of the grid, where that is what counts


def box_of(mask: NDArray[np.bool_]) -> tuple[float, float, float, float] | None:
    """Return the box (left, top, right, bottom) [px] of a mask; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
