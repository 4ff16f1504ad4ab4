"""What is printed and shown to a camera: a board for its lens, a tag for its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SQUARE_CELLS, MARKER_CELLS = 10, 6  # of a board's square, of the marker in a white one
Rectangle = tuple[float, float, float, float]  # left, top, width, height [m]
Cells = NDArray[np.bool_]  # dark ones, rows from the top


@dataclass(frozen=True, slots=True)
class Board:
    """A ChArUco board: a chessboard with a marker in each white square. ``square``: edge [m]."""

    columns: int = 7
    rows: int = 5
    square: float = 0.03

    @property
    def marker(self) -> float:
        """Edge of a marker [m]."""
        return self.square * MARKER_CELLS / SQUARE_CELLS

    @property
    def cell(self) -> float:
        """Edge [m] of the smallest thing in it."""
        return self.square / SQUARE_CELLS


@dataclass(frozen=True, slots=True)
class Tag:
    """A single marker, ``size`` [m] with its dark rim; it needs a white margin of a cell."""

    size: float = 0.06
    number: int = 0

    @property
    def cell(self) -> float:
        """Edge [m] of the smallest thing in it."""
        return self.size / MARKER_CELLS


Target = Board | Tag


def dark(cells: Cells, cell: float) -> Iterator[Rectangle]:
    """Yield rectangles that cover the dark cells, each as large as it can be; from the top left."""
    left = cells.copy()
    rows, columns = cells.shape
    for row in range(rows):
        for column in range(columns):
            if not left[row, column]:
                continue
            wide = _run(np.asarray(left[row, column:]))
            high = _run(np.asarray(left[row:, column : column + wide].all(axis=1)))
            left[row : row + high, column : column + wide] = False
            yield column * cell, row * cell, wide * cell, high * cell


def _run(dark_ones: Cells) -> int:
    """Return how many are dark from the first on."""
    light = np.flatnonzero(~dark_ones)
    return int(light[0]) if len(light) else len(dark_ones)
