"""``handrail mcp``: the tool set as an MCP server, for one agent."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from handrail_drivers.errors import InvalidValue

from handrail_bridge import run_dir
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.cli.output import problems
from handrail_bridge.cli.reach import OfCell
from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient

if TYPE_CHECKING:
    from handrail_bridge.mcp.approval import Person

LONGEST_NAME = 80  # characters, of a lease and of mail


def mcp(
    address: Annotated[
        str, typer.Option(help="HOST:PORT of the bridge; none: the running one")
    ] = "",
    http: Annotated[
        str, typer.Option(help="HOST:PORT on loopback for streamable HTTP; none: stdio")
    ] = "",
    each: Annotated[
        bool, typer.Option("--each", help="one tool per operation of the cell")
    ] = False,
    name: Annotated[
        str, typer.Option(help="of the agent, its lease and its mail; none: a new one each time")
    ] = "",
    of_cell: OfCell = None,
) -> None:
    """Serve the cell's tools to an MCP client, on stdio until it leaves."""
    import uvloop  # here: no other command waits for it

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    own = _own(name)
    uvloop.run(_serve(address or run_dir.running(of_cell).address, http, each, own))


def _own(name: str) -> str:
    """Return what the agent is called, or refuse a name that no lease could have."""
    if len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise InvalidValue(
            f"A name has 1 to {LONGEST_NAME} printable characters, and no space at its ends.",
            field="name",
            value=len(name),
            limit=LONGEST_NAME,
        )
    return name or f"MCP server {os.getpid()}"


async def _serve(address: str, http: str, each: bool, name: str) -> None:
    leave = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, leave.set)
    # One that serves HTTP outlives the shell that started it: its clients are others.
    with contextlib.nullcontext() if http else _parent_watched(leave):
        async with Client.connect(address) as rail, contextlib.AsyncExitStack() as stack:
            serving = asyncio.create_task(_served(rail, http, each, name, stack))
            leaving = asyncio.create_task(leave.wait())
            await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if not serving.done():
                serving.cancel()
                await asyncio.wait({serving})
            if not serving.cancelled():
                serving.result()


async def _served(
    rail: Client, http: str, each: bool, name: str, stack: contextlib.AsyncExitStack
) -> None:
    from handrail_bridge.agents.own_tools import Mailing, tools_of
    from handrail_bridge.mcp import http as over_http  # `handrail stop` must not wait for these
    from handrail_bridge.mcp import stdio
    from handrail_bridge.mcp.server import McpServer

    tools = await ToolSet.of(rail, name, each)
    tools.tools |= {tool.name: tool for tool in tools_of(Mailing(rail, name))}
    if http:
        server = McpServer(tools, None)
        await over_http.serve(server.sdk, http, lambda url: problems.print(f"MCP on {url}"))
        return
    server = McpServer(tools, await _person(rail, stack))
    gc.collect()
    gc.freeze()  # what is loaded stays: no call waits while the collector looks at it again
    async with stdio.streams() as (incoming, outgoing):
        await server.sdk.run(incoming, outgoing, server.sdk.create_initialization_options())


async def _person(rail: Client, stack: contextlib.AsyncExitStack) -> Person | None:
    """Return who is asked at the client, where the cell allows it and the bridge is this user's."""
    from handrail_bridge.mcp.approval import Person

    if not (await rail.cell()).cell["approval"]["elicitation"]:
        return None
    bridge = await asyncio.to_thread(run_dir.at, rail.address)
    if bridge is None:
        problems.print(
            f"No bridge of yours is known at {rail.address}: nobody is asked at the client, and "
            "what needs a person waits for `handrail approve`."
        )
        return None
    return Person(await stack.enter_async_context(OperatorClient.connect(bridge.operator_socket)))


@contextlib.contextmanager
def _parent_watched(leave: asyncio.Event) -> Iterator[None]:
    """Leave once the process that started this one has ended.

    The kernel's signal for it comes with the end of the thread that started us, which in a
    client of somebody else may be any.
    """
    parent = os.getppid()
    watched = os.pidfd_open(parent)
    loop = asyncio.get_running_loop()
    loop.add_reader(watched, leave.set)
    if os.getppid() != parent:
        leave.set()
    try:
        yield
    finally:
        loop.remove_reader(watched)
        os.close(watched)
