"""A served cell with a valve whose tools need a person, and nothing that moves."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.rail.approvals import Approvals
from handrail_bridge.rail.audit import NAME, Entry, read
from handrail_bridge.rail.belief import NO_OBJECTS
from handrail_bridge.rail.grants import Present
from handrail_bridge.rail.permits import Permits
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.reports import Card
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService
from handrail_bridge.tools import Tools
from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.errors import DeviceFault
from handrail_sim.cell_file import load_cell
from handrail_sim.demands import Approval
from waiting import until_async

NEEDS = ("valve_set_pressure", "valve_purge")


class Valve:
    """A device with an effect of its own."""

    def __init__(self) -> None:
        self.done: list[object] = []

    @tool(Effect.CONFIGURE)
    def set_pressure(self, pressure: Annotated[float, Unit("bar")], why: str = "") -> float:
        """Set the pressure."""
        self.done.append(pressure)
        if pressure > 9:
            raise DeviceFault("It leaks.")
        return math.nan if pressure > 8 else pressure

    @tool(Effect.OBSERVE)
    def purge(self) -> bool:
        """Blow out what it reads by."""
        self.done.append("purge")
        return True

    @tool(Effect.OBSERVE)
    def read_pressure(self) -> float:
        """Read the pressure."""
        return 1.0


@dataclass
class Held:
    """A served cell whose valve needs a person, without anything that moves."""

    folder: Path
    valve: Valve
    permits: Permits
    receipts: Receipts
    situation: Any
    tools: Tools
    address: str = ""
    configured: list[str] = field(default_factory=list)

    def agent(self) -> Client:
        return Client.connect(self.address)

    def operator(self) -> OperatorClient:
        return OperatorClient.connect(self.folder / "operator")

    def log(self) -> list[Entry]:
        return read(self.folder / NAME, 20)[1:]


DESK = load_cell("desk")


@contextlib.asynccontextmanager
async def serving(folder: Path, patience: float) -> AsyncIterator[Held]:
    """Serve it while the block runs; a person has so long [s] to answer."""
    asking = Approval(tools=NEEDS, timeout=patience, elicitation=True)
    cell = DESK.model_copy(update={"approval": asking})
    valve, permits, receipts = Valve(), Permits.of(cell), Receipts(folder, "cell")

    def present() -> Present:
        return Present(time.monotonic(), {}, "cell", NO_OBJECTS, situation.stops, {})

    situation = SimpleNamespace(
        stops=0, present=present, digest="cell", belief=SimpleNamespace(objects={})
    )
    approvals = Approvals(cell, situation, permits, receipts)  # type: ignore[arg-type]
    made: list[str] = []

    @contextlib.asynccontextmanager
    async def configuring(what: str) -> AsyncIterator[None]:
        made.append(what)
        yield

    tools = Tools(cell, object(), {"valve": valve}, configuring, approvals)
    rail: Any = SimpleNamespace(cell=cell, approvals=approvals, situation=situation)
    mailbox = Mailbox(folder)
    server = Server(RailService(rail, tools, {}, tuple), rail, mailbox)
    await server.start("127.0.0.1:0", folder / "operator")
    yield Held(folder, valve, permits, receipts, situation, tools, server.address, made)
    await server.close()
    mailbox.close()
    receipts.close()


async def asked(operator: OperatorClient) -> Card:
    cards: list[Card] = await until_async(operator.cards, 10)
    return cards[0]
