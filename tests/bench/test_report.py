"""The one shape of benchmarks: what is held, what is short, and a run of the bus's."""

from __future__ import annotations

import json

import pytest
from handrail_bridge import bench
from handrail_bridge.bench import bus
from handrail_bridge.bench.report import Goal, Report, Row
from handrail_drivers.errors import UnknownName
from rich.console import Console


@pytest.mark.parametrize(
    ("goal", "value", "ratio", "held"),
    [
        (None, 1.0, None, None),
        (Goal("ratio", 0.95, at_least=True), 1.0, 0.96, True),
        (Goal("ratio", 0.95, at_least=True), 9.0, 0.94, False),
        (Goal("ratio", 0.95, at_least=True), 9.0, None, False),
        (Goal("value", 0.10, at_least=False), 0.11, 0.0, False),
        (Goal("value", 0.10, at_least=False), 0.10, None, True),
    ],
)
def test_a_goal_is_held_or_short(goal, value, ratio, held):
    row = Row("figure", value, "Hz", None, ratio, goal)
    assert row.held is held
    assert Report("x", "", [row]).is_short is (held is False)


def test_unknown_benchmarks_are_named():
    with pytest.raises(UnknownName, match="bus"):
        bench.run("buss")


def test_the_bus_benchmark_measures_every_client():
    report = bus.measure(quick=True, seconds=0.3)
    plain = json.loads(json.dumps(report.as_json()))
    cycles = {row["figure"]: row for row in plain["rows"] if row["unit"] == "Hz"}
    assert len(cycles) >= 3
    assert all(row["value"] > 0 for row in cycles.values())
    ours = cycles["Handrail, cycles"]
    assert ours["goal"] == "ratio >= 0.95"
    assert ours["outcome"] in ("held", "short")
    console = Console(width=100, record=True)
    console.print(report.table())
    assert "pyserial by hand, cycles" in console.export_text()
