"""The bridge's server with the tools of one device: ``python -m ... MAP PORT PARENT``, until ended.

Prints its address; the operator's socket lies beside the map. There is no arm in this process, so
that a call meets nothing but its own road.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import uvloop
from handrail_sim.lifeline import die_with

from handrail_bridge.bench.modbus import tooling
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService

NO_RAIL: Any = None  # a tool that observes asks nothing of it


async def serve(file: Path, port: int) -> None:
    """Serve until the process is ended."""
    with tooling.device(file, port) as device:
        service = RailService(NO_RAIL, tooling.tools(device), {}, tuple)
        server = Server(service, NO_RAIL, Mailbox(file.parent))
        await server.start("127.0.0.1:0", file.with_name("operator"))
        print(server.address, flush=True)  # noqa: T201  for who waits
        await asyncio.Event().wait()


if __name__ == "__main__":
    die_with(int(sys.argv[3]))
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
