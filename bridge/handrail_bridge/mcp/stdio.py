"""MCP on standard input and output: one JSON message a line, and nothing else on the wire.

The SDK's own transport reads in a thread, which nobody can cancel and which every message waits
for twice; this one belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from handrail_drivers.errors import Refused
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

LONGEST = 4 << 20  # bytes of one message
Incoming = SessionMessage | Exception


@contextlib.asynccontextmanager
async def streams() -> AsyncIterator[
    tuple[MemoryObjectReceiveStream[Incoming], MemoryObjectSendStream[SessionMessage]]
]:
    """Yield what the server reads from and writes to; what is printed meanwhile goes to stderr.

    Raises:
        Refused: standard input or output is a file.
    """
    reader, writer = await _wire()
    to_server, incoming = anyio.create_memory_object_stream[Incoming](8)
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](8)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, reader, to_server)
        tasks.start_soon(_write, writer, from_server)
        try:
            yield incoming, outgoing
        finally:
            tasks.cancel_scope.cancel()
            writer.close()


async def _wire() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the pipes of this process, and leave stderr and nothing in their place."""
    _require_pipes()
    loop = asyncio.get_running_loop()
    source, sink = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    sys.stdout.flush()
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    reader = asyncio.StreamReader(LONGEST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    flow: Any = asyncio.streams.FlowControlMixin
    transport, protocol = await loop.connect_write_pipe(flow, sink)
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def _require_pipes() -> None:
    for descriptor in (0, 1):
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)):
            raise Refused(  # libuv would end the process, and say nothing
                "MCP on standard input and output needs pipes, not files.",
                hint="have an MCP client start `handrail mcp`, or use --http",
            )


async def _read(reader: asyncio.StreamReader, server: MemoryObjectSendStream[Incoming]) -> None:
    """Hand on message by message until the client closes, or sends one of no end."""
    async with server:
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                await server.send(_message(await reader.readuntil(b"\n")))


def _message(line: bytes) -> Incoming:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError as error:
        return error


async def _write(
    writer: asyncio.StreamWriter, server: MemoryObjectReceiveStream[SessionMessage]
) -> None:
    async with server:
        with contextlib.suppress(ConnectionError):
            async for sent in server:
                text = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
                writer.write(text.encode() + b"\n")
                await writer.drain()
