"""Which objects were held when: an object that touches both fingers at once is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.check.contacts import TOUCH, Pair
from handrail_sim.coupling import fingers
from handrail_sim.world import Array

HELD = 0.15  # s of touching both fingers that make a grip
LOST = 0.08  # s without that end it: contacts flicker


@dataclass(frozen=True, slots=True)
class Grip:
    """One object's grips: ``held`` (rows,) says at which ticks it was held."""

    name: str
    held: NDArray[np.bool_]

    @property
    def ever(self) -> bool:
        """Whether it was held at all."""
        return bool(self.held.any())

    def ended(self) -> list[tuple[int, int]]:
        """Return first row and row after the last of every grip that ended."""
        return [(begin, end) for begin, end in runs(self.held) if end < len(self.held)]


class Fingers:
    """The bodies between which the gripper holds things, or none."""

    def __init__(self, cell: Cell, model: mujoco.MjModel) -> None:
        self.bodies: tuple[str, ...] = ()
        if cell.arm.gripper is not None:
            self.bodies = fingers(model, cell.arm.gripper)
        self._cell = cell

    def grips(self, pairs: Sequence[Pair], position: Array, rate: float) -> dict[str, Grip]:
        """Return the grips of every object over rows at ``rate`` [Hz].

        ``position`` (rows, j) [rad] is how they went. A closed jaw can push a thing with
        both fingers, but it does not hold it.
        """
        if self.bodies:
            ajar = position[:, len(self._cell.arm.joints)] > self._cell.arm.jaw_empty
        else:
            ajar = np.zeros(len(position), dtype=np.bool_)
        touching = {(pair.one, pair.other): pair for pair in pairs}
        return {
            name: Grip(name, self._held(touching, thing.body, ajar, rate))
            for name, thing in self._cell.objects.items()
        }

    def _held(
        self, pairs: Mapping[tuple[str, str], Pair], body: str, ajar: NDArray[np.bool_], rate: float
    ) -> NDArray[np.bool_]:
        both = ajar.copy()
        for finger in self.bodies:
            pair = pairs.get((finger, body)) or pairs.get((body, finger))
            touch = np.zeros_like(ajar)
            if pair is not None:
                touch[pair.rows[pair.distance < TOUCH]] = True
            both &= touch
        return _steady(both, round(HELD * rate), round(LOST * rate))


def _steady(touching: NDArray[np.bool_], least: int, gap: int) -> NDArray[np.bool_]:
    """Close gaps shorter than ``gap`` rows, then drop runs shorter than ``least``."""
    held = touching.copy()
    for start, end in runs(~touching):
        if start > 0 and end < len(held) and end - start < gap:
            held[start:end] = True
    for start, end in runs(held):
        if end - start < least and end < len(held):
            held[start:end] = False
    return held


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and end (exclusive) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(edges[i]), int(edges[i + 1])) for i in range(0, len(edges), 2)]
