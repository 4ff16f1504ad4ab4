"""One demo from start to end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from handrail_sim.cell_file import load_cell

from handrail_bridge.client import Client, OperatorClient
from handrail_bridge.demo.estop import stop_latency
from handrail_bridge.demo.film import Filming
from handrail_bridge.demo.outcome import Outcome, judge
from handrail_bridge.demo.stage import Memory, Stage, stage
from handrail_bridge.pilot import Event, Log, Pilot
from handrail_bridge.reports import Counters

STOP_JOINT = "wrist_roll"  # swings without reaching for anything


async def run(
    cell_name: str, seed: int, out: Path, film: bool, tell: Callable[[Event], None]
) -> Outcome:
    """Sort the objects of a cell in its twin; return what the world says of it.

    Args:
        cell_name: a cell with objects that go somewhere, such as ``desk``.
        seed: shuffles the objects and draws the hidden perturbation.
        out: an existing folder for the video and the still.
        film: whether to make them.
        tell: is told every event as it happens.
    """
    began = time.monotonic()
    cell = load_cell(cell_name)
    video, still = (out / f"{cell.name}-seed-{seed}.{kind}" for kind in ("mp4", "png"))
    with Memory() as memory, stage(cell_name, seed) as running:
        tell(Event("started", f"the twin of {cell.name}, seed {seed}, and a bridge on its wires"))
        filming = Filming(running.twin.urls["view"], video, still) if film else None
        with filming or contextlib.nullcontext():
            log = await _sort(running, tell)
        truth = running.twin.truth.snapshot()
        latency, loop = await _try_stop(running, cell.devices[cell.arm.device].settings)
        slip = running.twin.truth.slip()
    return Outcome(
        seed=seed,
        objects=judge(cell, truth),
        checked=log.checked,
        refused=log.refused,
        executed=log.executed,
        median_check=log.median_check,
        loop=loop,
        stop_latency=latency,
        wall=time.monotonic() - began,
        peak_memory=memory.peak,
        slip=slip,
        video=str(video) if film else "",
        still=str(still) if film else "",
    )


async def _sort(running: Stage, tell: Callable[[Event], None]) -> Log:
    async with OperatorClient.connect(running.operator_socket) as operator:
        await operator.arm()
    tell(Event("armed", "by the operator; the pilot has the agent's rights"))
    async with Client.connect(running.address) as rail:
        return await Pilot(rail, tell).run()


async def _try_stop(
    running: Stage, settings: dict[str, dict[str, dict[str, int]]]
) -> tuple[float | None, Counters]:
    servo = settings["joints"][STOP_JOINT]["id"]
    async with Client.connect(running.address) as rail:
        latency = await stop_latency(rail, running.twin, STOP_JOINT, servo)
        return latency, (await rail.state()).loop
