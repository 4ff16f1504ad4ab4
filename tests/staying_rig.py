"""An agent that stays, at a door without an arm, played by a scripted model."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
from door import Facts
from handrail_bridge.agents.agent import Agent
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.claude import Claude
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.stay import Stay
from handrail_bridge.agents.wakes import Wakes
from handrail_bridge.client import Client
from handrail_bridge.reports import Mail
from handrail_bridge.run_dir import Bridge
from messages_api import KEY, ModelApi
from scripted_model import Script
from waiting import until_async

LONG_WAIT = 60.0  # s
PLENTY = 10_000_000  # tokens


class Silent:
    """A screen that shows nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


class Counted(Stay):
    """One whose rounds are counted: it has slept, and not only begun to."""

    rounds = 0

    async def once(self, rail: Client) -> Any:
        self.rounds += 1
        return await super().once(rail)


@dataclass
class Place:
    """Where an agent lives: a folder, a bridge's door, what is so there."""

    folder: Path
    address: str = ""
    facts: Facts = field(default_factory=Facts)


@dataclass
class Life:
    """An agent that stays, and what it says."""

    agent: Agent
    stay: Counted
    api: ModelApi
    rail: Client
    task: asyncio.Task[None]

    @property
    def wakes(self) -> Wakes:
        return Wakes(self.agent.memory)

    async def slept(self, rounds: int = 3) -> None:
        """Wait until it has looked around so many times more."""
        begun = self.stay.rounds
        await until_async(lambda: self.stay.rounds >= begun + rounds, LONG_WAIT)

    async def answer(self, to: str, after: int) -> Mail:
        """Wait for the next mail to somebody."""
        return (await self.rail.mail(to, after, wait=LONG_WAIT))[0]


@contextlib.asynccontextmanager
async def living(place: Place, script: Script, name: str, day: int = PLENTY) -> AsyncIterator[Life]:
    memory = Memory(place.folder, name)
    with ModelApi.running(script) as api:
        client = anthropic.AsyncAnthropic(api_key=KEY, base_url=api.url, max_retries=0)
        agent = Agent(
            name, Bridge("desk", place.address, "", 0, ()), memory, Claude(client, "test", 0.01)
        )
        stay = Counted(agent, Limits(), day, Silent())
        task = asyncio.create_task(stay.run())
        async with Client.connect(place.address) as rail:
            try:
                yield Life(agent, stay, api, rail, task)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                memory.close()
                await client.close()


async def newest(place: Place) -> int:
    """The number of the last mail."""
    async with Client.connect(place.address) as rail:
        return max((mail.number for mail in await rail.mail(limit=200)), default=0)
