"""A weighing scale behind Modbus: a load cell that settles and has noise. Pure, no I/O.

Its registers are our own (docs/modbus.md), in the manner of weighing transmitters for bins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from handrail_drivers.emulator import Place, StandIn, StandInSettings, World
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.unit import ILLEGAL_ADDRESS, Refusal
from pydantic import Field

GRAVITY = 9.81  # m/s2: scales are set up where they stand
STEP = 0.0001  # kg of a register's 1
SETTLING = 0.08  # s, of the load cell's filter
NOISE = 0.00015  # kg, standard deviation
CAPACITY = 2.0  # kg
STILL = 0.0008  # kg within which the newest readings lie where it stands still
REMEMBERED = 15  # readings that are compared: 0.3 s
DRIFT = 0.004  # kg, most that an empty one shows after power-up
STABLE, OVERLOAD, TARED = 1, 2, 4  # bits of the status
TARE = 0  # the coil


class ScaleSettings(StandInSettings):
    """A weighing scale under a body of the world; its registers: docs/modbus.md."""

    body: str = Field(description="of the world: the scale weighs what presses on it")


class Scale(StandIn):
    """One scale. ``draws`` decide its noise and what it shows when it is empty."""

    Settings: ClassVar[type[ScaleSettings]] = ScaleSettings
    line: ClassVar[str] = "modbus"
    identity = ("Handrail", "bin scale", "1.0")

    def __init__(self, draws: np.random.Generator, body: str = "") -> None:
        self.bodies = (body,) if body else ()
        self._draws = draws
        self._drift = float(draws.uniform(-DRIFT, DRIFT))
        self._tare = 0.0  # kg
        self._tared = False
        self._filtered = 0.0  # kg
        self._recent: deque[float] = deque([0.0], REMEMBERED)
        self._count = 0

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the scale of one device."""
        return cls(np.random.default_rng(place.seed), place.twin.body)

    def feel(self, world: World, duration: float) -> None:
        """Weigh what lies on its body."""
        self.weigh(sum(map(world.load, self.bodies)), duration)

    def weigh(self, force: float, duration: float) -> None:
        """Take the force [N] that presses on it, for the last so many seconds."""
        share = duration / (SETTLING + duration)
        self._filtered += share * (force / GRAVITY - self._filtered)
        shown = self._filtered + self._drift + float(self._draws.normal(0.0, NOISE))
        self._recent.append(min(shown, CAPACITY))
        self._count = self._count + 1 & 0xFFFF

    def power_cycle(self) -> None:
        """Forget the tare, as after a failure of power."""
        self._tare, self._tared = 0.0, False
        self._count = 0

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """Return cells (see :class:`~handrail_drivers.modbus.unit.Unit`)."""
        if table is Table.COIL:
            return _cut([int(self._tared)], address, count)
        if table is Table.HOLDING:
            gross = self._recent[-1]
            cells = [*_words(gross - self._tare), *_words(gross), self._status(), self._count]
            return _cut(cells, address, count)
        raise Refusal(ILLEGAL_ADDRESS)

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """Tare, or take the tare back, by the one coil."""
        if table is not Table.COIL or address != TARE or len(values) != 1:
            raise Refusal(ILLEGAL_ADDRESS)
        self._tared = bool(values[0])
        self._tare = sum(self._recent) / len(self._recent) if self._tared else 0.0

    def _status(self) -> int:
        full = len(self._recent) == REMEMBERED
        still = full and max(self._recent) - min(self._recent) < STILL
        over = self._recent[-1] >= CAPACITY
        return STABLE * still | OVERLOAD * over | TARED * self._tared


def _words(mass: float) -> tuple[int, int]:
    raw = round(mass / STEP) & 0xFFFFFFFF
    return raw >> 16, raw & 0xFFFF


def _cut(cells: Sequence[int], address: int, count: int) -> Sequence[int]:
    if address + count > len(cells):
        raise Refusal(ILLEGAL_ADDRESS)
    return cells[address : address + count]
