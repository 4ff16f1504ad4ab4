"""Many calls on one stream of the real server: in their order, past refusals, never mixed up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.bench.tools import instrument
from handrail_bridge.bench.tools.door import Standing
from handrail_bridge.client import Client
from handrail_bridge.client.tool_calls import ToolCalls
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.server import service
from handrail_bridge.server.places import LINES
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService
from handrail_bridge.tools import Tools
from handrail_drivers.api import Effect, tool
from handrail_drivers.errors import InvalidValue, ProcessLost, Refused, UnknownName
from handrail_sim.cell_file import load_cell


@pytest.fixture
def tools() -> Tools:
    return instrument.tools()


@pytest.fixture
async def server(tmp_path: Path, tools: Tools) -> AsyncIterator[Server]:
    standing: Any = Standing()
    mailbox = Mailbox(tmp_path)
    server = Server(RailService(standing, tools, {}, tuple), standing, mailbox)
    await server.start("127.0.0.1:0", tmp_path / "o")
    yield server
    await server.close()
    mailbox.close()


@pytest.fixture
async def rail(server: Server) -> AsyncIterator[Client]:
    async with Client.connect(server.address) as client:
        yield client


async def test_calls_on_the_stream_are_answered_as_single_ones(rail: Client) -> None:
    for names in (["level"], ["level", "pressure"]):
        ours = await rail.call(instrument.NAME, names=names)
        beside = asyncio.create_task(rail.call(instrument.NAME, names=[]))  # has the stream
        await asyncio.sleep(0)
        single = await rail.call(instrument.NAME, names=names)
        await beside
        assert ours.pop("time_ns") < single.pop("time_ns")
        assert ours == single
        assert ours["note"].startswith(f"{len(names)} wanted")


async def test_a_refusal_is_the_same_class_and_the_next_call_goes_on(rail: Client) -> None:
    with pytest.raises(UnknownName, match="no tool named 'nothing'"):
        await rail.call("nothing")
    with pytest.raises(InvalidValue):
        await rail.call(instrument.NAME, names=["depth"])
    assert (await rail.call(instrument.NAME, names=[]))["valve"] == "open"


async def test_what_moves_is_refused_on_the_stream_too(rail: Client) -> None:
    calls = ToolCalls(rail._rail)
    with pytest.raises(Refused, match="has to come as a plan"):
        await calls.call("arm_home", "{}")
    calls.close()


class Lamp:
    """A device as a board may be after it was flashed."""

    @tool(Effect.CONFIGURE)
    def set_lamp(self) -> dict[str, bool]:
        """Light it."""
        return {"lit": True}


async def test_a_client_sees_and_calls_what_a_device_has_by_now(tmp_path: Path) -> None:
    standing: Any = Standing()
    tools = Tools(load_cell("desk"), object(), {}, lambda _: contextlib.nullcontext(), None)
    mailbox = Mailbox(tmp_path)
    server = Server(RailService(standing, tools, {}, tuple), standing, mailbox)
    await server.start("127.0.0.1:0", tmp_path / "o")
    async with Client.connect(server.address) as client:
        assert "tower_set_lamp" not in await client.tools()
        with pytest.raises(UnknownName):
            await client.call("tower_set_lamp")
        tools.renew("tower", Lamp())
        assert await client.call("tower_set_lamp") == {"lit": True}
        assert "tower_set_lamp" in await client.tools()
    await server.close()
    mailbox.close()


async def test_a_client_is_told_when_the_list_has_become_another(
    rail: Client, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REPEAT", 0.01)  # what is told again is no change
    async with asyncio.timeout(60), contextlib.aclosing(rail.tool_lists()) as lists:
        await anext(lists)
        tools.renew("tower", Lamp())
        await anext(lists)
        assert "tower_set_lamp" in await rail.tools()
        tools.renew("tower", object())
        await anext(lists)
        assert "tower_set_lamp" not in await rail.tools()


async def test_a_board_that_comes_back_as_it_was_changes_nothing(tools: Tools) -> None:
    tools.renew("tower", Lamp())
    number = await tools.changed(-1, 0.0)
    tools.renew("tower", Lamp())
    assert await tools.changed(number, 0.0) == number
    tools.renew("tower", object())
    assert await tools.changed(number, 0.0) > number


async def test_calls_at_once_get_their_own_answers(rail: Client) -> None:
    counts = [n % 4 for n in range(40)]
    answers = await asyncio.gather(
        *(rail.call(instrument.NAME, names=["level"] * count) for count in counts)
    )
    assert [int(answer["note"].split()[0]) for answer in answers] == counts


async def test_nobody_gets_the_answer_of_a_call_that_was_left(rail: Client) -> None:
    await rail.call(instrument.NAME, names=[])
    for _ in range(5):
        left = asyncio.create_task(rail.call(instrument.NAME, names=["level"]))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        assert (await rail.call(instrument.NAME, names=[]))["note"].startswith("0 wanted")


async def test_a_bridge_that_has_ended_is_said(rail: Client, server: Server) -> None:
    await rail.call(instrument.NAME, names=[])
    await server.close()
    with pytest.raises(ProcessLost):
        await rail.call(instrument.NAME, names=[])


async def test_there_are_only_so_many_streams(rail: Client) -> None:
    assert (await rail.call(instrument.NAME, names=[]))["valve"] == "open"
    others = [ToolCalls(rail._rail) for _ in range(LINES)]
    answers = await asyncio.gather(
        *(calls.call(instrument.NAME, '{"names": []}') for calls in others), return_exceptions=True
    )
    assert sum(isinstance(answer, Refused) for answer in answers) == 1
    for calls in others:
        calls.close()
