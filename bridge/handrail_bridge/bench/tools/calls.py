"""One observing call by every road of gRPC, and by the same road bare; clients all at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc.aio
import numpy as np
import websockets.asyncio.client
from handrail.v1 import rail_pb2 as rpc
from handrail.v1 import rail_pb2_grpc
from numpy.typing import NDArray

from handrail_bridge.bench.reference import bidi_echo, grpc_echo
from handrail_bridge.bench.tools import instrument
from handrail_bridge.client import Client

UNARY, STREAM = "unary", "stream"
BARE_UNARY, BARE_STREAM, WEBSOCKET = "bare unary", "bare stream", "websocket JSON"
NAMES = (UNARY, STREAM, BARE_UNARY, BARE_STREAM, WEBSOCKET)
CALL = 10.0  # s
STRETCHES = 4  # of each road in a round, in turn

Times = NDArray[np.float64]  # us
Round = dict[str, Times]
Call = Callable[[], Awaitable[Any]]


async def rounds(
    address: str, bare: tuple[int, int, int], clients: int, count: int, calls: int
) -> list[Round]:
    """Have so many clients of every road call so often in each round, in turn.

    ``bare``: ports of the unary, the streaming and the websocket echo.
    """
    async with contextlib.AsyncExitStack() as stack:
        roads: dict[str, list[Call]] = {name: [] for name in NAMES}
        for _ in range(clients):
            roads[UNARY].append(await stack.enter_async_context(_unary(address)))
            roads[STREAM].append(await stack.enter_async_context(_stream(address)))
            roads[BARE_UNARY].append(await stack.enter_async_context(_bare_unary(bare[0])))
            roads[BARE_STREAM].append(
                await stack.enter_async_context(bare_stream(bare[1], bytes(payload()[0])))
            )
            roads[WEBSOCKET].append(await stack.enter_async_context(_websocket(bare[2])))
        await _round(roads, STRETCHES)
        return [await _round(roads, calls) for _ in range(count)]


async def _round(roads: dict[str, list[Call]], calls: int) -> Round:
    found: dict[str, list[Times]] = {name: [] for name in roads}
    for _ in range(STRETCHES):
        for name, clients in roads.items():
            found[name].append(await timed(clients, max(calls // STRETCHES, 1)))
    return {name: np.concatenate(times) for name, times in found.items()}


async def timed(clients: Sequence[Call], calls: int) -> Times:
    """Have each client call so often, one call after the other, all clients at once."""

    async def one(call: Call) -> Times:
        times = np.empty(calls)
        for n in range(calls):
            began = time.perf_counter()
            await call()
            times[n] = time.perf_counter() - began
        return times * 1e6

    return np.concatenate(await asyncio.gather(*map(one, clients)))


def payload() -> tuple[int, int]:
    """Return how many bytes a call of ours takes to and fro."""
    asked = rpc.CallToolRequest(name=instrument.NAME, arguments_json=instrument.ARGUMENTS_JSON)
    told = instrument.Instrument().read_tank(names=["level", "pressure", "temperature"])
    answer = rpc.CallToolResponse(
        result_json=told.model_dump_json(), time_ns=told.time_ns, age_s=1e-4
    )
    return asked.ByteSize(), answer.ByteSize()


@contextlib.asynccontextmanager
async def _unary(address: str) -> AsyncIterator[Call]:
    async with single_calls(address, instrument.NAME, instrument.ARGUMENTS) as call:
        yield call


@contextlib.asynccontextmanager
async def single_calls(
    address: str, tool: str, arguments: Mapping[str, Any]
) -> AsyncIterator[Call]:
    """Have the road of a client that knows nothing of streams: a call by itself."""

    async def call() -> Any:
        text = json.dumps(arguments)
        answer = await stub.CallTool(
            rpc.CallToolRequest(name=tool, arguments_json=text), timeout=CALL
        )
        return json.loads(answer.result_json)

    async with grpc.aio.insecure_channel(address) as channel:
        stub: rail_pb2_grpc.RailAsyncStub = rail_pb2_grpc.RailStub(channel)
        yield call


@contextlib.asynccontextmanager
async def _stream(address: str) -> AsyncIterator[Call]:
    async with Client.connect(address) as rail:
        await rail.tools()
        yield lambda: rail.call(instrument.NAME, **instrument.ARGUMENTS)


@contextlib.asynccontextmanager
async def _bare_unary(port: int) -> AsyncIterator[Call]:
    asked = bytes(payload()[0])
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        say: Any = channel.unary_unary(f"/{grpc_echo.SERVICE}/{grpc_echo.METHOD}")
        yield lambda: say(asked, timeout=CALL)


@contextlib.asynccontextmanager
async def bare_stream(port: int, asked: bytes) -> AsyncIterator[Call]:
    """Have a bare stream of gRPC to and fro."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        talk: Any = channel.stream_stream(f"/{bidi_echo.SERVICE}/{bidi_echo.METHOD}")
        stream = talk()

        async def exchange() -> Any:
            await stream.write(asked)
            return await stream.read()

        yield exchange
        stream.cancel()


@contextlib.asynccontextmanager
async def _websocket(port: int) -> AsyncIterator[Call]:
    asked = instrument.ARGUMENTS_JSON
    async with websockets.asyncio.client.connect(f"ws://127.0.0.1:{port}") as socket:

        async def exchange() -> Any:
            await socket.send(asked)
            return await socket.recv()

        yield exchange
