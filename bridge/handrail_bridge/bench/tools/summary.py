"""The figures of ``bench tools``: as rows of a report, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from handrail_bridge.bench.report import Goal, Row, beside
from handrail_bridge.bench.tools import mcp
from handrail_bridge.bench.tools.calls import (
    BARE_STREAM,
    BARE_UNARY,
    STREAM,
    UNARY,
    WEBSOCKET,
    Round,
)
from handrail_bridge.bench.tools.watching import RATE, WATCHERS, Watched

BARE = Goal("ratio", 1.3, at_least=False)  # of the same road without us
SDK = Goal("ratio", 1.2, at_least=False)
CPU = Goal("value", 0.30, at_least=False)  # cores
REACHED = Goal("value", 0.98, at_least=True)  # of the messages
QUANTILES = {"p50": 50.0, "p99": 99.0}
ROADS = (
    (UNARY, BARE_UNARY, "bare echo", BARE),
    (STREAM, BARE_STREAM, "bare echo", BARE),
    (STREAM, WEBSOCKET, WEBSOCKET, None),
)


def call_rows(found: Mapping[int, Sequence[Round]]) -> Iterator[Row]:
    """Yield what a call takes, by the number of clients."""
    for clients, rounds in found.items():
        many = "1 client" if clients == 1 else f"{clients} clients"
        for ours, other, name, goal in ROADS:
            yield from _rows(f"{ours} / {name}, {many}", rounds, (ours, other), goal)


def mcp_rows(rounds: Sequence[Round]) -> Iterator[Row]:
    """Yield what a call through MCP takes."""
    yield from _rows("MCP stdio / bare tool of the SDK", rounds, (mcp.OURS, mcp.BARE), SDK)


def watch_rows(rounds: Sequence[tuple[Watched, Watched]]) -> Iterator[Row]:
    """Yield what telling the state to many costs."""
    what = f"state to {WATCHERS} clients at {RATE:g} Hz / bare stream"
    cpu = [(ours.cpu, bare.cpu) for ours, bare in rounds]
    reached = [(ours.reached, bare.reached) for ours, bare in rounds]
    yield beside(f"{what}: CPU", cpu, "core", CPU)
    yield beside(f"{what}: reached", reached, "1", REACHED)


def _rows(
    what: str, rounds: Sequence[Round], names: tuple[str, str], goal: Goal | None
) -> Iterator[Row]:
    for quantile, percent in QUANTILES.items():
        pairs = [
            (
                float(np.percentile(one[names[0]], percent)),
                float(np.percentile(one[names[1]], percent)),
            )
            for one in rounds
        ]
        yield beside(f"{what}, {quantile}", pairs, "us", goal)
