"""What it costs to tell the state to many: CPU of the server's process, beside a bare stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

import grpc.aio
import psutil
from handrail_drivers.errors import ProcessLost

from handrail_bridge.bench.reference import grpc_stream
from handrail_bridge.client import Client
from handrail_bridge.rpc import messages

WATCHERS = 50
RATE = 50.0  # Hz
BEGIN = 30.0  # s


@dataclass(frozen=True, slots=True)
class Watched:
    """CPU of the server [cores], and which part of the messages came."""

    cpu: float
    reached: float


async def ours(address: str, pid: int, seconds: float) -> Watched:
    """Have the state watched by so many, each on a connection of its own."""
    async with contextlib.AsyncExitStack() as stack:
        rails = [await stack.enter_async_context(Client.connect(address)) for _ in range(WATCHERS)]
        return await _watched([rail.watch(RATE) for rail in rails], pid, seconds)


async def bare(port: int, pid: int, seconds: float) -> Watched:
    """Have as many bytes streamed to as many by gRPC alone."""
    async with contextlib.AsyncExitStack() as stack:
        streams = []
        for _ in range(WATCHERS):
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            await stack.enter_async_context(channel)
            watch: Any = channel.unary_stream(f"/{grpc_stream.SERVICE}/{grpc_stream.METHOD}")
            streams.append(_read(watch(b"")))
        return await _watched(streams, pid, seconds)


async def _read(call: Any) -> AsyncIterator[Any]:
    try:
        async for message in call:
            yield message
    finally:
        call.cancel()


async def _watched(streams: list[Any], pid: int, seconds: float) -> Watched:
    counts, all_begun = [0] * len(streams), asyncio.Event()

    async def count(number: int) -> None:
        async with contextlib.aclosing(streams[number]) as stream:
            async for _ in stream:
                counts[number] += 1
                if not all_begun.is_set() and all(counts):
                    all_begun.set()

    async def measure() -> Watched:
        await asyncio.wait_for(all_begun.wait(), BEGIN)
        server = psutil.Process(pid)
        began, before, used = time.monotonic(), sum(counts), _cpu(server)
        await asyncio.sleep(seconds)
        lasted = time.monotonic() - began
        told = (sum(counts) - before) / (lasted * WATCHERS * RATE)
        return Watched((_cpu(server) - used) / lasted, told)

    return await _beside(measure(), [count(number) for number in range(len(streams))])


async def _beside(measuring: Coroutine[Any, Any, Watched], counts: list[Any]) -> Watched:
    """Return what is measured while all count; raise what ended one of them."""
    measured = asyncio.create_task(measuring)
    tasks = [asyncio.create_task(one) for one in counts]
    try:
        await asyncio.wait({measured, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for ended in tasks:
            if ended.done():
                ended.result()
                raise ProcessLost("A stream of the state has ended.")
        return measured.result()
    finally:
        for task in (measured, *tasks):
            task.cancel()
        await asyncio.gather(measured, *tasks, return_exceptions=True)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def size(address: str) -> int:
    """Return how many bytes one state has."""
    async with Client.connect(address) as rail:
        return int(messages.write_state(await rail.state()).ByteSize())
