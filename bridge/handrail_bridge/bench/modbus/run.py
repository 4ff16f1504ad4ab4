"""``handrail bench modbus``: one value by every road, many devices polled, what merging saves.

One process serves all units to all contestants, which take turns within a round.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

from handrail_drivers.errors import ProcessLost

from handrail_bridge.bench.modbus import calls as calls_of
from handrail_bridge.bench.modbus import maps, merging, polls
from handrail_bridge.bench.modbus.children import child
from handrail_bridge.bench.modbus.summary import call_rows, merging_rows, number, poll_rows
from handrail_bridge.bench.report import Report, Row, markdown

Often = tuple[int, int]
# Rounds and calls, rounds and seconds, rounds and polls; of every contestant.
MANY: tuple[Often, ...] = ((11, 1000), (5, 8), (11, 100))
FEW: tuple[Often, ...] = ((1, 50), (1, 1), (1, 5))


def measure(quick: bool = False) -> Report:
    """Measure reads, polling and merging; ``quick`` as little as shows that it works.

    Raises:
        HandrailError: pymodbus is missing, or a contestant failed.
    """
    if importlib.util.find_spec("pymodbus") is None:
        raise ProcessLost("pymodbus is missing.", hint="pip install 'pymodbus>=3.16'")
    with tempfile.TemporaryDirectory(prefix="hr-") as folder:  # short: Unix socket paths are
        rows = _rows(Path(folder), *(FEW if quick else MANY))
    note = (
        "contestants in turn, ratios within a round, medians of rounds; one process serves all "
        "units, and is not counted"
    )
    return Report("modbus", note, rows, markdown(rows, note, number))


def _rows(folder: Path, calls: Often, polled: Often, merged: Often) -> list[Row]:
    with child("modbus.server", polls.DEVICES) as server:
        ports = json.loads(server.line())
        meter, counters = maps.meter(folder), maps.counters(folder)
        _tell("one value by every road")
        found = [*call_rows(asyncio.run(calls_of.rounds(meter, ports[0], *calls)))]
        _tell(f"{polls.DEVICES} devices polled")
        found += poll_rows(polls.rounds(counters, ports, *polled))
        _tell("polls merged and one by one")
        return [*found, *merging_rows(merging.rounds(meter, ports[0], *merged))]


def _tell(what: str) -> None:
    """Say on standard error what takes so long."""
    sys.stderr.write(f"bench modbus: {what}\n")
