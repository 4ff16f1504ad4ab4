"""The motion planner of a G-code machine: straight blocks, looked ahead, one after the other. Pure.

Source: Grbl 1.1, grbl/planner.c: blocks end at no speed unless more follow; two that follow one
another are joined at the speed at which a rounded corner would keep within the acceleration.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = 15  # that it can hold, the one in motion included (config.h: BLOCK_BUFFER_SIZE - 1)
DEVIATION = 0.01  # mm, of a rounded corner ($11)
SAME = 1e-6  # mm
STRAIGHT, BACK = 0.999999, -0.999999  # cosines

Place = tuple[float, ...]


@dataclass(slots=True)
class Block:
    """A straight line. Speeds are in mm/s."""

    end: Place  # mm
    direction: Place
    left: float  # mm
    most: float  # on its way
    joint: float  # at most where it begins
    entry: float = 0.0  # where it begins


class Planner:
    """Where the motors are sent, in mm.

    Args:
        position: mm, by axis.
        acceleration: mm/s2, of every axis.
        rates: mm/s at most, by axis.
    """

    def __init__(self, position: Place, acceleration: float, rates: Sequence[float]) -> None:
        self.position = position
        self.speed = 0.0  # mm/s, along the path
        self.holds = False  # it slows down, and then forgets what waits
        self._acceleration = acceleration
        self._rates = rates
        self._blocks: deque[Block] = deque()

    @property
    def room(self) -> int:
        """Blocks that it would take."""
        return BLOCKS - len(self._blocks)

    @property
    def moves(self) -> bool:
        """Whether a block is in motion, or waits."""
        return bool(self._blocks)

    @property
    def end(self) -> Place:
        """Where the last block ends."""
        return self._blocks[-1].end if self._blocks else self.position

    def add(self, end: Place, speed: float) -> None:
        """Take a block to a place [mm], at a speed [mm/s] that the axes' own may bound."""
        way = [to - at for to, at in zip(end, self.end, strict=True)]
        length = math.hypot(*way)
        if length < SAME:
            return
        direction = tuple(part / length for part in way)
        pairs = zip(self._rates, direction, strict=True)
        most = min([speed, *(rate / abs(part) for rate, part in pairs if part)])
        self._blocks.append(Block(end, direction, length, most, self._joined(direction, most)))
        self._replan()

    def hold(self) -> None:
        """Slow down along the path; what is left of it is forgotten then."""
        self.holds = self.moves

    def forget(self) -> None:
        """Stand at once."""
        self._blocks.clear()
        self.speed, self.holds = 0.0, False

    def advance(self, duration: float) -> None:
        """Let so many seconds pass."""
        if not self._blocks:
            return
        block = self._blocks[0]
        change = self._acceleration * duration
        following = self._blocks[1].entry if len(self._blocks) > 1 else 0.0
        allowed = math.sqrt(following**2 + 2 * self._acceleration * block.left)
        aim = 0.0 if self.holds else min(block.most, allowed)
        self.speed += max(-change, min(change, aim - self.speed))
        self._go(self.speed * duration)
        if self.holds and self.speed <= 0:
            self.forget()

    def _go(self, way: float) -> None:
        """Move along the blocks by so many mm."""
        while self._blocks and way > 0:
            block = self._blocks[0]
            part = block.left if way >= block.left - SAME else way
            pairs = zip(self.position, block.direction, strict=True)
            self.position = tuple(at + part * towards for at, towards in pairs)
            block.left -= part
            way -= part
            if block.left <= SAME:
                self.position = block.end
                self._blocks.popleft()
        if not self._blocks:
            self.forget()

    def _joined(self, direction: Place, most: float) -> float:
        """Return the most speed at which a block may follow the last one."""
        if not self._blocks:
            return 0.0
        last = self._blocks[-1]
        cosine = sum(one * other for one, other in zip(last.direction, direction, strict=True))
        if cosine < BACK:
            return 0.0
        corner = math.inf
        if cosine < STRAIGHT:
            half = math.sqrt((1 - cosine) / 2)  # sine of half the turn
            apex = math.sqrt(1 - half**2)  # sine of half the angle between the lines
            corner = math.sqrt(self._acceleration * DEVIATION * apex / (1 - apex))
        return min(last.most, most, corner)

    def _replan(self) -> None:
        """Work out from the end at which speed each block begins, so that the last can end."""
        following = 0.0
        for block in reversed(self._blocks):
            can = math.sqrt(following**2 + 2 * self._acceleration * block.left)
            block.entry = following = min(block.joint, can)
