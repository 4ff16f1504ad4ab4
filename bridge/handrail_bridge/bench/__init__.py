"""Benchmarks: each measures Handrail and its reference in the same run, and says held or short."""

from __future__ import annotations

import importlib

from handrail_drivers.errors import UnknownName

from handrail_bridge.bench.report import Report

# By name: the module whose measure() makes the report.
BENCHES = {
    "bus": "handrail_bridge.bench.bus",
    "check": "handrail_bridge.bench.check",
    "faults": "handrail_bridge.bench.faults.run",
    "firmware": "handrail_bridge.bench.firmware.run",
    "loop": "handrail_bridge.bench.loop.run",
    "modbus": "handrail_bridge.bench.modbus.run",
    "perception": "handrail_bridge.bench.perception.run",
    "safety": "handrail_bridge.bench.safety.run",
    "tools": "handrail_bridge.bench.tools.run",
}
SEEDED = ("safety",)


def run(name: str, quick: bool = False, seed: int | None = None) -> Report:
    """Run one benchmark; ``quick`` measures as little as shows that it works.

    ``seed`` draws the trials of one that is drawn; None leaves it to the benchmark.

    Raises:
        UnknownName: there is no such benchmark, or none that takes a seed.
    """
    if name not in BENCHES:
        raise UnknownName("benchmark", name, BENCHES)
    if seed is not None and name not in SEEDED:
        raise UnknownName("benchmark with a seed", name, SEEDED)
    seeds = {} if seed is None else {"seed": seed}
    report: Report = importlib.import_module(BENCHES[name]).measure(quick, **seeds)
    return report
