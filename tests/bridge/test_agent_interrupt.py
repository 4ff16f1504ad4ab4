"""Ctrl-C at the agent's terminal: what moves is stopped first; where nothing moves, nothing is."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import typer
from handrail_bridge.agents.budget import Budget, Limits
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.session import Session
from handrail_bridge.cli import talk
from handrail_bridge.reports import CellState
from handrail_drivers.errors import ProcessLost
from stand_in_rail import HOME, StandInRail, over


@dataclass
class Cell:
    """A worker, its bridge and a client in one: it notes what is done to it, in order."""

    moving: bool
    deaf: bool = False
    done: list[str] = field(default_factory=list)
    name: str = "robot"

    @property
    def session(self) -> Any:
        return self

    @property
    def bridge(self) -> Any:
        return self

    async def stop(self, reason: str) -> None:
        if self.deaf:
            raise ProcessLost("The bridge does not answer.")
        self.done.append(f"stopped: {reason}")

    def signal_stop(self) -> int:
        self.done.append("signalled")
        return 1

    async def work(self) -> None:
        """Think until cancelled, having had Ctrl-C pressed."""
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            self.done.append("model ended")


@pytest.mark.parametrize(
    ("moving", "deaf", "first"),
    [
        (True, False, ["stopped: Ctrl-C at the terminal of robot"]),
        (True, True, ["signalled"]),
        (False, False, []),
    ],
)
def test_the_arm_is_stopped_before_the_model(moving: bool, deaf: bool, first: list[str]) -> None:
    cell: Any = Cell(moving, deaf)
    with pytest.raises(typer.Exit) as ended:
        asyncio.run(talk._until_ctrl_c(cell, cell, cell.work()))
    assert ended.value.exit_code == talk.INTERRUPTED
    assert cell.done == [*first, "model ended"]


class Watched(StandInRail):
    """One whose state can be watched; nothing ever changes in it."""

    async def watch(self, _: float) -> AsyncGenerator[CellState, None]:
        yield await self.state()
        await asyncio.Event().wait()


async def test_a_plan_that_waits_for_a_person_is_none_that_moves(tmp_path: Path) -> None:
    """Ctrl-C then stops nobody else's motion, and latches nothing."""
    rail: Any = Watched()
    rail.asks = ("It is fast.",)
    screen, memory, asked = Mock(), Memory(tmp_path, "ada"), asyncio.Event()
    screen.waits = lambda _: asked.set()
    session = Session(rail, await over(rail), (), memory, 1, Budget(Limits()), screen)
    plan = (await session.run("plan_check", HOME)).data["plan"]
    rail.go.clear()
    running = asyncio.create_task(session.run("plan_run", {"plan": plan}))
    await asked.wait()
    assert not session.moving
    rail.said.set()
    await rail.moving.wait()
    assert session.moving
    rail.go.set()
    assert (await running).data["completed"]
    assert not session.moving
    memory.close()
