"""A board brings tools while an MCP client is there: the client is told, in both protocols."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
import pytest
from handrail_bridge.agents import toolset
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.mcp import http
from handrail_bridge.mcp.server import McpServer
from mcp.client import Client
from mcp.server.subscriptions import ToolsListChanged
from stand_in_rail import StandInRail, listed

LIMIT = 60  # s for all of a test


@pytest.fixture
async def rail() -> StandInRail:
    return StandInRail()


@pytest.fixture
async def server(rail: StandInRail) -> Any:
    tools = await ToolSet.of(rail, "me")  # type: ignore[arg-type]  # its stand-in
    return McpServer(tools, None).sdk


class Told:
    """What a client of the old protocol is told unasked."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[Any] = asyncio.Queue()

    async def __call__(self, message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self.changes.put_nowait(message)


def plug_in(rail: StandInRail, scales: int) -> None:
    rail.has = listed(scales)
    rail.changed.set()


async def readable(client: Client) -> list[str]:
    """Return what `read` takes, as the client lists it by now."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    names: list[str] = tools["read"].input_schema["properties"]["tool"]["enum"]
    return names


@asynccontextmanager
async def served(server: Any) -> AsyncIterator[str]:
    """Serve over HTTP; gives the address."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(http.serve(server, "127.0.0.1:0", address.set_result))
    try:
        yield await address
    finally:
        serving.cancel()
        await asyncio.wait({serving})


async def follow(client: Client, rail: StandInRail) -> None:
    """Plug a board in and out, as a client that listens."""
    assert client.server_capabilities.tools is not None
    assert client.server_capabilities.tools.list_changed
    async with client.listen(tools_list_changed=True) as changes:
        for scales in (2, 1):
            plug_in(rail, scales)
            assert isinstance(await anext(changes), ToolsListChanged)
            assert ("scale_1_read_weight" in await readable(client)) == (scales == 2)


async def test_who_listens_is_told_of_tools_that_come_and_go(
    server: Any, rail: StandInRail
) -> None:
    async with asyncio.timeout(LIMIT), Client(server) as client:
        await follow(client, rail)


async def test_over_http_too(server: Any, rail: StandInRail) -> None:
    async with asyncio.timeout(LIMIT), served(server) as url, Client(url) as client:
        await follow(client, rail)


async def test_a_client_of_the_old_protocol_is_told_on_its_connection(
    server: Any, rail: StandInRail
) -> None:
    told = Told()
    async with (
        asyncio.timeout(LIMIT),
        Client(server, mode="legacy", message_handler=told) as client,
    ):
        assert client.server_capabilities.tools is not None
        assert client.server_capabilities.tools.list_changed
        assert "scale_1_read_weight" not in await readable(client)
        for scales in (2, 1):
            plug_in(rail, scales)
            await told.changes.get()
            assert ("scale_1_read_weight" in await readable(client)) == (scales == 2)


async def test_a_list_that_is_as_it_was_is_no_change(server: Any, rail: StandInRail) -> None:
    told = Told()
    async with (
        asyncio.timeout(LIMIT),
        Client(server, mode="legacy", message_handler=told) as client,
    ):
        await readable(client)
        plug_in(rail, 1)
        while rail.changed.is_set():  # until it was looked at
            await asyncio.sleep(0)
        plug_in(rail, 2)
        await told.changes.get()
        assert "scale_1_read_weight" in await readable(client)
        assert told.changes.empty()


async def test_a_bridge_that_was_gone_is_asked_again(
    server: Any, rail: StandInRail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolset, "AGAIN", 0.0)
    rail.gone = 3
    async with asyncio.timeout(LIMIT), Client(server) as client:
        await follow(client, rail)
    assert rail.gone == 0
