"""Chooses the pictures of a board that say most of a lens: still, and each from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from handrail_drivers.errors import Refused

from handrail_bridge.calibration.seeing import View

FEWEST = 8  # views
ELSEWHERE = 0.06  # of the picture's width, by which corners have moved since any other view
STILL = 1.0  # px, from one picture to the next
COVERED = 0.6  # of the picture's width and height, that corners reach over


class Collector:
    """Takes what is seen in picture after picture, and keeps what is worth it."""

    def __init__(self, size: tuple[int, int]) -> None:
        """``size``: width, height [px] of the pictures."""
        self._size = size
        self._last: View | None = None
        self.views: list[View] = []

    def take(self, view: View | None) -> bool:
        """Return whether the view was kept: the board stood still, where no other view has it."""
        last, self._last = self._last, view
        if view is None or last is None or _moved(view, last) > STILL:
            return False
        near = ELSEWHERE * self._size[0]
        if any(_moved(view, other) < near for other in self.views):
            return False
        self.views.append(view)
        return True


def require_enough(views: Sequence[View], size: tuple[int, int]) -> None:
    """Refuse views that say too little of a lens.

    Raises:
        Refused: too few, or all in one part of the picture.
    """
    if len(views) < FEWEST:
        raise Refused(
            f"The board is seen in {len(views)} pictures; {FEWEST} are needed.",
            limit=FEWEST,
            hint="tilt and move it between pictures, and have all of it in the light",
        )
    pixels = np.concatenate([view.pixels for view in views])
    covered = (pixels.max(axis=0) - pixels.min(axis=0)) / np.array(size)
    if covered.min() < COVERED:
        way = ("width", "height")[int(covered.argmin())]
        raise Refused(
            f"The board was shown over {covered.min():.0%} of the picture's {way} alone.",
            limit=COVERED,
            hint="a lens bends most at the edges: show the board there, too",
        )


def _moved(one: View, other: View) -> float:
    """Return how far [px] the corners that both have moved on the average; without any: far."""
    both = sorted(set(one.numbers) & set(other.numbers))
    if not both:
        return float("inf")
    here = one.pixels[[one.numbers.index(number) for number in both]]
    there = other.pixels[[other.numbers.index(number) for number in both]]
    return float(np.linalg.norm(here - there, axis=1).mean())
