"""Many Modbus TCP devices polled with pymodbus: ``python -m ... asyncio|threads JSON PARENT``.

Frozen: it is never made slower. Decodes and keeps every value with its time. Prints values read,
elapsed time and CPU time [s] as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from typing import Any

from handrail_sim.lifeline import die_with
from pymodbus.client import AsyncModbusTcpClient, ModbusTcpClient

TIMEOUT = 1.0  # s


class Newest:
    """The newest values of one device."""

    def __init__(self, count: int, scale: float) -> None:
        self._names = [f"count_{n}" for n in range(count)]
        self._scale = scale
        self._newest: dict[str, tuple[float, int]] = {}
        self.read = 0

    def keep(self, answer: Any) -> None:
        """Decode what was answered."""
        if answer.isError():
            return
        read_ns, scale = time.monotonic_ns(), self._scale
        pairs = zip(self._names, answer.registers, strict=True)
        self._newest.update({name: (word * scale, read_ns) for name, word in pairs})
        self.read += len(answer.registers)


async def _poll(newest: Newest, port: int, count: int, rate: float) -> None:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=TIMEOUT)
    await client.connect()
    due = time.monotonic()
    while True:
        newest.keep(await client.read_holding_registers(0, count=count))
        due += 1 / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def _poll_in_thread(newest: Newest, port: int, count: int, rate: float) -> None:
    client = ModbusTcpClient("127.0.0.1", port=port, timeout=TIMEOUT)
    client.connect()  # type: ignore[no-untyped-call]  # theirs
    due = time.monotonic()
    while True:
        newest.keep(client.read_holding_registers(0, count=count))
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))


async def _with_asyncio(told: dict[str, Any], kept: list[Newest]) -> dict[str, float]:
    polls = [
        asyncio.create_task(_poll(newest, port, told["count"], told["rate"]))
        for newest, port in zip(kept, told["ports"], strict=True)
    ]
    await asyncio.sleep(told["settle"])
    began = _figures(kept)
    await asyncio.sleep(told["seconds"])
    ended = _figures(kept)
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)
    return {name: ended[name] - began[name] for name in ended}


def _with_threads(told: dict[str, Any], kept: list[Newest]) -> dict[str, float]:
    for newest, port in zip(kept, told["ports"], strict=True):
        what = (newest, port, told["count"], told["rate"])
        threading.Thread(target=_poll_in_thread, args=what, daemon=True).start()
    time.sleep(told["settle"])
    began = _figures(kept)
    time.sleep(told["seconds"])
    ended = _figures(kept)
    return {name: ended[name] - began[name] for name in ended}


def _figures(kept: list[Newest]) -> dict[str, float]:
    read = sum(newest.read for newest in kept)
    return {"values": read, "elapsed": time.perf_counter(), "cpu": time.process_time()}


def main() -> None:
    """Poll for so long, then tell."""
    way, text, parent = sys.argv[1:]
    die_with(int(parent))
    told = json.loads(text)
    kept = [Newest(told["count"], told["scale"]) for _ in told["ports"]]
    found = (
        asyncio.run(_with_asyncio(told, kept)) if way == "asyncio" else _with_threads(told, kept)
    )
    print(json.dumps(found), flush=True)  # noqa: T201  the answer to the parent


if __name__ == "__main__":
    main()
