"""A rail in this process: the desk's real check, a loop in virtual time, the log in a folder."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import LoopState
from handrail_bridge.rail.audit import NAME
from handrail_bridge.rail.leases import Wish
from handrail_bridge.rail.rail import Rail
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.rail.requests import parse_plan
from handrail_bridge.reports import Receipt
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.verdict import StartState, Verdict
from loop_rig import PlainBus, Rig

NUDGE = '{"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.1}}]}'


class Loop:
    """A loop that stands, and takes whatever is played.

    ``asked`` are the operator's acts that it was asked for; it answers once ``answers`` is set.
    """

    devices = ("arm_bus",)

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.aborted: list[int] = []
        self.begun: list[int] = []
        self.ended = 0  # the last motion that has come to its end
        self.meanwhile: Callable[[], None] = lambda: None  # called while it takes a motion
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.scatter = 0.0  # rad, of the first joint's readings
        self._draw = random.Random(0)

    def state(self) -> LoopState:
        state, now = self._rig.state, time.monotonic_ns()
        position = (self._draw.gauss(state.position[0], self.scatter), *state.position[1:])
        told = {"ended_motion_id": self.ended, "ended_completed": bool(self.ended)}
        return state._replace(time_ns=now, alive_ns=now, position=position, **told)

    def fired(self, _: LoopState) -> tuple[str, ...]:
        return ()

    def moved_by(self, _: object) -> tuple[str, ...]:
        return ("arm_bus",)

    async def arm(self, hold: Any) -> None:
        self.armed = hold
        await self._act("arm")

    async def disarm(self) -> None:
        await self._act("disarm")

    async def reset(self) -> None:
        await self._act("reset")

    async def remove_torque(self) -> None:
        await self._act("remove_torque")

    async def _act(self, what: str) -> None:
        self.asked.append(what)
        await self.answers.wait()

    async def play(self, _: object, number: int, token: int, good: Callable[[], None]) -> None:
        """Accept it."""
        self.meanwhile()
        good()
        self.begun.append(number)

    def run(self, ticks: int) -> None:
        self._rig.run(ticks)

    def abort(self, number: int) -> None:
        self.aborted.append(number)

    def set_lease(self, token: int, devices: tuple[str, ...], until: float) -> None:
        """Whoever holds the lease may move it."""

    def raise_stop(self, reason: str) -> None:
        self._rig.control.raise_stop(reason)
        self._rig.run(1)

    def pulse(self) -> None:
        """The bridge lives."""

    async def close(self) -> None:
        """End."""


class Desk:
    """The checker of the desk, in this process."""

    def __init__(self) -> None:
        self._checker = Checker(load_cell("desk"))

    async def check(self, plan: Plan, start: StartState, ahead: bool = False) -> Verdict:
        return self._checker.check(plan, start)

    async def hold_command(self, position: Any, objects: Any) -> tuple[float, ...]:
        return self._checker.hold_command(position, objects)

    def close(self) -> None:
        """Nothing to end."""


async def began(road: SimpleNamespace) -> asyncio.Task[Receipt]:
    """Have a plan executed that nothing ends but a test."""
    lease = await road.rail.acts.take_over(Wish("me", ("arm_bus",), 60.0))
    plan = parse_plan(NUDGE, road.cell)
    check = await road.rail.check(plan)
    motion: asyncio.Task[Receipt] = road.rail.execute(plan, check.permit.id, lease.token)
    return motion


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SimpleNamespace]:
    """Return the armed desk, with its rail and loop."""
    cell = load_cell("desk")
    config = loop_configs(cell, {})[0].model_copy(update={"rules": {}})
    bus = PlainBus(config.joints)
    bus.position[:] = [cell.arm.home[name] for name in config.joints]
    rig = Rig(config, lambda: bus)
    desk: Any = Desk()
    rig.ask("arm", hold=await desk.hold_command(bus.position, {}))
    loop: Any = Loop(rig)
    rests: list[str] = []  # one sentence a stop, empty where all came to rest
    says = [""]

    async def rest() -> str:
        rests.append(says[0])
        return says[0]

    rail = Rail(cell, "digest", loop, desk, Receipts(folder, "digest"), rest)
    yield SimpleNamespace(
        rail=rail, loop=loop, cell=cell, log=folder / NAME, bus=bus, rests=rests, says=says
    )
    await rail.close()
    rig.close()
