"""``handrail bench bus``: our driver's cycle beside a hand-written loop and the usual clients.

One cycle is a sync read of position, velocity and load of six servos and one sync write of
their goals, on the pseudo-terminal of the twin at 1 Mbaud. Each client runs in a process of
its own; rounds are interleaved, and ratios are taken within a round.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from statistics import median

from handrail_drivers.errors import ProcessLost
from handrail_sim.twin.launch import Twin

from handrail_bridge.bench.report import Goal, Report, Row

ROUNDS = 9
SECONDS = 0.7  # of each client in each round
START_TIMEOUT = 30.0  # s, for a client to import, run and answer
YARDSTICK = "pyserial"
LABELS = {
    "handrail": "Handrail",
    "pyserial": "pyserial by hand",
    "vendor": "vendor's SDK",
    "lerobot": "LeRobot (position only)",
}

Figures = dict[str, float]


def measure(quick: bool = False, seconds: float = SECONDS) -> Report:
    """Run every client that is installed and report Hz and CPU; ``quick`` makes one round.

    Raises:
        ProcessLost: a client did not answer.
    """
    rounds = 1 if quick else ROUNDS
    clients = [name for name in LABELS if _is_installed(name)]
    results: dict[str, list[Figures]] = {name: [] for name in clients}
    with Twin.start("desk", perturb=False) as twin:
        for _ in range(rounds):
            for name in clients:
                results[name].append(_client(name, twin.wires["arm_bus"], seconds))
    note = f"six servos, 1 Mbaud pseudo-terminal, median of {rounds} interleaved rounds"
    return Report("bus", note, [row for name in clients for row in _rows(name, results)])


def _is_installed(name: str) -> bool:
    module = {"vendor": "scservo_sdk", "lerobot": "lerobot"}.get(name)
    return module is None or importlib.util.find_spec(module) is not None


def _client(name: str, port: str, seconds: float) -> Figures:
    command = [sys.executable, "-m", "handrail_bridge.bench.bus_client", name, port, str(seconds)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + START_TIMEOUT, check=False
    )
    if done.returncode:
        raise ProcessLost(f"The client {name} failed: {done.stderr.strip().splitlines()[-1:]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _rows(name: str, results: dict[str, list[Figures]]) -> list[Row]:
    mine, yardstick = results[name], results[YARDSTICK]
    rate, load = [_rate(part) for part in mine], [part["cpu"] / part["elapsed"] for part in mine]
    is_ours = name == "handrail"
    reference = median(map(_rate, yardstick))
    ratio = median(a / _rate(b) for a, b in zip(rate, yardstick, strict=True))
    late = sum(part["late"] for part in mine)
    return [
        Row(
            f"{LABELS[name]}, cycles",
            median(rate),
            "Hz",
            reference,
            ratio,
            Goal("ratio", 0.95, at_least=True) if is_ours else None,
        ),
        Row(
            f"{LABELS[name]}, CPU",
            median(load),
            "core",
            goal=Goal("value", 0.10, at_least=False) if is_ours else None,
        ),
        Row(f"{LABELS[name]}, late", late, "cycles"),
    ]


def _rate(figures: Figures) -> float:
    return figures["cycles"] / figures["elapsed"]
