"""The same devices polled by Handrail and by pymodbus in turn, each in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handrail_bridge.bench.modbus import maps
from handrail_bridge.bench.modbus.children import BEGIN, child

DEVICES = 50
SETTLE = 1.5  # s
OURS, ASYNCIO, THREADS = "handrail", "pymodbus, asyncio", "pymodbus, threads"
COMMANDS: dict[str, tuple[str, ...]] = {
    OURS: ("modbus.polling",),
    ASYNCIO: ("reference.pymodbus_poll", "asyncio"),
    THREADS: ("reference.pymodbus_poll", "threads"),
}


@dataclass(frozen=True, slots=True)
class Polled:
    """What one contestant reached in one round."""

    cpu: float  # cores
    reached: float  # values read of those asked for


def rounds(file: Path, ports: Sequence[int], count: int, seconds: float) -> list[dict[str, Polled]]:
    """Have every contestant poll for so long [s] in each round, in turn.

    Raises:
        ProcessLost: one of them failed.
    """
    told = {"map": str(file), "ports": list(ports), "settle": SETTLE, "seconds": seconds}
    told |= {"count": maps.COUNTERS, "rate": maps.RATE, "scale": maps.SCALE}
    text = json.dumps(told)
    return [
        {name: _polled(command, text, len(ports), seconds) for name, command in COMMANDS.items()}
        for _ in range(count)
    ]


def _polled(command: tuple[str, ...], text: str, devices: int, seconds: float) -> Polled:
    with child(*command, text) as polling:
        found = json.loads(polling.line(BEGIN + seconds))
    asked = devices * maps.COUNTERS * maps.RATE * found["elapsed"]
    return Polled(found["cpu"] / found["elapsed"], found["values"] / asked)
