"""Who keeps time: Handrail's loop, a bare loop in Python, and cyclictest. One trial each.

Handrail's loop plays a motion meanwhile, with the desk's reflexes, on a bus without a wire or on
the desk's.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
from handrail_drivers.errors import ProcessLost
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Trajectory

from handrail_bridge.bench.loop.ticks import Ticks, from_histogram, from_trace
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.realtime import FIFO_PRIORITY
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import Mode

START = 30.0  # s, for a process to begin
HIGHEST = 100_000  # us: the end of cyclictest's histogram
TURN = 0.3  # rad: how far the base goes to and fro
SWING = 4.0  # s, to and fro
TOKEN = 1
WIDE = 100.0  # rad and N.m: a tube that nobody leaves


@dataclass(frozen=True)
class Wire:
    """The bus that is played on; ``heard`` says when [ns] it had each write since a time [ns]."""

    port: str
    heard: Callable[[int], Sequence[int]]


NO_WIRE = Wire("", lambda _: ())


def configuration(cell: Cell, rate: int, spin: float, port: str = "") -> LoopConfig:
    """Return the settings of a cell's first loop at a rate; on no wire where ``port`` is empty."""
    config = loop_configs(cell, {cell.arm.device: port})[0]
    # Who polls the inputs and the camera is not there.
    rules = {name: rule for name, rule in config.rules.items() if "signal" not in rule}
    changes = {"rate": rate, "trajectory_rate": rate, "rules": rules, "spin": spin}
    if not port:
        changes |= {"driver": "null", "settings": {"joints": config.joints}}
    return config.model_copy(update=changes)


def swing(config: LoopConfig, start: tuple[float, ...], seconds: float) -> Trajectory:
    """Return a motion of the base to and fro from ``start`` [rad] in a tube that nobody leaves."""
    rows = int(seconds * config.rate)
    at = np.arange(rows) / config.rate
    hold = np.tile(np.array(start), (rows, 1))
    hold[:, 0] += TURN / 2 * (1 - np.cos(2 * np.pi * at / SWING))
    zero, wide = np.zeros_like(hold), np.full_like(hold, WIDE)
    return Trajectory(config.rate, config.joints, hold, zero, hold, zero, wide, wide, (0, rows))


def handrail(
    rate: int, seconds: float, wire: Wire = NO_WIRE, cell: str = "desk", spin: float | None = None
) -> Ticks:
    """Try Handrail's loop; ``spin`` [s] None leaves it to the cell.

    Raises:
        HandrailError: it did not run, or not to the end.
    """
    loaded = load_cell(cell)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "ticks"
        awake = loaded.loop.spin if spin is None else spin
        config = configuration(loaded, rate, awake, wire.port)
        config = config.model_copy(update={"trace": str(trace)})
        since, until, cpu, refused = asyncio.run(_play(config, seconds))
        heard = wire.heard(since)
        ticks = from_trace(trace.read_bytes(), config.period_ns, since, until, cpu, heard)
        return replace(ticks, refused=refused)


async def _play(config: LoopConfig, seconds: float) -> tuple[int, int, float, str]:
    """Play for so long; return when [ns] it began and ended, CPU [cores], and what was refused."""
    loops = await asyncio.to_thread(Loops.start, [config])
    try:
        loops.set_lease(TOKEN)
        await loops.arm(loops.state().position)
        await loops.play(swing(config, loops.state().position, seconds), 1, TOKEN)
        process = psutil.Process(loops.pids[0])
        since, used = time.monotonic_ns(), sum(process.cpu_times()[:2])
        while (state := loops.state()).mode == Mode.MOVING:
            until, now_used = time.monotonic_ns(), sum(process.cpu_times()[:2])
            await asyncio.sleep(0.1)
        if not state.ended_completed:
            raise ProcessLost(f"The loop's motion ended early: {state.reason}")
        return since, until, (now_used - used) / ((until - since) * 1e-9), loops.refused
    finally:
        await loops.close()


def bare(rate: int, seconds: float, wire: Wire = NO_WIRE) -> Ticks:
    """Try the loop that is written by hand.

    Raises:
        ProcessLost: it did not run.
    """
    module = "handrail_bridge.bench.reference.bare_loop"
    port = [wire.port] if wire.port else []
    command = [sys.executable, "-m", module, str(rate), str(seconds), *port]
    since, period = time.monotonic_ns(), 1_000_000_000 // rate
    cpu, rows = _output(command, seconds).splitlines()
    heard = wire.heard(since)
    return from_trace(bytes.fromhex(rows), period, 0, time.monotonic_ns(), float(cpu), heard)


def cyclictest(rate: int, seconds: float) -> Ticks:
    """Try cyclictest (Debian: rt-tests) at our loop's priority.

    Raises:
        ProcessLost: it is not installed, or did not run.
    """
    if shutil.which("cyclictest") is None:
        raise ProcessLost("cyclictest is missing.", hint="apt-get install rt-tests")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "latency.json"
        interval, loops = 1_000_000 // rate, int(seconds * rate)
        command = ["cyclictest", "--quiet", "--mlockall", "--threads=1", f"--json={file}"]
        command += [f"--priority={FIFO_PRIORITY}", f"--interval={interval}", f"--loops={loops}"]
        _output([*command, f"--histogram={HIGHEST}"], seconds)
        thread = json.loads(file.read_text())["thread"]["0"]
    return from_histogram(thread["histogram"], thread["cycles"], max(HIGHEST, thread["max"]))


def _output(command: list[str], seconds: float) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + START, check=False
    )
    if done.returncode:
        raise ProcessLost(f"{command[0]} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
