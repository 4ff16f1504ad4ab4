"""The tube: how far joints and efforts may be from the rollout if the world is a little other.

The plan is rolled out again in other worlds (:mod:`handrail_sim.check.worlds`). The hull of
what their joints would report, widened in time by the loop's own lateness, by a margin and by the
noise that was measured on the standing arm, is the tube.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from handrail_sim.cell import Cell
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.variations import Variation
from handrail_sim.verdict import StartState
from handrail_sim.world import Array

COVER = 3.0  # standard deviations: one reading in 400 is farther out
GRIP = 0.1  # s about a grip in which a thing of another size would be gripped


@dataclass(frozen=True, slots=True)
class Tube:
    """Half-widths about a rollout: ``band`` [rad] and ``effort_band`` [N.m], both (rows, j)."""

    band: Array
    effort_band: Array


class Spread:
    """Tubes of one cell."""

    def __init__(self, cell: Cell) -> None:
        self._believed = cell.check.spread
        self._rate = cell.loop.rate
        self._presses = cell.arm.hold_effort
        self._jaws = [cell.arm.all_joints.index(name) for name in cell.arm.jaw]
        limits = [cell.arm.limits[name] for name in cell.arm.all_joints]
        floors = {"rad": self._believed.floor, "m": self._believed.slide_floor}
        self._floor = np.array([floors[limit.unit] for limit in limits])
        self._noise = self._believed.noise * np.array([limit.lever for limit in limits])
        servos = [cell.arm.servo[name] for name in cell.arm.all_joints]
        # Where a joint sticks in its dry friction is its history's: the rollout's may be opposite.
        self._stick_effort = 2 * np.array([servo.friction for servo in servos])
        self._stick = self._stick_effort / np.array([servo.stiffness for servo in servos])

    def tube(
        self,
        start: StartState,
        run: Rollout,
        others: Sequence[Rollout],
        worlds: Sequence[Variation],
    ) -> Tube:
        """Return the tube about a rollout from ``start``, given the same in other worlds."""
        reports = [o.position + w.offset for o, w in zip(others, worlds, strict=True)]
        efforts = [other.effort for other in others]
        believed = self._believed
        rest = self._stick + _allowance(start.noise, self._noise)
        effort_rest = self._stick_effort + _allowance(start.effort_noise, believed.effort_noise)
        band = self._hull(run.position, reports, rest, self._floor)
        effort_band = self._hull(run.effort, efforts, effort_rest, believed.effort_floor)
        for jaw in self._jaws:
            gripping = self._gripping([effort[:, jaw] for effort in (run.effort, *efforts)])
            band[gripping, jaw] = effort_band[gripping, jaw] = np.inf
        played = slice(1, run.setpoints + 1)
        return Tube(band[played], effort_band[played])

    def _hull(
        self, middle: Array, others: Sequence[Array], rest: Array, floor: Array | float
    ) -> Array:
        """Return how far from ``middle`` (n, j) the others are, a little earlier or later too."""
        rows = math.ceil(self._believed.lateness * self._rate)
        everything = np.stack([middle, *others])
        low = -_highest(-everything.min(axis=0), rows)
        high = _highest(everything.max(axis=0), rows)
        reach = np.maximum(high - middle, middle - low)
        hull: Array = np.maximum(self._believed.margin * reach + rest, floor)
        return hull

    def _gripping(self, efforts: Sequence[Array]) -> Array:
        """Tell by row whether the jaw presses in any world: then its place is the thing's size."""
        pressing = np.abs(np.stack(efforts)).max(axis=0) > self._presses
        gripping: Array = _highest(pressing[:, None], math.ceil(GRIP * self._rate))[:, 0]
        return gripping


def _allowance(scatter: Sequence[float], least: Array | float) -> Array:
    """Return by how much (j,), or (1,), readings may be off by noise alone."""
    off: Array = np.maximum(COVER * np.array(scatter or (0.0,)), least)
    return off


def _highest(values: Array, rows: int) -> Array:
    """Return the maximum (n, j) over as many rows before and after."""
    padded = np.pad(values, ((rows, rows), (0, 0)), mode="edge")
    highest: Array = sliding_window_view(padded, 2 * rows + 1, axis=0).max(axis=-1)
    return highest
