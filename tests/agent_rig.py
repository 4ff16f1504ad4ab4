"""An agent at a running cell: the real client and tool runner, played by a scripted model."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import anthropic
from handrail_bridge.agents.agent import Agent, Ended, Task
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.claude import Claude
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.prompts import RAIL
from handrail_bridge.agents.results import Progress, Result, Waiting
from handrail_bridge.rail.audit import NAME, Entry, read, verify
from handrail_bridge.run_dir import Bridge, state_dir
from messages_api import KEY, ModelApi
from running_cell import RunningCell
from scripted_model import Script

STILL = 0.02  # rad, that servo play and a settling arm may look like
Step = dict[str, Any]


@dataclass
class Recorder:
    """A screen that keeps what it was shown."""

    results: list[Result] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    moving: list[Progress] = field(default_factory=list)

    def said(self, piece: str) -> None:
        pass

    def calls(self, tool: str, arguments: Any) -> None:
        self.called.append(tool)

    def answered(self, result: Result) -> None:
        self.results.append(result)

    def retries(self, why: str) -> None:
        pass

    def waits(self, what: Waiting) -> None:
        self.waiting.append(what)

    def progress(self, progress: Progress) -> None:
        self.moving.append(progress)

    @property
    def codes(self) -> list[str]:
        """The codes of all refusals, in order."""
        return [result.data["refused"]["code"] for result in self.results if result.refused]


def turn(pan: float, speed: float = 0.6) -> Step:
    """A step that turns the base."""
    return {"tool": "arm_move_joints", "positions": {"shoulder_pan": pan}, "speed": speed}


@contextlib.contextmanager
def at_home(cell: RunningCell) -> Iterator[None]:
    """The environment of this cell's commands, in this process."""
    with mock.patch.dict(os.environ, cell.environment):
        yield


def log_of(cell: RunningCell) -> list[Entry]:
    """The bridge's audit log, whose chain is whole."""
    with at_home(cell):
        file = state_dir("desk") / NAME
    verify(file)
    return read(file, 1000)


@contextlib.asynccontextmanager
async def employed(
    cell: RunningCell, script: Script, name: str = "robot", devices: Sequence[str] = ()
) -> AsyncIterator[tuple[Agent, ModelApi]]:
    """An agent of the cell whose model plays a script."""
    ready = cell.ready
    bridge = Bridge("desk", ready["address"], ready["operator_socket"], cell.process.pid, ())
    with at_home(cell), ModelApi.running(script) as api:
        client = anthropic.AsyncAnthropic(api_key=KEY, base_url=api.url, max_retries=0)
        memory = Memory(state_dir("desk"), name)
        try:
            yield Agent(name, bridge, memory, Claude(client, "claude-test", 0.01), devices), api
        finally:
            memory.close()
            await client.close()


async def work(
    cell: RunningCell, script: Script, limits: Limits | None = None, name: str = "robot"
) -> tuple[Ended, Recorder]:
    """Let a scripted model work at one task until it ends."""
    screen = Recorder()
    async with employed(cell, script, name) as (agent, _):
        ended = await agent.work(Task(RAIL, "do what you do"), limits or Limits(), screen)
    return ended, screen
