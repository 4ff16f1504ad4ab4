"""An agent that stays: it sleeps without a token, wakes for a cause, and does nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from agent_rig import Recorder, employed, turn
from handrail_bridge.agents.agent import Agent
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.stay import OPERATOR, Stay
from handrail_bridge.agents.wakes import Wakes
from handrail_bridge.client import Client
from handrail_bridge.reports import Mail
from messages_api import ModelApi, Request, Script, plays, reply, say, use
from running_cell import RunningCell, eventually

LONG_WAIT = 60.0  # s
PLENTY = 10_000_000  # tokens


class Counted(Stay):
    """One whose rounds are counted: it has slept, and not only begun to."""

    rounds = 0

    async def once(self, rail: Client) -> Any:
        self.rounds += 1
        return await super().once(rail)


@dataclass
class Life:
    """An agent that stays, and what it says."""

    agent: Agent
    stay: Counted
    api: ModelApi
    rail: Client
    task: asyncio.Task[None]

    async def slept(self, rounds: int = 3) -> None:
        """Wait until it has looked around so many times more."""
        until = self.stay.rounds + rounds
        await asyncio.to_thread(eventually, lambda: self.stay.rounds >= until, LONG_WAIT)

    async def answer(self, to: str, after: int) -> Mail:
        """Wait for the next mail to somebody."""
        return (await self.rail.mail(to, after, wait=LONG_WAIT))[0]


@contextlib.asynccontextmanager
async def living(
    cell: RunningCell, script: Script, name: str, day: int = PLENTY
) -> AsyncIterator[Life]:
    async with employed(cell, script, name) as (agent, api), cell.agent() as rail:
        stay = Counted(agent, Limits(), day, Recorder())
        task = asyncio.create_task(stay.run())
        try:
            yield Life(agent, stay, api, rail, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def newest(cell: RunningCell) -> int:
    """The number of the last mail."""
    async with cell.agent() as rail:
        return max((mail.number for mail in await rail.mail(limit=200)), default=0)


async def test_it_sleeps_without_a_token_and_mail_wakes_it(cell: RunningCell) -> None:
    opened: list[str] = []

    def answer(request: Request) -> Any:
        opened.append(request.said)
        return reply(use("look"), use("mail_send", to="ann", text="Three cubes.", answers=number))

    before = await newest(cell)
    async with living(cell, plays(answer, reply(say("Bye."))), "sleeper") as life:
        Wakes(life.agent.memory).watch({"predicate": "holding"}, "tell ann", rest=60.0)
        await life.slept()
        assert life.api.requests == [], "it thought while it slept"
        number = (await life.rail.send_mail("ann", "sleeper", "How many cubes?")).number
        mail = await life.answer("ann", before)
        await life.slept(1)
        assert (mail.sender, mail.text, mail.answers) == ("sleeper", "Three cubes.", number)
        assert not mail.by_operator, "an agent cannot write as the operator"
        await life.slept()
        assert len(life.api.requests) == 2, "one mail woke it twice"
    assert '"How many cubes?"' in opened[0]
    assert "a program or person unknown" in opened[0]


async def test_what_it_waits_for_wakes_it(cell: RunningCell) -> None:
    """It sets the trigger itself; somebody else moves the arm."""
    await cell.home()
    left = {"predicate": "joint_in_range", "joint": "shoulder_pan", "low": 0.5, "high": 1.0}
    opened: list[str] = []

    def wait(request: Request) -> Any:
        return reply(
            use("trigger_set", predicate=left, text="tell the operator"),
            use("trigger_set", predicate={**left, "joint": "shoulder_pan2"}, text="nonsense"),
            use("goal_set", text="watch the base"),
        )

    def report(request: Request) -> Any:
        opened.append(request.said)
        return reply(use("mail_send", to=OPERATOR, text="The base has turned."))

    before = await newest(cell)
    script = plays(wait, reply(say("I wait.")), report, reply(say("Bye.")))
    async with living(cell, script, "watcher") as life:
        Wakes(life.agent.memory).start("watch the base")
        await asyncio.to_thread(eventually, lambda: len(life.api.requests) == 2, LONG_WAIT)
        await life.slept()
        assert len(life.api.requests) == 2
        results = [json.loads(r["content"][0]["text"]) for r in life.api.requests[1].results]
        assert [results[0]["now"]["met"], "refused" in results[1]] == [False, True]
        assert len(Wakes(life.agent.memory).triggers()) == 1
        async with cell.armed() as rail:
            assert (await rail.run({"steps": [turn(0.8)]})).completed
        assert (await life.answer(OPERATOR, before)).text == "The base has turned."
    assert "a trigger" in opened[0]
    assert "shoulder_pan is at 0.8" in opened[0]
    assert "watch the base" in opened[0], "the goal was forgotten"


async def test_what_was_cut_off_goes_on_and_repeats_nothing(cell: RunningCell) -> None:
    """SIGTERM in the middle of an episode; the next life is told what the first one did."""
    hangs, ends = threading.Event(), threading.Event()

    def hang(_: Request) -> Any:
        hangs.set()
        ends.wait(LONG_WAIT)
        return reply(say("Too late."))

    def go_on(request: Request) -> Any:
        opened.append(request.said)
        return reply(use("mail_send", to="ann", text="And I am back."))

    opened: list[str] = []
    before = await newest(cell)
    first = plays(reply(use("mail_send", to="ann", text="I begin.")), hang)
    async with living(cell, first, "phoenix") as life:
        await life.rail.send_mail("ann", "phoenix", "Report twice.")
        await asyncio.to_thread(hangs.wait, LONG_WAIT)
        life.task.cancel()
        await asyncio.gather(life.task, return_exceptions=True)
        ends.set()
    async with living(cell, plays(go_on, reply(say("Bye."))), "phoenix") as life:
        after = (await life.answer("ann", before)).number
        await life.answer("ann", after)
        await life.slept()
        told = [mail.text for mail in await life.rail.mail("ann", before)]
    assert told == ["I begin.", "And I am back."]
    assert "Report twice." in opened[0]
    assert "An earlier episode of this was cut off" in opened[0]
    assert "I begin." in opened[0]


async def test_a_days_tokens_have_an_end(cell: RunningCell) -> None:
    before = await newest(cell)
    async with living(cell, lambda _: reply(say("Hm.")), "frugal", day=1) as life:
        await life.rail.send_mail("ann", "frugal", "Are you there?")
        await asyncio.to_thread(eventually, lambda: len(life.api.requests) == 1, LONG_WAIT)
        await life.slept(1)
        await life.rail.send_mail("ann", "frugal", "Still?")
        mail = await life.answer(OPERATOR, before)
        await life.slept(2)
        assert len(life.api.requests) == 1
        assert len(await life.rail.mail(OPERATOR, before)) == 1, "it complains again and again"
    assert "in a day" in mail.text


@pytest.mark.long
async def test_a_bridge_that_goes_and_comes_is_found_again(cell: RunningCell) -> None:
    answer = reply(use("mail_send", to="ann", text="Here I am."))
    async with living(cell, plays(answer, reply(say("Bye."))), "faithful") as life:
        await life.slept()
        cell.down()
        await asyncio.to_thread(cell.up)
        before = await newest(cell)
        async with cell.agent() as rail:
            await rail.send_mail("ann", "faithful", "Where are you?")
            (mail,) = await rail.mail("ann", before, wait=LONG_WAIT)
        assert mail.text == "Here I am."


@pytest.mark.long
async def test_people_read_and_write_mail_by_the_command_line(cell: RunningCell) -> None:
    before = await newest(cell)
    sent = await asyncio.to_thread(
        cell.cli, "mail", "send", "robot", "sort the cubes", "--from", "ann", "--json"
    )
    assert json.loads(sent.stdout)["by_operator"] is True
    listed = await asyncio.to_thread(cell.cli, "mail", "list", "--after", str(before))
    assert "ann (operator) -> robot" in listed.stdout
    assert "sort the cubes" in listed.stdout
