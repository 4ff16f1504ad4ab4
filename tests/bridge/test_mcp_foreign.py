"""``handrail mcp`` as a process, with the TypeScript SDK's clients of every older protocol."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.bench.tools import instrument
from handrail_bridge.bench.tools.door import Standing
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService
from handrail_bridge.tools import Tools
from handrail_drivers.api import Effect, tool
from mcp_rig import MODULES

PEER = Path(__file__).parents[1] / "wire" / "peers" / "mcp_client.js"
VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
LIMIT = 60  # s for all of a test


class Lamp:
    """A device as a board may be after it was flashed."""

    @tool(Effect.CONFIGURE)
    def set_lamp(self) -> dict[str, bool]:
        """Light it."""
        return {"lit": True}


class Peer:
    """The TypeScript process; a line of it is what one of its clients found."""

    def __init__(self, process: asyncio.subprocess.Process, versions: Sequence[str]) -> None:
        self._process, self._versions = process, versions

    async def told(self) -> dict[str, dict[str, Any]]:
        """Return the next that every client tells, by its version."""
        found: dict[str, dict[str, Any]] = {}
        assert self._process.stdout is not None
        while len(found) < len(self._versions):
            line = json.loads(await self._process.stdout.readline() or "{}")
            assert line.get("version") not in {None, *found}, line
            found[line["version"]] = line
        return found


@pytest.fixture
def tools() -> Tools:
    return instrument.tools()


@pytest.fixture
async def address(tmp_path: Path, tools: Tools) -> AsyncIterator[str]:
    """A bridge's door, and no arm behind it."""
    standing: Any = Standing()
    mailbox = Mailbox(tmp_path)
    server = Server(RailService(standing, tools, {}, tuple), standing, mailbox)
    await server.start("127.0.0.1:0", tmp_path / "o")
    yield server.address
    await server.close()
    mailbox.close()


@asynccontextmanager
async def started(*command: str, **more: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, **more)
    try:
        yield process
        await process.communicate(b"")  # its input ends, and it leaves
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def peer(versions: Sequence[str], *where: str) -> AsyncIterator[Peer]:
    environment = {**os.environ, "NODE_PATH": str(MODULES)}
    command = ("node", str(PEER), ",".join(versions), *where)
    async with started(*command, env=environment) as process:
        yield Peer(process, versions)


async def follow(client: Peer, tools: Tools) -> None:
    """Plug a board in and out before clients of all versions."""
    for version, found in (await client.told()).items():
        assert (found["agreed"], found["promised"]) == (version, True)
        assert "configure" not in found["tools"]
        assert found["state"]["structuredContent"]["mode"] == "armed"
        assert found["refused"]
    for device in (Lamp(), object()):
        tools.renew("tower", device)
        for found in (await client.told()).values():
            assert ("configure" in found["tools"]) == isinstance(device, Lamp)


def served(address: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "handrail_bridge.cli.main", "mcp", "--address", address, *more]


async def test_older_clients_are_served_and_told_over_http(address: str, tools: Tools) -> None:
    command = served(address, "--http", "127.0.0.1:0")
    async with asyncio.timeout(LIMIT), started(*command, stderr=asyncio.subprocess.PIPE) as server:
        assert server.stderr is not None
        url = (await server.stderr.readline()).decode().removeprefix("MCP on ").strip()
        async with peer(VERSIONS, "http", url) as client:
            await follow(client, tools)
        server.terminate()


async def test_the_oldest_is_served_and_told_over_stdio(address: str, tools: Tools) -> None:
    async with asyncio.timeout(LIMIT), peer(VERSIONS[:1], "stdio", *served(address)) as client:
        await follow(client, tools)
