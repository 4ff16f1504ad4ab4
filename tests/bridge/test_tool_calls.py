"""Many calls on one stream of the real server: in their order, past refusals, never mixed up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.bench.tools import instrument
from handrail_bridge.bench.tools.door import Standing
from handrail_bridge.client import Client
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.reports import CellState
from handrail_bridge.server import Server
from handrail_bridge.service import LINES, RailService, _until_next
from handrail_bridge.tools import Tools
from handrail_drivers.api import Effect, tool
from handrail_drivers.errors import InvalidValue, ProcessLost, Refused, UnknownName
from handrail_sim.cell_file import load_cell


@pytest.fixture
async def rail(tmp_path: Path) -> AsyncIterator[Client]:
    standing: Any = Standing()
    service = RailService(standing, instrument.tools(), {}, tuple)
    mailbox = Mailbox(tmp_path)
    server = Server(service, standing, mailbox)
    await server.start("127.0.0.1:0", tmp_path / "o")
    async with Client.connect(server.address) as client:
        yield client
    await server.close()
    mailbox.close()


async def test_a_stream_answers_as_single_calls_do(rail: Client) -> None:
    async with rail.calls() as stream:
        for names in (["level"], ["level", "pressure"]):
            ours = await stream.call(instrument.NAME, names=names)
            single = await rail.call(instrument.NAME, names=names)
            assert ours.pop("time_ns") < single.pop("time_ns")
            assert ours == single
            assert ours["note"].startswith(f"{len(names)} wanted")


class Lamp:
    """A device as a board may be after it was flashed."""

    @tool(Effect.CONFIGURE)
    def set_lamp(self) -> dict[str, bool]:
        """Light it."""
        return {"lit": True}


async def test_a_client_sees_and_calls_what_a_device_has_by_now(tmp_path: Path) -> None:
    standing: Any = Standing()
    tools = Tools(load_cell("desk"), object(), {}, lambda _: contextlib.nullcontext())
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


async def test_a_refusal_is_the_same_class_and_the_stream_goes_on(rail: Client) -> None:
    async with rail.calls() as stream:
        with pytest.raises(UnknownName, match="no tool named 'nothing'"):
            await stream.call("nothing")
        with pytest.raises(InvalidValue):
            await stream.call(instrument.NAME, names=["depth"])
        with pytest.raises(Refused, match="has to come as a plan"):
            await stream.call("arm_home")
        assert (await stream.call(instrument.NAME, names=[]))["valve"] == "open"


async def test_calls_at_once_get_their_own_answers(rail: Client) -> None:
    async with rail.calls() as stream:
        counts = [n % 4 for n in range(40)]
        answers = await asyncio.gather(
            *(stream.call(instrument.NAME, names=["level"] * count) for count in counts)
        )
    assert [int(answer["note"].split()[0]) for answer in answers] == counts


async def test_a_call_that_is_left_ends_the_stream_so_that_nobody_gets_its_answer(
    rail: Client,
) -> None:
    async with rail.calls() as stream:
        await stream.call(instrument.NAME, names=[])
        left = asyncio.create_task(stream.call(instrument.NAME, names=["level"]))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        with pytest.raises((ProcessLost, Refused)):
            await stream.call(instrument.NAME, names=[])


async def test_there_are_only_so_many_streams(rail: Client) -> None:
    async with rail.calls() as first:
        first_answer = await first.call(instrument.NAME, names=[])
        assert first_answer["valve"] == "open"
        streams = [rail.calls() for _ in range(LINES)]
        opened = [await stream.__aenter__() for stream in streams]
        answers = await asyncio.gather(
            *(stream.call(instrument.NAME, names=[]) for stream in opened), return_exceptions=True
        )
        assert sum(isinstance(answer, Refused) for answer in answers) == 1
        for stream in streams:
            await stream.__aexit__(None, None, None)


def test_the_state_is_encoded_once_for_all_who_ask_in_one_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, now = [], [100.0]

    class Counting(Standing):
        def state(self) -> CellState:
            asked.append(now[0])
            return super().state()

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rail: Any = Counting()
    service = RailService(rail, instrument.tools(), {}, tuple)
    for now[0] in (100.0, 100.001, 100.0039, 100.005, 100.006, 200.0):
        service._state()
    assert asked == [100.0, 100.005, 200.0]


@pytest.mark.parametrize("now", [0.0, 0.001, 0.0199, 1234.567])
def test_watchers_of_one_rate_wake_together(now: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: now)
    woken = (now + _until_next(50.0)) * 50.0
    assert woken == pytest.approx(round(woken), abs=1e-6)
    assert 0 < _until_next(50.0) <= 0.02
