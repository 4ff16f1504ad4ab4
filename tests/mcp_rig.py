"""``handrail mcp`` as MCP clients start and use it: the SDK's, bare HTTP, the inspector."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from handrail_bridge.loop.state import Mode
from handrail_bridge.rig import HANDRAIL
from mcp import StdioServerParameters
from mcp.client import Client
from running_cell import RunningCell, assert_stood_at_once
from waiting import until_async

MODULES = Path(sys.prefix) / "peers" / "node_modules"
INSPECTOR = MODULES / "@modelcontextprotocol" / "inspector-cli" / "build" / "index.js"
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def server(cell: RunningCell) -> StdioServerParameters:
    command, *rest = HANDRAIL
    return StdioServerParameters(command=command, args=[*rest, "mcp"], env=cell.environment)


def mcp_processes(parent: int) -> list[psutil.Process]:
    children = psutil.Process(parent).children()
    return [child for child in children if child.cmdline()[-1:] == ["mcp"]]


def turn(cell: RunningCell, speed: float = 0.5) -> dict[str, Any]:
    """A plan that turns the base half a radian, to the side where it is not."""
    pan = 0.7 if cell.joints()["shoulder_pan"] > 0.95 else 1.2
    step = {"tool": "arm_move_joints", "positions": {"shoulder_pan": pan}, "speed": speed}
    return {"steps": [step]}


async def checked(one: Client, plan: dict[str, Any]) -> str:
    answer = await one.call_tool("plan_check", plan)
    assert answer.structured_content["passed"], answer
    handle: str = answer.structured_content["plan"]
    return handle


@contextlib.asynccontextmanager
async def moving(one: Client, cell: RunningCell) -> AsyncIterator[asyncio.Task[Any]]:
    """A slow motion that has begun."""
    began = asyncio.Event()

    async def progress(fraction: float, *_: Any) -> None:
        if fraction > 0.15:
            began.set()

    handle = await checked(one, turn(cell, 0.1))
    run = one.call_tool("plan_run", {"plan": handle}, progress_callback=progress)
    running = asyncio.create_task(run)
    await asyncio.wait_for(began.wait(), 20)
    yield running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def released(cell: RunningCell) -> None:
    """Nobody holds a lease, and the cell is not latched: only what moved was stopped."""
    async with cell.agent() as rail:

        async def so() -> bool:
            state = await rail.state()
            return not state.leases and state.mode == Mode.ARMED

        await until_async(so, 10)


async def cancel_in_motion(one: Client, cell: RunningCell) -> None:
    async with moving(one, cell) as running:
        since = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.to_thread(assert_stood_at_once, cell, since)
        await released(cell)
    assert not (await one.call_tool("state", {})).is_error  # it serves on


def message(method: str, params: dict[str, Any], number: int = 1) -> bytes:
    told = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(told).encode() + b"\n"


def port_of(url: str) -> int:
    return int(url.split(":")[2].split("/")[0])


async def sent(writer: asyncio.StreamWriter, body: bytes, *more: str) -> None:
    head = (
        *("POST /mcp HTTP/1.1", "Host: localhost:80", "Content-Type: application/json"),
        *("Accept: application/json, text/event-stream", f"Content-Length: {len(body)}", *more),
    )
    writer.write("\r\n".join((*head, "", "")).encode() + body)
    await writer.drain()


async def posted(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
) -> list[str]:
    """Post a message; return the answer's head."""
    await sent(writer, body)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    while (size := int(await reader.readline(), 16)) > 0:  # chunk by chunk
        await reader.readexactly(size + 2)
    await reader.readline()
    return head


def inspected(cell: RunningCell, target: list[str], *arguments: str) -> Any:
    """Run the TypeScript inspector's CLI against a server; return what it prints."""
    ended = subprocess.run(
        ["node", str(INSPECTOR), *target, *arguments],
        capture_output=True,
        text=True,
        cwd=INSPECTOR.parent,  # it looks for its own description from there
        env=cell.environment,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended
    return json.loads(ended.stdout)
