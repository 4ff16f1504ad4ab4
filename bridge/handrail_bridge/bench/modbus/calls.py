"""One value read by every road: our tools, our server, bare pymodbus, and a bare call of gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
from handrail.v1 import rail_pb2 as rpc
from handrail_drivers.errors import ProcessLost
from numpy.typing import NDArray

from handrail_bridge.bench.modbus import maps, tooling
from handrail_bridge.bench.modbus.children import child
from handrail_bridge.bench.reference.grpc_echo import METHOD, SERVICE
from handrail_bridge.bench.tools.calls import bare_stream, single_calls
from handrail_bridge.client import Client
from handrail_bridge.tools import Tools

STRETCH = 50  # calls that one makes before it is the next one's turn
NAMES = (maps.VALUE,)
CALL = 10.0  # s
DRIVER, TOOL = "driver", "tool"
RAIL, SINGLE = "rail", "single call"
STREAM, ECHO = "bare stream", "bare call"
PYMODBUS, ASYNCIO, THREAD = "pymodbus", "pymodbus, asyncio", "pymodbus, thread"

Times = NDArray[np.float64]  # us
Round = dict[str, Times]
Call = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Contestants:
    """Who reads the value: some wait where they are, some leave the event loop to others."""

    waiting: dict[str, Callable[[], object]]
    awaited: dict[str, Call]

    async def round(self, calls: int) -> Round:
        """Have everyone read so often, a stretch each and all over again."""
        stretches = [await self._stretch() for _ in range(calls // STRETCH)]
        return {name: np.concatenate([one[name] for one in stretches]) for name in stretches[0]}

    async def _stretch(self) -> Round:
        found = {name: _timed(way, STRETCH) for name, way in self.waiting.items()}
        for name, way in self.awaited.items():
            found[name] = await _timed_calls(way, STRETCH)
        return found


async def rounds(file: Path, port: int, count: int, calls: int) -> list[Round]:
    """Have every contestant read so often in each round, in turn.

    Raises:
        HandrailError: one of them failed, or they do not read the same.
    """
    async with contextlib.AsyncExitStack() as stack:
        found = await _contestants(file, port, stack)
        await found.round(STRETCH)
        return [await found.round(calls) for _ in range(count)]


async def _contestants(file: Path, port: int, stack: contextlib.AsyncExitStack) -> Contestants:
    # Not everybody has what a developer has.
    from handrail_bridge.bench.reference.pymodbus_client import AsyncPymodbusClient, PymodbusClient

    device = stack.enter_context(tooling.device(file, port))
    tools = tooling.tools(device)
    door = stack.enter_context(child("modbus.door", file, port)).line()
    rail = await stack.enter_async_context(Client.connect(door))
    bare = PymodbusClient(port, maps.ADDRESS)
    stack.callback(bare.close)
    its_async = await AsyncPymodbusClient.connect(port, maps.ADDRESS)
    stack.callback(its_async.close)
    answer = await _answer(tools)
    _require_same(json.loads(answer.result_json), await _over(rail), bare.read())
    awaited: dict[str, Call] = {
        TOOL: lambda: _tool(tools),
        RAIL: lambda: _over(rail),
        SINGLE: await stack.enter_async_context(
            single_calls(door, tooling.TOOL, tooling.ARGUMENTS)
        ),
        STREAM: await stack.enter_async_context(_bare_stream(answer)),
        ECHO: await stack.enter_async_context(_echo(answer)),
        ASYNCIO: its_async.read,
        THREAD: lambda: asyncio.to_thread(bare.read),
    }
    return Contestants({PYMODBUS: bare.read, DRIVER: lambda: device.read(NAMES)}, awaited)


def _timed(way: Callable[[], object], calls: int) -> Times:
    times = np.empty(calls)
    for n in range(calls):
        began = time.perf_counter()
        way()
        times[n] = time.perf_counter() - began
    return times * 1e6


async def _timed_calls(way: Call, calls: int) -> Times:
    times = np.empty(calls)
    for n in range(calls):
        began = time.perf_counter()
        await way()
        times[n] = time.perf_counter() - began
    return times * 1e6


async def _tool(tools: Tools) -> Any:
    return await tools.call(tooling.TOOL, tooling.ARGUMENTS_JSON)


async def _over(rail: Client) -> Any:
    return await rail.call(tooling.TOOL, **tooling.ARGUMENTS)


async def _answer(tools: Tools) -> rpc.CallToolResponse:
    """Return what the server would answer."""
    result = await _tool(tools)
    time_ns = result["time_ns"]
    return rpc.CallToolResponse(result_json=json.dumps(result), time_ns=time_ns, age_s=1e-4)


def _asked() -> bytes:
    """Return as many bytes as a call of ours has."""
    request = rpc.CallToolRequest(name=tooling.TOOL, arguments_json=tooling.ARGUMENTS_JSON)
    return bytes(request.ByteSize())


@contextlib.asynccontextmanager
async def _echo(answer: rpc.CallToolResponse) -> AsyncIterator[Call]:
    """Have a bare call, with as many bytes to and fro as ours has."""
    with child("reference.grpc_echo", answer.ByteSize()) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.line()}") as channel:
            say: Any = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            asked = _asked()
            yield lambda: say(asked, timeout=CALL)


@contextlib.asynccontextmanager
async def _bare_stream(answer: rpc.CallToolResponse) -> AsyncIterator[Call]:
    """Have a bare stream, likewise."""
    with child("reference.bidi_echo", answer.ByteSize()) as server:
        async with bare_stream(int(server.line()), _asked()) as exchange:
            yield exchange


def _require_same(ours: dict[str, Any], over: dict[str, Any], bare: float) -> None:
    values = ours[maps.VALUE], over[maps.VALUE], bare
    if len(set(values)) != 1:
        raise ProcessLost(f"The contestants do not read the same: {values}.")
