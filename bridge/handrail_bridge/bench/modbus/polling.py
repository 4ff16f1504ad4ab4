"""Many devices polled by Handrail: ``python -m ... JSON PARENT``.

Prints values read, elapsed time and CPU time [s] as JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.lines import Lines
from handrail_drivers.modbus.registers import Look
from handrail_sim.lifeline import die_with

from handrail_bridge.bench.modbus import maps

Figures = dict[str, float]


class Counted(ModbusDevice):
    """Counts the values that it has read."""

    values = 0

    def look(self, names: Iterable[str] = ()) -> Look:
        """Return what can be read."""
        found = super().look(names)
        self.values += len(found.values)
        return found


def poll(file: Path, ports: list[int], settle: float, seconds: float) -> Figures:
    """Poll a device at each port for ``settle`` and then for ``seconds`` that count [s]."""
    lines = Lines()
    with contextlib.ExitStack() as stack:
        stack.callback(lines.close)
        devices = []
        for port in ports:
            settings = maps.settings(file, port)
            device = Counted(f"device_{port}", settings, lines.line(settings))
            devices.append(device)
            stack.callback(device.close)
            device.connect()
        time.sleep(settle)
        began = _figures(devices)
        time.sleep(seconds)
        ended = _figures(devices)
    return {name: ended[name] - began[name] for name in ended}


def _figures(devices: list[Counted]) -> Figures:
    values = sum(device.values for device in devices)
    return {"values": values, "elapsed": time.perf_counter(), "cpu": time.process_time()}


def main() -> None:
    """Poll for so long, then tell."""
    text, parent = sys.argv[1:]
    die_with(int(parent))
    told: dict[str, Any] = json.loads(text)
    found = poll(Path(told["map"]), told["ports"], told["settle"], told["seconds"])
    print(json.dumps(found), flush=True)  # noqa: T201  the answer to the parent


if __name__ == "__main__":
    main()
