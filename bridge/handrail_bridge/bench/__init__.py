"""Benchmarks: each measures Handrail and its reference in the same run, and says held or short."""

from __future__ import annotations

import importlib

from handrail_drivers.errors import UnknownName

from handrail_bridge.bench.report import Report

# By name: the module whose measure() makes the report.
BENCHES = {
    "bus": "handrail_bridge.bench.bus",
    "faults": "handrail_bridge.bench.faults.run",
    "loop": "handrail_bridge.bench.loop.run",
}


def run(name: str, quick: bool = False) -> Report:
    """Run one benchmark; ``quick`` measures as little as shows that it works.

    Raises:
        UnknownName: there is no such benchmark.
    """
    if name not in BENCHES:
        raise UnknownName("benchmark", name, BENCHES)
    report: Report = importlib.import_module(BENCHES[name]).measure(quick)
    return report
