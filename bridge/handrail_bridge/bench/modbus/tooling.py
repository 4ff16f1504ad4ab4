"""One device's tools without an arm beside it: what a call of them needs, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.lines import Lines
from handrail_sim.cell_file import load_cell

from handrail_bridge.bench.modbus import maps
from handrail_bridge.tools import Tools

TOOL = "meter_read_values"
ARGUMENTS = {"names": [maps.VALUE]}
ARGUMENTS_JSON = json.dumps(ARGUMENTS)


@contextlib.contextmanager
def device(file: Path, port: int) -> Iterator[ModbusDevice]:
    """Have a device with a map while the block runs."""
    lines = Lines()
    settings = maps.settings(file, port)
    found = ModbusDevice("meter", settings, lines.line(settings))
    found.connect()
    try:
        yield found
    finally:
        found.close()
        lines.close()


def tools(of: ModbusDevice) -> Tools:
    """Return the tools of a cell whose only device is this one."""
    return Tools(load_cell("desk"), object(), {of.name: of}, _configuring, None)


@contextlib.asynccontextmanager
async def _configuring(_what: str) -> AsyncIterator[None]:
    yield
