"""Somebody who reaches into the cell in mid-motion, and is gone once the arm stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from handrail_drivers.errors import HandrailError
from handrail_sim.cell import Cell
from handrail_sim.twin.truth_port import TruthClient

from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.pilot.sorting import Event

PALM, FINGERS = (0.20, 0.15, 0.08), -1.57  # m, and rad about z: from the left, over the cubes
MIDWAY = 0.3  # of a motion that the hand lets pass
AFTER = 2  # motions that it lets pass
POLL = 0.05  # s
LEAVES = 20.0  # s, longest until the eyes have seen that it is gone


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of a visit."""

    stopped: bool = False  # the arm, by what its eyes saw
    problem: str = ""

    @property
    def right(self) -> bool:
        """Whether all of it was as it should be."""
        return self.stopped and not self.problem


class Visitor:
    """Visits once. ``gone`` is set when nobody is in the cell, by what its eyes see."""

    def __init__(self, cell: Cell, truth: TruthClient, tell: Callable[[Event], None]) -> None:
        self._eyes = next(name for name, one in cell.perception.items() if one.watch)
        self._truth = truth
        self._tell = tell
        self.gone = asyncio.Event()
        self.gone.set()
        self.came_of_it = Visit()

    async def visit(self, rail: Client) -> None:
        """Wait for a motion, reach into it, wait until the arm stands, and leave."""
        try:
            await self._until_midway(rail)
            await self._reach_in(rail)
        except HandrailError as error:
            self.came_of_it = replace(self.came_of_it, problem=error.message)
            self._tell(Event("failed", error.message))
        finally:
            self.gone.set()  # who waits for it is not to wait for ever

    async def _reach_in(self, rail: Client) -> None:
        self.gone.clear()
        try:
            await asyncio.to_thread(self._truth.reach, *PALM, FINGERS)
            self._tell(Event("visitor", "a hand reaches into the cell"))
            state = await rail.state()
            while state.mode in (Mode.MOVING, Mode.STOPPING):
                await asyncio.sleep(POLL)
                state = await rail.state()
            seen = f"{self._eyes}.hand is seen" in state.reason
            self.came_of_it = Visit(stopped=state.mode == Mode.FAULT and seen)
            self._tell(Event("visitor", state.reason or "the motion ended before it was seen"))
        finally:
            await asyncio.to_thread(self._truth.withdraw)
            await rail.call(f"{self._eyes}_wait_for", label="hand", present=False, timeout=LEAVES)
            self._tell(Event("visitor", "the hand is gone"))

    async def _until_midway(self, rail: Client) -> None:
        seen: set[str] = set()
        while True:
            state = await rail.state()
            if state.mode == Mode.MOVING:
                seen.add(state.plan_digest)
                if len(seen) > AFTER and state.progress > MIDWAY:
                    return
            await asyncio.sleep(POLL)
