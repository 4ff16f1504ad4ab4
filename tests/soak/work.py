"""Clients that keep a cell at work, each with a connection of its own."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState, Receipt
from handrail_drivers.errors import HandrailError, NotArmed, PermitRefused, Refused, StaleReading
from running_cell import RunningCell

PANS = (0.7, 1.2)  # rad, to and fro
CHECKS = 0.4  # s between two checks
PATIENCE = 10.0  # s without a heartbeat, on a machine that starves this process, too
LOOKS = 10  # one for so many plans
PICTURES = 5.0  # s between two pictures
# What a busy machine causes: answers that come late, a twin that lags behind its own path.
STARVED = {"stale_reading", "servo_silent", "process_lost", "tube_left"}
WATCHED = 20.0  # Hz
HIGH: dict[str, Any] = {"steps": [{"tool": "arm_home"}]}
LOW: dict[str, Any] = {
    "steps": [{"tool": "arm_move_to_pose", "position": [0.15, 0.15, -0.02]}]
}  # below the table


@dataclass
class Work:
    """What the clients of a cell did until ``over``."""

    cell: RunningCell
    over: asyncio.Event = field(default_factory=asyncio.Event)
    plans: int = 0
    checks: int = 0
    looks: int = 0
    pictures: int = 0
    busy: int = 0  # refusals because a plan was running
    stops: int = 0  # protective stops of a starved machine
    state: CellState | None = None

    async def move(self) -> None:
        """Turn the base to and fro by checked plans, and look for the objects now and then."""
        await self.cell.arm()
        async with self.cell.agent() as rail, rail.lease("soak", heartbeat=PATIENCE):
            for turn, pan in enumerate(cycle(PANS)):
                if self.over.is_set():
                    return
                if turn % LOOKS == 0:
                    await rail.call("look")
                    self.looks += 1
                await self._turn(rail, pan)

    async def watch(self) -> None:
        """Keep the newest state of the stream."""
        async with self.cell.agent() as rail, contextlib.aclosing(rail.watch(WATCHED)) as states:
            async for self.state in states:
                if self.over.is_set():
                    return

    async def check(self) -> None:
        """Check a plan that passes and one that does not, by turns."""
        async with self.cell.agent() as rail:
            for plan, passes in cycle(((HIGH, True), (LOW, False))):
                if await self._pause(CHECKS):
                    return
                try:
                    assert (await rail.check(plan)).verdict.passed == passes
                    self.checks += 1
                except Refused as refusal:
                    if "A plan is running" not in refusal.message:
                        raise
                    self.busy += 1
                except StaleReading:
                    assert self.state is not None
                    assert self.state.mode == Mode.FAULT

    async def photograph(self) -> None:
        """Take a picture now and then."""
        async with self.cell.agent() as rail:
            while not await self._pause(PICTURES):
                assert (await rail.grab("overhead")).image
                self.pictures += 1

    async def _turn(self, rail: Client, pan: float) -> None:
        step = {"tool": "arm_move_joints", "positions": {"shoulder_pan": pan}}
        ended: Receipt | HandrailError
        try:
            ended = await rail.run({"steps": [step]})
        except (NotArmed, PermitRefused, StaleReading) as error:
            ended = error
        if isinstance(ended, Receipt) and ended.completed:
            self.plans += 1
        else:
            await self._recover(rail, ended)

    async def _recover(self, rail: Client, ended: Receipt | HandrailError) -> None:
        """Arm again after a stop that protects the arm from a starved machine, no other."""
        state = await rail.state()
        assert state.mode == Mode.FAULT, ended
        assert state.fault_code in STARVED, ended
        print(f"protective stop: {state.reason}", flush=True)
        self.stops += 1
        await self.cell.arm()

    async def _pause(self, seconds: float) -> bool:
        """Wait, and return whether it is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)
        return self.over.is_set()
