"""What ``bench tools`` says: every road is there, and each goal is held against its own road."""

from __future__ import annotations

import math

import numpy as np
import psutil
import pytest
from handrail_bridge import bench
from handrail_bridge.bench.tools import calls, mcp
from handrail_bridge.bench.tools.summary import call_rows, mcp_rows, watch_rows
from handrail_bridge.bench.tools.watching import Watched


@pytest.mark.long
def test_every_figure_is_there_and_nothing_is_left_behind() -> None:
    before = set(psutil.Process().children(recursive=True))
    report = bench.run("tools", quick=True)
    assert set(psutil.Process().children(recursive=True)) == before
    assert len(report.rows) == 2 * 6 + 2 + 2
    for row in report.rows:
        assert math.isfinite(row.value), row.figure
        assert row.value > 0, row.figure
        assert f"| {row.figure} |" in report.markdown


def found(**times: float) -> calls.Round:
    names = {name.replace(" ", "_"): name for name in (*calls.NAMES, mcp.OURS, mcp.BARE)}
    return {name: np.full(2, times.get(key, 1.0)) for key, name in names.items()}


def outcomes(one: calls.Round) -> dict[str, str]:
    rows = [*call_rows({1: [one]}), *mcp_rows([one])]
    return {row.figure.rpartition(",")[0]: row.outcome for row in rows}


def test_each_road_is_held_against_itself_bare() -> None:
    short = outcomes(found(unary=1.31, bare_stream=0.5, MCP_stdio=1.21))
    assert short["unary / bare echo, 1 client"] == "short"
    assert short["stream / bare echo, 1 client"] == "short"
    assert short["MCP stdio / bare tool of the SDK"] == "short"
    held = outcomes(found(unary=1.29, websocket_JSON=0.1, MCP_stdio=1.19))
    assert set(held.values()) == {"held", ""}


def test_watching_is_held_against_a_part_of_a_core() -> None:
    def outcome(cpu: float) -> str:
        return next(watch_rows([(Watched(cpu, 1.0), Watched(0.2, 1.0))])).outcome

    assert (outcome(0.29), outcome(0.31)) == ("held", "short")


def test_watching_is_held_against_all_messages() -> None:
    def outcome(reached: float) -> str:
        return list(watch_rows([(Watched(0.1, reached), Watched(0.2, 1.0))]))[-1].outcome

    assert (outcome(0.99), outcome(48 / 50)) == ("held", "short")
