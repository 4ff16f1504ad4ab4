"""What the world itself says about a motion: when it ended and how far it still went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STILL = 0.02  # rad/s: slower than that, a joint stands
Q, QD = slice(2, 8), slice(8, 14)  # columns of the truth's history; 1 is monotonic time [s]

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standstill:
    """How a motion ended, counted from a moment of the wall clock."""

    seconds: float  # until every joint stood and stayed so; inf where one did not
    travel: float  # rad, of the joint that went farthest
    speed: float  # rad/s, of the fastest joint at that moment
    peak: float  # rad/s, of the fastest joint from then on


def standstill(history: Rows, since: float) -> Standstill:
    """Return how the motion ended after ``since`` [s, monotonic].

    Args:
        history: rows (n, 14) of the truth port, up to the end of the time to be judged.
        since: the moment of the fault.
    """
    rows = history[history[:, 1] >= since]
    speeds = np.abs(rows[:, QD]).max(axis=1)
    moving = speeds >= STILL
    last = int(np.flatnonzero(moving)[-1]) if moving.any() else -1
    stood = last + 1 < len(rows)
    return Standstill(
        seconds=float(rows[last + 1, 1] - since) if stood else np.inf,
        travel=float(np.ptp(rows[:, Q], axis=0).max()),
        speed=float(speeds[0]),
        peak=float(speeds.max()),
    )
