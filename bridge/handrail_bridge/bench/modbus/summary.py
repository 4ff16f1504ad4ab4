"""The figures of ``bench modbus``: as rows of a report, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from handrail_bridge.bench.modbus import maps
from handrail_bridge.bench.modbus.calls import (
    ASYNCIO,
    DRIVER,
    ECHO,
    PYMODBUS,
    RAIL,
    SINGLE,
    STREAM,
    THREAD,
    TOOL,
    Round,
)
from handrail_bridge.bench.modbus.merging import Polls
from handrail_bridge.bench.modbus.polls import DEVICES, OURS, Polled
from handrail_bridge.bench.report import Goal, Row, beside

READ = Goal("ratio", 1.3, at_least=False)  # of bare pymodbus
CALLED = Goal("ratio", 1.2, at_least=False)  # of a bare call and bare pymodbus
CPU = Goal("value", 0.40, at_least=False)  # cores
REACHED = Goal("value", 0.98, at_least=True)
QUANTILES = {"p50": 50.0, "p99": 99.0}
# What is read, by whom, beside the sum of what, with which goal.
ROADS: tuple[tuple[str, str, tuple[str, ...], Goal | None], ...] = (
    ("one value by its tool / pymodbus", TOOL, (PYMODBUS,), READ),
    ("one value over gRPC / bare stream + pymodbus", RAIL, (STREAM, PYMODBUS), CALLED),
    ("one value over gRPC, single call / bare call + pymodbus", SINGLE, (ECHO, PYMODBUS), CALLED),
    ("one value by the driver alone / pymodbus", DRIVER, (PYMODBUS,), None),
    ("one value by its tool / pymodbus in a thread of asyncio", TOOL, (THREAD,), None),
    ("pymodbus's asyncio client / pymodbus", ASYNCIO, (PYMODBUS,), None),
)


def call_rows(rounds: Sequence[Round]) -> Iterator[Row]:
    """Yield how long one value takes by each road."""
    for figure, ours, others, goal in ROADS:
        for name, percent in QUANTILES.items():
            pairs = [
                (
                    float(np.percentile(found[ours], percent)),
                    sum(float(np.percentile(found[other], percent)) for other in others),
                )
                for found in rounds
            ]
            yield beside(f"{figure}, {name}", pairs, "us", goal)


def poll_rows(rounds: Sequence[dict[str, Polled]]) -> Iterator[Row]:
    """Yield what polling many devices costs and reaches, beside the best of the references."""
    others = [name for name in rounds[0] if name != OURS]
    best = min(others, key=lambda name: median(found[name].cpu for found in rounds))
    what = f"{DEVICES} x {maps.COUNTERS} values at {maps.RATE:g} Hz / {best}"
    pairs = [(found[OURS].cpu, found[best].cpu) for found in rounds]
    yield beside(f"{what}: CPU", pairs, "core", CPU)
    pairs = [(found[OURS].reached, found[best].reached) for found in rounds]
    yield beside(f"{what}: reached", pairs, "1", REACHED)


def merging_rows(rounds: Sequence[tuple[Polls, Polls]]) -> Iterator[Row]:
    """Yield what merging saves."""
    merged, single = rounds[0]
    what = f"a poll of {len(maps.ADDRESSES)} values merged / one by one"
    pairs = [(float(merged.requests), float(single.requests))]
    yield beside(f"{what}: requests", pairs, "", None)
    yield Row(f"{what}: requests saved", single.requests - merged.requests, "")
    pairs = [(float(np.median(a.times)), float(np.median(b.times))) for a, b in rounds]
    yield beside(f"{what}: time, p50", pairs, "us", None)


def number(value: float, unit: str) -> str:
    """Return a value in its unit, as the page shows it."""
    if unit in ("us", ""):
        return f"{value:.0f} {unit}".strip()
    return f"{value:.3f} core" if unit == "core" else f"{value:.3f}"
