"""A motion round what stands in the way, from one place of the arm to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from handrail_drivers.plugins import planners

from handrail_sim.cell import Cell
from handrail_sim.way.planner import FindWay
from handrail_sim.way.smooth import Spline, motion
from handrail_sim.way.space import FreeSpace
from handrail_sim.world import Array, Scene

SPACINGS = (
    0.3,
    0.15,
    0.08,
    0.04,
)  # rad between control points: the next where a corner is cut too much
LOOK = 5  # rows between two that are looked at


class NoWay(Exception):
    """No way was found; the sentence's end says why."""


class Detours:
    """Finds motions for one cell's arm."""

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._space = FreeSpace(cell, scene)
        self._rate = cell.loop.rate
        self._find_way: FindWay = planners.one(cell.check.planner)
        limits = [cell.arm.limits[name] for name in cell.arm.joints]
        self._velocity = np.array([limit.velocity for limit in limits])
        self._acceleration = np.array([limit.acceleration for limit in limits])
        self._jerk = np.array([limit.jerk for limit in limits])

    def room(self, qpos: Array, held: Sequence[str], start: Array) -> Callable[[Array], bool]:
        """Return who tells whether the arm may stand at joints [rad], all else as in ``find``."""
        self._space.set(qpos, held)
        return partial(self._space.has_room, start)

    def find(
        self, qpos: Array, held: Sequence[str], start: Array, goal: Array, speed: float
    ) -> tuple[Array, Array]:
        """Return positions [rad] and velocities [rad/s] (rows, joints), a row every tick.

        Args:
            qpos: where everything stands (nq,).
            held: objects that move with the gripper.
            start: of the arm's joints [rad].
            goal: of the arm's joints [rad].
            speed: fraction of the velocity limits.

        Raises:
            NoWay: something stands at the goal, or no way was found.
        """
        self._space.set(qpos, held)
        if blocker := self._space.between(start, goal):
            raise NoWay(f"{blocker} would be in one another there")
        way = self._find_way(self._space, start, goal)
        if way is None:
            raise NoWay("no way round was found")
        limits = (self._velocity * speed, self._acceleration, self._jerk)
        for spacing in SPACINGS:
            positions, velocities = motion(Spline(way, spacing), limits, self._rate)
            if self._space.all_free(positions[::LOOK]):
                return positions, velocities
        raise NoWay("no way round was found that the arm can follow")
