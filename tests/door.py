"""The bridge's door with nothing behind it: a mailbox, and tools that answer as a test says."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from handrail_bridge.mailbox import Mailbox
from handrail_bridge.senses import PredicateResult, PredicateResults
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService
from handrail_bridge.tools import Tools
from handrail_drivers.api import Effect, tool
from handrail_drivers.camera.driver import CameraDriver
from handrail_sim.cell_file import load_cell
from handrail_sim.predicates import Predicate

NO_RAIL: Any = None  # nothing here moves


class Facts:
    """What is so; predicates of joints and things alike are true or not, all of them."""

    def __init__(self) -> None:
        self.met = False
        self.evaluated = 0
        self.looked = 0

    @tool(Effect.OBSERVE)
    def evaluate(self, predicates: tuple[Predicate, ...]) -> PredicateResults:
        """Tell which predicates hold."""
        self.evaluated += 1
        said = [
            PredicateResult(predicate=p.predicate, met=self.met, sentence="so it is")
            for p in predicates
        ]
        return PredicateResults(time_ns=0, results=tuple(said))

    @tool(Effect.OBSERVE)
    def look(self, camera: str = "") -> dict[str, Any]:
        """Look."""
        self.looked += 1
        return {"camera": camera}


@contextlib.asynccontextmanager
async def door(
    folder: Path, facts: Facts, cameras: Mapping[str, CameraDriver] | None = None
) -> AsyncIterator[str]:
    """Serve while the block runs; gives the agents' address."""
    cell = load_cell("desk")
    tools = Tools(cell, facts, {}, NO_RAIL, None)
    rail: Any = SimpleNamespace(cell=cell, situation=SimpleNamespace(digest=""))
    mailbox = Mailbox(folder)
    server = Server(RailService(rail, tools, dict(cameras or {}), tuple), NO_RAIL, mailbox)
    await server.start("127.0.0.1:0", folder / "operator")
    try:
        yield server.address
    finally:
        await server.close()
        mailbox.close()
