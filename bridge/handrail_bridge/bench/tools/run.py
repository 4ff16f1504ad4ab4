"""``handrail bench tools``: what a tool call costs on every road, beside the same road bare."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import tempfile
from collections.abc import Iterator

from handrail_drivers.errors import ProcessLost

from handrail_bridge.bench.modbus.children import Child, child
from handrail_bridge.bench.modbus.summary import number
from handrail_bridge.bench.report import Report, Row, markdown
from handrail_bridge.bench.tools import calls, mcp, watching
from handrail_bridge.bench.tools.summary import call_rows, mcp_rows, watch_rows

# By the number of clients: rounds, and calls of each client in a round. Then those through MCP, and
# rounds and seconds of watching.
MANY = ({1: (9, 600), 8: (9, 120), 64: (9, 24)}, (9, 200), (5, 4))
FEW = ({1: (1, 20), 8: (1, 8)}, (1, 10), (1, 1))


def measure(quick: bool = False) -> Report:
    """Measure calls, MCP and watching; ``quick`` as little as shows that it works.

    Raises:
        HandrailError: a contestant failed, or websockets are missing.
    """
    if importlib.util.find_spec("websockets") is None:
        raise ProcessLost("websockets is missing.", hint="pip install websockets")
    # A short name: Unix socket paths are short. One runner: gRPC wants one event loop a process.
    with tempfile.TemporaryDirectory(prefix="hr-") as folder, asyncio.Runner() as runner:
        rows = list(_rows(runner, folder, *(FEW if quick else MANY)))
    note = (
        "contestants in turn, ratios within a round, medians of rounds; each server a process, all "
        "clients of a round in one"
    )
    return Report("tools", note, rows, markdown(rows, note, number))


def _rows(
    runner: asyncio.Runner,
    folder: str,
    called: dict[int, tuple[int, int]],
    by_mcp: tuple[int, int],
    watched: tuple[int, int],
) -> Iterator[Row]:
    size = calls.payload()[1]
    with child("tools.door", folder) as door:
        address = door.line()
        _tell("calls by 1, 8 and 64 clients")
        yield from call_rows(
            {count: _calls(runner, address, size, count, *often) for count, often in called.items()}
        )
        _tell("calls through MCP")
        yield from mcp_rows(mcp.rounds(address, size, *by_mcp))
        _tell("the state watched by many")
        yield from watch_rows(_watched(runner, address, door, *watched))


def _calls(
    runner: asyncio.Runner, address: str, size: int, clients: int, count: int, often: int
) -> list[calls.Round]:
    with (
        child("reference.grpc_echo", size) as unary,
        child("reference.bidi_echo", size) as stream,
        child("reference.websocket_echo", size) as websocket,
    ):
        ports = int(unary.line()), int(stream.line()), int(websocket.line())
        return runner.run(calls.rounds(address, ports, clients, count, often))


def _watched(
    runner: asyncio.Runner, address: str, door: Child, count: int, seconds: float
) -> list[tuple[watching.Watched, watching.Watched]]:
    size = runner.run(watching.size(address))
    with child("reference.grpc_stream", size, watching.RATE) as bare:
        port = int(bare.line())
        return [
            (
                runner.run(watching.ours(address, door.pid, seconds)),
                runner.run(watching.bare(port, bare.pid, seconds)),
            )
            for _ in range(count)
        ]


def _tell(what: str) -> None:
    """Say on standard error what takes so long."""
    sys.stderr.write(f"bench tools: {what}\n")
