"""One value read by every road: our tools, our server, bare pymodbus, and a bare call of gRPC."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio
import numpy as np
from handrail.v1 import rail_pb2 as rpc
from handrail_drivers.errors import ProcessLost
from numpy.typing import NDArray

from handrail_bridge.bench.modbus import maps, tooling
from handrail_bridge.bench.modbus.children import child
from handrail_bridge.bench.reference.grpc_echo import METHOD, SERVICE
from handrail_bridge.client import Client
from handrail_bridge.tools import Tools

if TYPE_CHECKING:
    from handrail_bridge.bench.reference.pymodbus_client import PymodbusClient

WARM = 50  # calls
CALL = 10.0  # s
TOOL, RAIL, ECHO = "tool", "rail", "echo"
PYMODBUS, ASYNCIO = "pymodbus", "pymodbus, asyncio"

Times = NDArray[np.float64]  # us
Round = dict[str, Times]
Call = Callable[[], Awaitable[Any]]


async def rounds(file: Path, port: int, count: int, calls: int) -> list[Round]:
    """Have every contestant read so often in each round, in turn.

    Raises:
        HandrailError: one of them failed, or they do not read the same.
    """
    # Not everybody has what a developer has.
    from handrail_bridge.bench.reference.pymodbus_client import AsyncPymodbusClient, PymodbusClient

    async with contextlib.AsyncExitStack() as stack:
        device = stack.enter_context(tooling.device(file, port))
        tools = tooling.tools(device)
        rail = await stack.enter_async_context(_rail(file, port))
        bare = PymodbusClient(port, maps.ADDRESS)
        stack.callback(bare.close)
        its_async = await AsyncPymodbusClient.connect(port, maps.ADDRESS)
        stack.callback(its_async.close)
        echo = await stack.enter_async_context(_echo(await _answer(tools)))
        _require_same(await _answer(tools), await _over(rail), bare.read())
        ways: dict[str, Call] = {TOOL: lambda: _tool(tools), RAIL: lambda: _over(rail)}
        ways |= {ECHO: echo, ASYNCIO: its_async.read}
        await _round(ways, bare, WARM)
        return [await _round(ways, bare, calls) for _ in range(count)]


async def _round(ways: dict[str, Call], bare: PymodbusClient, calls: int) -> Round:
    found = {PYMODBUS: _timed(bare.read, calls)}
    for name, way in ways.items():
        found[name] = await _timed_calls(way, calls)
    return found


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


@contextlib.asynccontextmanager
async def _rail(file: Path, port: int) -> AsyncIterator[Client]:
    with child("modbus.door", file, port) as door:
        async with Client.connect(door.line()) as rail:
            yield rail


@contextlib.asynccontextmanager
async def _echo(answer: rpc.CallToolResponse) -> AsyncIterator[Call]:
    """Have a bare call, with as many bytes to and fro as ours has."""
    request = rpc.CallToolRequest(name=tooling.TOOL, arguments_json=tooling.ARGUMENTS_JSON)
    asked = bytes(request.ByteSize())
    with child("reference.grpc_echo", answer.ByteSize()) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.line()}") as channel:
            say: Any = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            yield lambda: say(asked, timeout=CALL)


def _require_same(answer: rpc.CallToolResponse, over: dict[str, Any], bare: float) -> None:
    values = json.loads(answer.result_json)[maps.VALUE], over[maps.VALUE], bare
    if len(set(values)) != 1:
        raise ProcessLost(f"The contestants do not read the same: {values}.")
