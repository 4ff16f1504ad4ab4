"""Ctrl-C at the agent's terminal: what moves is stopped first; where nothing moves, nothing is."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from handrail_bridge.cli import talk
from handrail_drivers.errors import ProcessLost


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
