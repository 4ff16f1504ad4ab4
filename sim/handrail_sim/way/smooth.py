"""From a way with corners to a motion within the limits of velocity, acceleration and jerk.

The corners are rounded by a uniform cubic B-spline q(u), whose derivatives its control points
bound, and u(t) is a jerk-limited profile of one variable. With D1, D2, D3 the bounds of q', q'',
q''' and V, A, J those of u's derivatives::

    velocity      D1 V                       <= v
    acceleration  D2 V^2 + D1 A              <= a     a half each
    jerk          D3 V^3 + 3 D2 V A + D1 J   <= j     a third each
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from handrail_drivers.errors import HandrailError
from ruckig import InputParameter, Result, Ruckig, Trajectory

from handrail_sim.world import Array

# Uniform cubic B-spline: rows are powers of u, columns the four control points about it.
BASIS = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6.0


class Spline:
    """A curve near to a way with corners, from its first position to its last."""

    def __init__(self, way: Sequence[Array], spacing: float) -> None:
        """Put control points ``spacing`` [rad] apart at most: the nearer, the sharper corners."""
        corners = np.array(way)
        along = np.concatenate([[0.0], np.abs(np.diff(corners, axis=0)).max(axis=1).cumsum()])
        places = np.linspace(0.0, along[-1], max(2, int(np.ceil(along[-1] / spacing)) + 1))
        points = np.array([np.interp(places, along, joint) for joint in corners.T]).T
        # Reflected ends: the curve goes through the first and the last point, straight there.
        before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
        self._points = np.array([before, *points, after])
        self.length = float(len(points) - 1)

    def at(self, u: Array) -> tuple[Array, Array]:
        """Return q and q' (n, joints) at parameters (n,) from 0 to ``length``."""
        piece = np.clip(np.floor(u).astype(int), 0, int(self.length) - 1)
        rest = (u - piece)[:, None]
        powers = rest ** np.arange(4)
        slopes = np.arange(4) * rest ** np.maximum(np.arange(4) - 1, 0)
        about = self._points[piece[:, None] + np.arange(4)]
        position: Array = np.einsum("ni,nij->nj", powers @ BASIS, about)
        slope: Array = np.einsum("ni,nij->nj", slopes @ BASIS, about)
        return position, slope

    def bounds(self) -> tuple[Array, Array, Array]:
        """Return how large q', q'' and q''' become at most, each (joints,)."""
        first, second, third = (
            np.abs(np.diff(self._points, order, axis=0)).max(axis=0) for order in (1, 2, 3)
        )
        return first, second, third


def motion(spline: Spline, limits: tuple[Array, Array, Array], rate: float) -> tuple[Array, Array]:
    """Return positions and velocities (rows, joints) along a spline, a row every tick.

    Args:
        spline: the curve.
        limits: velocity, acceleration and jerk, each (joints,).
        rate: Hz.
    """
    profile = _profile(spline, limits)
    times = np.arange(1, int(profile.duration * rate) + 1) / rate
    states = [profile.at_time(time) for time in times]
    u = np.array([position[0] for position, _, _ in states])
    pace = np.array([velocity[0] for _, velocity, _ in states])
    position, slope = spline.at(np.clip(u, 0.0, spline.length))
    return position, slope * pace[:, None]


def _profile(spline: Spline, limits: tuple[Array, Array, Array]) -> Trajectory:
    v, a, j = limits
    first, second, third = (np.maximum(bound, 1e-9) for bound in spline.bounds())
    fastest = np.minimum(v / first, np.sqrt(a / (2 * second)))
    top = float(np.minimum(fastest, np.cbrt(j / (3 * third))).min())
    gain = float(np.minimum(a / (2 * first), j / (9 * second * top)).min())
    wish = InputParameter(1)
    wish.current_position, wish.target_position = [0.0], [spline.length]
    wish.max_velocity, wish.max_acceleration = [top], [gain]
    wish.max_jerk = [float((j / (3 * first)).min())]
    profile = Trajectory(1)
    result = Ruckig(1).calculate(wish, profile)
    if result not in (Result.Working, Result.Finished):
        raise HandrailError(f"No profile leads along the way: {result}.")
    return profile
