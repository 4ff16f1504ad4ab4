"""A client of a bridge that is none: it answers as one would, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from handrail_bridge.agents.results import Result
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import (
    Card,
    CellDescription,
    CellState,
    Check,
    Counters,
    Decision,
    Frame,
    Joint,
    Lease,
    OwnLease,
    Permit,
    Receipt,
    Tool,
)
from handrail_bridge.senses import Senses, describe
from handrail_bridge.tools import Tools
from handrail_drivers.api import Effect, tool
from handrail_drivers.errors import PermitRefused, ProcessLost
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Verdict, Violation, ViolationKind

CELL = load_cell("desk")
SECRET = "permit-that-no-model-sees"
HOME = {"steps": [{"tool": "arm_home"}]}


class Scale:
    """A device with something to read and something to set up."""

    @tool(Effect.OBSERVE)
    def read_weight(self) -> dict[str, float]:
        """Weigh."""
        return {"weight": 0.5}

    @tool(Effect.CONFIGURE)
    def tare(self) -> dict[str, bool]:
        """Make it show nothing."""
        return {"tared": True}


@functools.cache
def listed(scales: int = 1) -> dict[str, Tool]:
    """The tools of the desk with so many scales."""
    devices = {f"scale_{n}": Scale() for n in range(scales)}
    senses = Senses.__new__(Senses)
    return Tools(CELL, senses, devices, lambda _: contextlib.nullcontext(), None).listed  # type: ignore[arg-type,return-value]


class StandInRail:
    """What a tool set asks of a client. ``go`` lets a running plan end, ``said`` is a person."""

    def __init__(self, scales: int = 1) -> None:
        self.address = "nowhere:1"
        self.go = asyncio.Event()
        self.go.set()
        self.moving = asyncio.Event()
        self.said = asyncio.Event()
        self.asks: tuple[str, ...] = ()
        self.refused = False
        self.executed: list[tuple[Mapping[str, Any], Permit]] = []
        self.cut = 0  # executions that were left before their end
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.leases: list[str] = []
        self.approver = ""
        self.has = listed(scales)
        self.changed = asyncio.Event()  # set it once `has` is another
        self.gone = 0  # times that it does not tell of changes

    async def tools(self) -> dict[str, Tool]:
        return self.has

    async def tool_lists(self) -> AsyncGenerator[None, None]:
        if self.gone:
            self.gone -= 1
            raise ProcessLost("The bridge is gone.")
        while True:
            yield
            await self.changed.wait()
            self.changed.clear()

    async def cell(self) -> CellDescription:
        return CellDescription("desk", "digest", describe(CELL), ("beware",))

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        self.called.append((name, arguments))
        await self.go.wait()
        return {"answer": name}

    async def check(self, plan: Mapping[str, Any]) -> Check:
        json.dumps(plan)
        if plan.get("note") == "bad":
            return Check(verdict(False), None)
        return Check(verdict(True), self.permit())

    def permit(self) -> Permit:
        return Permit(SECRET, "plan", "motion", 30.0, self.asks, self.approver, 7)

    async def approval(self, permit: Permit) -> Permit:
        await self.said.wait()
        if self.refused:
            raise PermitRefused("The permit was refused by Ada: no.")
        return permit

    async def execute(
        self, plan: Mapping[str, Any], permit: Permit
    ) -> AsyncGenerator[CellState | Receipt, None]:
        self.executed.append((plan, permit))
        try:
            self.moving.set()
            yield state(Mode.MOVING)
            await self.go.wait()
            yield receipt()
        except (GeneratorExit, asyncio.CancelledError):
            self.cut += 1
            raise

    @contextlib.asynccontextmanager
    async def lease(self, holder: str, devices: Sequence[str] = ()) -> AsyncIterator[OwnLease]:
        self.leases.append(holder)
        try:
            yield OwnLease(holder, 2.0, tuple(devices), token=1)
        finally:
            self.leases.remove(holder)

    async def stop(self, reason: str = "") -> Mode:
        self.called.append(("stop", {"reason": reason}))
        return Mode.STOPPED

    async def state(self) -> CellState:
        return state(Mode.ARMED)

    async def grab(self, camera: str, max_width: int = 0) -> Frame:
        return Frame(camera, 1, 0, 0.01, 4, 3, "jpeg", b"\xff\xd8picture")


class StandInOperator:
    """The operator's end: one card, and what was decided on it."""

    def __init__(self, rail: StandInRail) -> None:
        self._rail = rail
        self.decisions: list[Decision] = []

    async def cards(self) -> list[Card]:
        return [] if self.decisions else [CARD]

    async def approval(self, permit: Permit) -> Permit:
        return await self._rail.approval(permit)

    async def decide(self, decision: Decision) -> None:
        self.decisions.append(decision)
        self._rail.refused = not decision.approve
        self._rail.said.set()


CARD = Card(
    number=7,
    steps=("0: go home, at 100% of full speed",),
    asks=("Every plan of this cell needs approval.",),
    margins=("It lasts 1.6 s.",),
    goal=(),
    trajectory_digest="motion",
    picture="<svg/>",
    remaining=60.0,
    question="May the arm of the cell 'desk' make this motion?",
)


def verdict(passed: bool) -> Verdict:
    hit = Violation(
        ViolationKind.COLLISION, 0, 1.0, "gripper and post", -0.001, 0.004, "m", "It hits.", "Lift."
    )
    return Verdict(
        passed=passed,
        plan_digest="plan",
        violations=() if passed else (hit,),
        goal=(),
        duration=1.5,
        clearance=None,
        clearance_pair="",
        peak_velocity={"elbow_flex": float("nan")},
        peak_effort={},
        check_time=0.1,
        trajectory=None,
        end_objects={},
    )


def state(mode: Mode) -> CellState:
    joint = Joint("elbow_flex", 0.1, 0.0, float("nan"), 0.1, 30.0, 12.0, False, True, 0.0008)
    lease = Lease("me", 2.0, ("arm_bus",))
    return CellState(
        *(0, 0.01, mode, "", "", (joint,), (0.1, 0.2, 0.3), False),
        *(Counters(), (lease,), (), 1.0, 0.5, ""),
    )


def receipt() -> Receipt:
    return Receipt("r1", "plan", SECRET, True, "", "", 1.5, 0.01, (), {"elbow_flex": 0.1}, ())


async def over(rail: StandInRail, each: bool = False, devices: Sequence[str] = ()) -> ToolSet:
    """An agent's tools over such a client."""
    return await ToolSet.of(rail, "me", each, devices)  # type: ignore[arg-type]  # its stand-in


async def checked(tools: ToolSet) -> str:
    """The handle of a plan that passed."""
    answer = await tools.call("plan_check", HOME)
    handle: str = answer.data["plan"]
    return handle


def code(answer: Result) -> str:
    """Why a call was refused."""
    assert answer.refused
    found: str = answer.data["refused"]["code"]
    return found
