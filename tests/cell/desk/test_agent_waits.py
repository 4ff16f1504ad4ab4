"""An agent that stays, at a real cell: what it waits for wakes it, and people write to it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from agent_rig import Recorder, employed, turn
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.stay import OPERATOR, Stay
from handrail_bridge.agents.wakes import Wakes
from running_cell import RunningCell
from scripted_model import Request, plays, reply, say, use
from waiting import until

LONG_WAIT = 60.0  # s
pytestmark = pytest.mark.long


async def newest(cell: RunningCell) -> int:
    """The number of the last mail."""
    async with cell.agent() as rail:
        return max((mail.number for mail in await rail.mail(limit=200)), default=0)


def told_position(opening: str) -> float:
    """Where the base was when the trigger was looked at: mostly still on its way."""
    told = re.search(r"shoulder_pan is at (\S+) rad", opening)
    assert told, opening
    return float(told[1])


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
    async with employed(cell, script, "watcher") as (agent, api), cell.agent() as rail:
        Wakes(agent.memory).give("see to the base")
        life = asyncio.create_task(Stay(agent, Limits(), 10_000_000, Recorder()).run())
        await asyncio.to_thread(until, lambda: len(api.requests) == 2, LONG_WAIT)
        results = [json.loads(r["content"][0]["text"]) for r in api.requests[1].results]
        assert [results[0]["now"]["met"], "refused" in results[1]] == [False, True]
        assert len(Wakes(agent.memory).triggers()) == 1
        async with cell.armed() as mover:
            assert (await mover.run({"steps": [turn(0.8)]})).completed
        (mail,) = await rail.mail(OPERATOR, before, wait=LONG_WAIT)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
    assert mail.text == "The base has turned."
    assert "(trigger)" in opened[0]
    assert 0.5 <= told_position(opened[0]) <= 1.0, "not where it was when that came true"
    assert "watch the base" in opened[0], "the goal was forgotten"


async def test_people_read_and_write_mail_by_the_command_line(cell: RunningCell) -> None:
    before = await newest(cell)
    sent = await asyncio.to_thread(
        cell.cli, "mail", "send", "robot", "sort the cubes", "--from", "ann", "--json"
    )
    assert json.loads(sent.stdout)["by_operator"] is True
    listed = await asyncio.to_thread(cell.cli, "mail", "list", "--after", str(before))
    assert 'operator "ann" -> "robot"' in listed.stdout
    assert "sort the cubes" in listed.stdout
