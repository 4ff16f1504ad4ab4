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
from typing import Annotated

import typer

from handrail_bridge import run_dir
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.cli.output import problems
from handrail_bridge.cli.reach import OfCell
from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient


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
    of_cell: OfCell = None,
) -> None:
    """Serve the cell's tools to an MCP client, on stdio until it leaves."""
    import uvloop  # here: no other command waits for it

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    uvloop.run(_serve(address or run_dir.running(of_cell).address, http, each))


async def _serve(address: str, http: str, each: bool) -> None:
    leave = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, leave.set)
    with _parent_watched(leave):
        async with Client.connect(address) as rail, contextlib.AsyncExitStack() as stack:
            serving = asyncio.create_task(_served(rail, http, each, stack))
            leaving = asyncio.create_task(leave.wait())
            await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if not serving.done():
                serving.cancel()
                await asyncio.wait({serving})
            if not serving.cancelled():
                serving.result()


async def _served(rail: Client, http: str, each: bool, stack: contextlib.AsyncExitStack) -> None:
    from handrail_bridge.agents.own_tools import Mailing, tools_of
    from handrail_bridge.mcp import http as over_http  # `handrail stop` must not wait for these
    from handrail_bridge.mcp import stdio
    from handrail_bridge.mcp.approval import Person
    from handrail_bridge.mcp.server import McpServer

    holder = f"MCP server {os.getpid()}"
    tools = await ToolSet.of(rail, holder, each)
    tools.tools |= {tool.name: tool for tool in tools_of(Mailing(rail, holder))}
    if http:
        server = McpServer(tools, None)
        await over_http.serve(server.sdk, http, lambda url: problems.print(f"MCP on {url}"))
        return
    person = None
    cell = await rail.cell()
    if cell.cell["approval"]["elicitation"] and (socket := _operator_socket(rail.address)):
        operator = await stack.enter_async_context(OperatorClient.connect(socket))
        person = Person(operator)
    server = McpServer(tools, person)
    gc.collect()
    gc.freeze()  # what is loaded stays: no call waits while the collector looks at it again
    async with stdio.streams() as (incoming, outgoing):
        await server.sdk.run(incoming, outgoing, server.sdk.create_initialization_options())


def _operator_socket(address: str) -> str:
    """Return the operator's socket of the bridge at an address, where it is this user's."""
    found = [bridge for bridge in run_dir.all_running() if bridge.address == address]
    return found[0].operator_socket if found else ""


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
