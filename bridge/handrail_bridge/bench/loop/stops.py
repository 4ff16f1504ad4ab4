"""From the stop flag to the stop's bytes on the desk's wire, at random moments of a motion."""

from __future__ import annotations

import asyncio
import itertools
import math
import mmap
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

import numpy as np
from handrail_drivers.errors import HandrailError, ProcessLost
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.truth_port import WireEvent
from handrail_sim.verdict import Trajectory

from handrail_bridge.bench.loop.contestants import TOKEN, WIDE, configuration
from handrail_bridge.bench.wire import goals
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import Mode

LEAD = 0.3  # rad: what the ramp's first step takes off shows in counts
LONG = 1.0  # s of motion
WHEN = 0.05, 0.15  # s after its beginning, between which it is stopped
POLL = 0.002  # s
END = 2.0  # s for a stop
SEED = 7
BEGIN = 20.0  # s, for the bare loop
TRIES = 3  # of a stop
FLIP = 20  # counts


def frame_time(cell: Cell) -> float:
    """Return how long [s] the bytes of one write of all setpoints are on the wire."""
    nothing = bytes(reg.GOAL_POSITION.size)
    rows = [(id, nothing) for id in range(1, len(cell.arm.all_joints) + 1)]
    frame = codec.sync_write(reg.GOAL_POSITION.address, reg.GOAL_POSITION.size, rows)
    baud: int = cell.devices[cell.arm.device].settings["baud"]
    return len(frame) * 10 / baud  # 8 bits, one to start, one to stop


def stop_times(rate: int, count: int, again: list[str]) -> list[float]:
    """Return the time [s] from the flag to the first changed setpoint, for each of many stops.

    A stop that did not come took for ever: inf. ``again`` gets why a try was repeated.

    Raises:
        HandrailError: the loop or the twin failed.
        ProcessLost: a stop was not seen on the wire.
    """
    cell = load_cell("desk")
    with Twin.start("desk", perturb=False) as twin:
        port = twin.links[cell.arm.device]
        config = configuration(cell, rate, cell.loop.spin, port)
        return asyncio.run(_stops(config, twin, count, again))


async def _stops(config: LoopConfig, twin: Twin, count: int, again: list[str]) -> list[float]:
    at = random.Random(SEED)
    loops = await asyncio.to_thread(Loops.start, [config])
    try:
        loops.set_lease(TOKEN)
        numbers = itertools.count(1)
        return [await _patiently(loops, config, twin, numbers, at, again) for _ in range(count)]
    finally:
        await loops.close()


async def _patiently(
    loops: Loops,
    config: LoopConfig,
    twin: Twin,
    numbers: Iterator[int],
    at: random.Random,
    again: list[str],
) -> float:
    """Try a stop; one that the machine has spoilt, such as by a protective stop, again."""
    for _ in range(TRIES - 1):
        try:
            return await _stop(loops, config, twin, next(numbers), at.uniform(*WHEN))
        except HandrailError as error:
            again.append(error.message)
    return await _stop(loops, config, twin, next(numbers), at.uniform(*WHEN))


async def _stop(loops: Loops, config: LoopConfig, twin: Twin, motion: int, moment: float) -> float:
    """Play, stop, and ask the wire."""
    await loops.reset()
    await loops.arm(loops.state().position)
    await loops.play(poised(config, loops.state().setpoint), motion, TOKEN)
    await asyncio.sleep(moment)
    raised_ns = time.monotonic_ns()
    loops.raise_stop("the benchmark measures its stop")
    deadline = time.monotonic() + END
    while loops.state().mode != Mode.STOPPED:
        if loops.state().mode == Mode.FAULT:  # it stood still for a reason of its own
            raise ProcessLost(f"A protective stop came first: {loops.state().reason}")
        if time.monotonic() > deadline:
            return math.inf
        await asyncio.sleep(POLL)
    log = await asyncio.to_thread(
        twin.truth.wire_log, config.device, raised_ns - int(WHEN[0] * 1e9)
    )
    return left(log, raised_ns, next(iter(config.settings["joints"].values()))["id"])


def left(log: Sequence[WireEvent], raised_ns: int, servo: int) -> float:
    """Return the time [s] from the flag to the first goal that is another than before."""
    sent = goals(log, servo)
    before = [goal for time_ns, goal in sent if time_ns < raised_ns]
    changed = [time_ns for time_ns, goal in sent if time_ns > raised_ns and goal != before[-1]]
    if not changed:
        raise ProcessLost("The wire does not show the stop.")
    return (changed[0] - raised_ns) * 1e-9


def bare_times(rate: int, count: int) -> list[float]:
    """Return the same for the bare loop, which looks at a flag once a cycle.

    Raises:
        ProcessLost: it did not run, or the wire does not show what it did.
    """
    cell, at = load_cell("desk"), random.Random(SEED)
    wire = cell.arm.device
    servo = next(iter(cell.devices[wire].settings["joints"].values()))["id"]
    module = "handrail_bridge.bench.reference.bare_loop"
    with Twin.start("desk", perturb=False) as twin, tempfile.NamedTemporaryFile() as flag:
        flag.write(b"\0")
        flag.flush()
        seconds = str(BEGIN + count)
        command = [sys.executable, "-m", module, str(rate), seconds, twin.links[wire], flag.name]
        loop = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _await_goals(twin, wire, servo)
            with mmap.mmap(flag.fileno(), 1) as page:
                return [_flip(twin, wire, servo, page, at.uniform(*WHEN)) for _ in range(count)]
        finally:
            loop.kill()
            loop.wait(END)


def _await_goals(twin: Twin, wire: str, servo: int) -> None:
    deadline = time.monotonic() + BEGIN
    while not goals(twin.truth.wire_log(wire), servo):
        if time.monotonic() > deadline:
            raise ProcessLost("The bare loop wrote nothing.")
        time.sleep(POLL)


def _flip(twin: Twin, wire: str, servo: int, flag: mmap.mmap, moment: float) -> float:
    """Change the flag and ask the wire."""
    time.sleep(moment)
    raised_ns = time.monotonic_ns()
    flag[0] ^= FLIP
    time.sleep(WHEN[0])
    return left(twin.truth.wire_log(wire, raised_ns - int(WHEN[0] * 1e9)), raised_ns, servo)


def poised(config: LoopConfig, setpoint: tuple[float, ...], seconds: float = LONG) -> Trajectory:
    """Return a motion whose setpoints stand still until a stop takes its lead off."""
    rows = int(seconds * config.rate)
    told = np.tile(np.array(setpoint), (rows, 1))
    lead = np.zeros_like(told)
    lead[:, 0] = np.copysign(LEAD, setpoint[0])  # taken off, it leads back to the middle
    wide = np.full_like(told, WIDE)
    zero = np.zeros_like(told)
    return Trajectory(
        config.rate, config.joints, told - lead, lead, told, zero, wide, wide, (0, rows)
    )
