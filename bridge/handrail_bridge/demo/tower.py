"""What the desk's boards do in a demo: a lamp, a pusher, and a button pressed in mid-motion."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handrail_drivers.errors import NotArmed
from handrail_sim.cell import Cell
from handrail_sim.twin.avr_board import lacking
from handrail_sim.twin.truth_port import TruthClient

from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.demo.arming import arm
from handrail_bridge.pilot.sorting import Event
from handrail_bridge.reports import CellState, Receipt

TOWER, PUSHER = "tower", "pusher"
BUTTON, STOP = "emergency_stop", "tower_stop"  # the board's input, and the cell's reflex
OUT = 0.02  # m that the pusher goes
SWING = {"tool": "arm_move_joints", "positions": {"wrist_roll": 1.2}, "speed": 0.15}
MIDWAY = 0.3  # of the swing
STANDS = 0.02  # rad/s
LONGEST = 5.0  # s, for the world to show what a board was told
POLL = 0.05  # s


@dataclass(frozen=True, slots=True)
class Shown:
    """What the boards did, by the world's word."""

    lit: bool  # the green lamp, when it was told to be
    pushed: float  # m that the pusher went
    stopped_by: tuple[str, ...]  # the reflexes that ended the motion once the button was pressed
    stood: bool  # the arm, after that

    @property
    def right(self) -> bool:
        """Whether all of it was as it should be."""
        return self.lit and self.pushed > OUT / 2 and STOP in self.stopped_by and self.stood


def desk(tell: Callable[[Event], None]) -> str:
    """Return the cell of the demo: the desk that is watched, with boards that can be emulated."""
    why = lacking()
    if why:
        tell(Event("note", f"without light tower and pusher: {why} is missing, see `make setup`"))
        return "desk_watched"
    return "desk_demo"


def has_tower(cell: Cell) -> bool:
    """Tell whether a cell has these boards."""
    return TOWER in cell.devices and PUSHER in cell.arm.external


class Tower:
    """Shows the boards once; ``shown`` is what the world said of it."""

    def __init__(
        self,
        rail: Client,
        operator: OperatorClient,
        truth: TruthClient,
        tell: Callable[[Event], None],
    ) -> None:
        self._rail, self._operator, self._truth = rail, operator, truth
        self._tell = tell
        self.shown = Shown(lit=False, pushed=0.0, stopped_by=(), stood=False)

    async def run(self) -> None:
        """Light the lamp, move the pusher by a checked plan, press the button in mid-motion.

        Raises:
            HandrailError: a plan was refused, or the cell stopped for another reason.
        """
        await self._rail.call(f"{TOWER}_set_lamp_red", value=False)
        await self._rail.call(f"{TOWER}_set_lamp_green", value=True)
        lit = await _eventually(self._is_lit)
        self._say("the light tower is green, says the world" if lit else "no lamp is lit")
        async with self._rail.lease("demo"):
            pushed = await self._push()
            receipt = await self._press()
        stood = await _eventually(self._stands)
        self.shown = Shown(lit, pushed, receipt.reflexes, stood)
        await asyncio.to_thread(self._truth.release, TOWER, BUTTON)
        why = receipt.reason or "the motion ended before anybody knew"
        if STOP not in receipt.reflexes:
            raise NotArmed(why, hint="reset and arm")
        self._say(f"its button was pressed in mid-motion: {why}")
        await arm(self._operator, LONGEST)

    async def _push(self) -> float:
        """Move the pusher out and back by plans; return how far it went."""
        pushed = 0.0
        for goal in (OUT, 0.0):
            step = {"tool": "arm_move_joints", "positions": {PUSHER: goal}}
            await self._rail.run({"steps": [step]})
            pushed = max(pushed, await asyncio.to_thread(self._position))
        self._say(f"the pusher went {pushed * 1000:.0f} mm and back, by permitted plans")
        return pushed

    async def _press(self) -> Receipt:
        pressed = False

        def midway(state: CellState) -> None:
            nonlocal pressed
            if not pressed and state.progress > MIDWAY:
                pressed = True
                self._truth.press(TOWER, BUTTON)

        return await self._rail.run({"steps": [SWING]}, midway)

    async def _is_lit(self) -> bool:
        return bool((await asyncio.to_thread(self._truth.snapshot))["lamps"]["lamp_green"])

    async def _stands(self) -> bool:
        joints = (await asyncio.to_thread(self._truth.snapshot))["joints"]
        return all(abs(one["velocity"]) < STANDS for one in joints.values())

    def _position(self) -> float:
        return float(self._truth.snapshot()["joints"][PUSHER]["position"])

    def _say(self, text: str) -> None:
        self._tell(Event("boards", text))


async def _eventually(is_so: Callable[[], Awaitable[bool]]) -> bool:
    deadline = time.monotonic() + LONGEST
    while not await is_so():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL)
    return True
