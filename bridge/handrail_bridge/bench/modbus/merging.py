"""One poll of a map with holes: in as few requests as it needs, and in one for each value."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from handrail_drivers.errors import ProcessLost
from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.frames import Request
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.lines import Lines

from handrail_bridge.bench.modbus import maps

WARM = 3  # polls


@dataclass(frozen=True, slots=True)
class Polls:
    """One way of polling: its requests, and the times [us] of its polls."""

    requests: int
    times: np.ndarray


class Counting:
    """A line that counts what it is asked."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.asked = 0

    def ask(self, request: Request, **how: Any) -> bytes:
        """Return the answer to a request."""
        self.asked += 1
        return self._line.ask(request, **how)

    def on_return(self, unit: int, act: Callable[[], None]) -> None:
        """Pass it on."""
        self._line.on_return(unit, act)


def rounds(file: Path, port: int, count: int, polls: int) -> list[tuple[Polls, Polls]]:
    """Poll both ways so often in each round: merged, and one by one.

    Raises:
        HandrailError: it could not be read, or not the same both ways.
    """
    lines = Lines()
    settings = maps.settings(file, port)
    line: Any = Counting(lines.line(settings))
    device = ModbusDevice("meter", settings, line)
    try:
        if device.read() != _one_by_one(device):
            raise ProcessLost("What is read one by one is not what is read merged.")
        ways = (device.read, lambda: _one_by_one(device))
        merged, single = ((way, _requests(line, way)) for way in ways)
        return [(_timed(*merged, polls), _timed(*single, polls)) for _ in range(count)]
    finally:
        lines.close()


def _one_by_one(device: ModbusDevice) -> dict[str, Any]:
    return {name: device.read((name,))[name] for name in device.map.registers}


def _requests(line: Counting, way: Callable[[], object]) -> int:
    before = line.asked
    way()
    return line.asked - before


def _timed(way: Callable[[], object], requests: int, polls: int) -> Polls:
    times = np.empty(polls)
    for n in range(-WARM, polls):
        began = time.perf_counter()
        way()
        if n >= 0:
            times[n] = time.perf_counter() - began
    return Polls(requests, times * 1e6)
