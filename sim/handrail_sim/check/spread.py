"""The tube: how far joints and efforts may be from the rollout if the world is a little other.

The plan is rolled out again in other worlds (:mod:`handrail_sim.check.variations`). The hull of
what their joints would report, widened in time by the loop's own lateness, by how far they run on
while the bus is silent, by a margin and by the measuring noise, is the tube.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from handrail_sim.cell import Cell
from handrail_sim.check.rollout import Rollout, Stage
from handrail_sim.check.variations import Variation, variations
from handrail_sim.verdict import StartState
from handrail_sim.world import Array, Scene

GRIP = 0.1  # s about a grip in which a thing of another size would be gripped


@dataclass(frozen=True, slots=True)
class Tube:
    """Half-widths about a rollout: ``band`` [rad] and ``effort_band`` [N.m], both (rows, 6)."""

    band: Array
    effort_band: Array


class Spread:
    """Other worlds, made once, in which plans are rolled out again."""

    def __init__(self, cell: Cell, model: mujoco.MjModel, scene: Scene) -> None:
        self._believed = cell.check.spread
        self._rate = cell.loop.rate
        self._presses = cell.arm.hold_effort
        servos = [cell.arm.servo[name] for name in cell.arm.all_joints]
        # Where a joint sticks in its dry friction is its history's: the rollout's may be opposite.
        self._stick_effort = 2 * np.array([servo.friction for servo in servos])
        self._stiffness = np.array([servo.stiffness for servo in servos])
        self._stick = self._stick_effort / self._stiffness
        # A servo whose goal stands still goes the rest of the way to it like exp(-time / settling).
        settling = np.array([servo.damping for servo in servos]) / self._stiffness
        self._silence = cell.loop.silence
        self._ran = 1 - np.exp(-self._silence / np.maximum(settling, np.finfo(float).tiny))
        self._variations = variations(cell)
        self._stages = [
            Stage(cell, world.model(cell, model, scene), scene, world.latency)
            for world in self._variations
        ]

    def tube(self, start: StartState, hold: Array, lead: Array, run: Rollout) -> Tube | None:
        """Return the tube about a rollout ``run`` of ``hold + lead`` (rows, 6) from ``start``.

        None: one of the other worlds has no solution.
        """

        def again(stage: Stage, world: Variation) -> Rollout:
            return stage.run(world.start(start), hold + lead)

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:  # physics frees the GIL
            others = list(threads.map(again, self._stages, self._variations))
        if not all(other.finite for other in others):
            return None
        played = slice(1, len(hold) + 1)
        reports = [o.position + w.offset for o, w in zip(others, self._variations, strict=True)]
        efforts = [other.effort for other in others]
        ran_on = self._ran_on(lead)
        reach = self._reach(run.position, reports)[played] + ran_on
        effort_reach = self._reach(run.effort, efforts)[played] + self._stiffness * ran_on
        tube = self._about(reach, effort_reach)
        gripping = self._gripping([run.effort, *efforts])[played]
        tube.band[gripping, -1] = tube.effort_band[gripping, -1] = np.inf
        return tube

    def _about(self, reach: Array, effort_reach: Array) -> Tube:
        """Return the tube (rows, 6) about what reaches so far [rad], [N.m]."""
        believed = self._believed
        band = believed.margin * reach + believed.noise + self._stick
        effort_band = believed.margin * effort_reach + believed.effort_noise + self._stick_effort
        return Tube(
            np.maximum(band, believed.floor), np.maximum(effort_band, believed.effort_floor)
        )

    def _reach(self, middle: Array, others: Sequence[Array]) -> Array:
        """Return how far from ``middle`` (n, 6) the others are, a little earlier or later too."""
        rows = math.ceil(self._believed.lateness * self._rate)
        everything = np.stack([middle, *others])
        low = -_highest(-everything.min(axis=0), rows)
        high = _highest(everything.max(axis=0), rows)
        reach: Array = np.maximum(high - middle, middle - low)
        return reach

    def _ran_on(self, lead: Array) -> Array:
        """Return how far [rad] joints go on (rows, 6) while the loop bears a silent bus.

        The row is held and its setpoint stands: the joints go on to it by a part of ``lead``.
        """
        ran_on: Array = self._ran * _highest(np.abs(lead), math.ceil(self._silence * self._rate))
        return ran_on

    def _gripping(self, efforts: Sequence[Array]) -> Array:
        """Tell by row whether the jaw presses in any world: then its place is the thing's size."""
        pressing = np.abs(np.stack(efforts)[:, :, -1:]).max(axis=0) > self._presses
        gripping: Array = _highest(pressing, math.ceil(GRIP * self._rate))[:, 0]
        return gripping


def _highest(values: Array, rows: int) -> Array:
    """Return the maximum (n, 6) over as many rows before and after."""
    padded = np.pad(values, ((rows, rows), (0, 0)), mode="edge")
    highest: Array = sliding_window_view(padded, 2 * rows + 1, axis=0).max(axis=-1)
    return highest
