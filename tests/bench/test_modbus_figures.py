"""What ``bench modbus`` says: its figures are there, and what is counted is right."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import psutil
import pytest
from handrail_bridge import bench
from handrail_bridge.bench.modbus import maps, polls, summary
from handrail_bridge.bench.modbus.calls import ECHO, PYMODBUS, RAIL, SINGLE, STREAM
from handrail_bridge.bench.modbus.polls import Polled
from handrail_bridge.bench.report import Report
from handrail_drivers.errors import ProcessLost

THE_OTHERS = {name for _, ours, others, _ in summary.ROADS for name in (ours, *others)}


@pytest.fixture(scope="module")
def report() -> Report:
    before = set(psutil.Process().children(recursive=True))
    found = bench.run("modbus", quick=True)
    assert set(psutil.Process().children(recursive=True)) == before, "what it starts ends with it"
    return found


def test_every_figure_is_there(report: Report) -> None:
    assert len(report.rows) == 2 * len(summary.ROADS) + 2 + 3
    for row in report.rows:
        assert math.isfinite(row.value), row.figure
        assert row.value > 0, row.figure
        assert row.reference is None or row.reference > 0, row.figure
        assert f"| {row.figure} |" in report.markdown
    assert {row.outcome for row in report.rows} <= {"held", "short", ""}


def test_requests_are_counted(report: Report) -> None:
    rows = {row.figure.rpartition(": ")[2]: row for row in report.rows}
    # 80 registers at once: up to 79, then from 80 over the hole to 107, then from 200 to 265.
    assert (rows["requests"].value, rows["requests"].reference) == (3, 60)
    assert rows["requests saved"].value == 57


@pytest.mark.parametrize(
    ("ours", "bare", "figure"),
    [
        (RAIL, STREAM, "one value over gRPC / bare stream + pymodbus, p50"),
        (SINGLE, ECHO, "one value over gRPC, single call / bare call + pymodbus, p50"),
    ],
)
def test_a_call_is_held_against_the_sum_of_a_bare_call_and_a_bare_read(
    ours: str, bare: str, figure: str
) -> None:
    def held(called: float) -> bool | None:
        found = dict.fromkeys(THE_OTHERS, np.ones(1))
        found |= {PYMODBUS: np.full(1, 10), bare: np.full(1, 90), ours: np.full(1, called)}
        rows = {row.figure: row for row in summary.call_rows([found])}
        return rows[figure].held

    assert held(120.0)
    assert held(121.0) is False


def test_the_best_reference_is_the_one_that_costs_least() -> None:
    found = {
        polls.OURS: Polled(0.3, 1.0),
        polls.ASYNCIO: Polled(0.1, 0.99),
        polls.THREADS: Polled(0.2, 1.0),
    }
    cpu, reached = summary.poll_rows([found])
    assert (cpu.value, cpu.reference, reached.reference) == (0.3, 0.1, 0.99)


def test_without_pymodbus_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ProcessLost, match="pymodbus is missing"):
        bench.run("modbus", quick=True)


def test_the_meter_has_as_many_values_as_are_said() -> None:
    assert len(set(maps.ADDRESSES)) == 60
    assert maps.ADDRESS in maps.ADDRESSES
