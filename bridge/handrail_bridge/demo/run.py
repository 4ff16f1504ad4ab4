"""One demo from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from handrail_drivers.errors import HandrailError, NotArmed, Refused
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell, require_movable

from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.demo.arming import arm
from handrail_bridge.demo.estop import stop_latency
from handrail_bridge.demo.film import Filming
from handrail_bridge.demo.outcome import Outcome, judge
from handrail_bridge.demo.stage import Memory, Stage, stage
from handrail_bridge.demo.tower import Shown, Tower, has_tower
from handrail_bridge.demo.visitor import Visit, Visitor
from handrail_bridge.pilot.sorting import Event, Log, Pilot
from handrail_bridge.reports import Counters

PATIENCE = 4  # protective stops of a busy machine after which the operator arms again
EYES_OPEN = 10.0  # s
STOP_TRIALS = 3
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
    cell = _sortable(cell_name)
    video, still = (out / f"{cell.name}-seed-{seed}.{kind}" for kind in ("mp4", "png"))
    with Memory() as memory, stage(cell_name, seed) as running:
        tell(Event("started", f"the twin of {cell.name}, seed {seed}, and a bridge on its wires"))
        filming = Filming(running.twin.urls["view"], video, still) if film else None
        with filming or contextlib.nullcontext():
            sorting = await _sort(running, cell, tell)
        truth = running.twin.truth.snapshot()
        latency = await _try_stop(running, cell)
        slip = running.twin.truth.slip()
    return Outcome(
        seed=seed,
        objects=judge(cell, truth),
        boards=sorting.boards,
        visit=sorting.visit,
        stops=sorting.stops,
        problem=sorting.problem,
        checked=sorting.log.checked,
        refused=sorting.log.refused,
        executed=sorting.log.executed,
        median_check=sorting.log.median_check,
        loop=sorting.loop,
        loop_rate=sorting.loop_rate,
        stop_latency=latency,
        wall=time.monotonic() - began,
        peak_memory=memory.peak,
        slip=slip,
        video=str(video) if film else "",
        still=str(still) if film else "",
    )


@dataclass(frozen=True, slots=True)
class Sorting:
    """What the pilot did, and how the loop fared meanwhile."""

    log: Log
    loop: Counters
    loop_rate: float  # Hz, measured
    boards: Shown | None  # what the boards did; None where the cell has none
    visit: Visit | None  # what came of a hand; None where the cell has no eyes
    stops: int  # protective stops after which the operator armed again
    problem: str  # what ended it early; empty where nothing did


@contextlib.asynccontextmanager
async def _visited(
    running: Stage, cell: Cell, rail: Client, tell: Callable[[Event], None]
) -> AsyncIterator[Visitor | None]:
    """Have somebody reach in meanwhile, where the cell has eyes; yield who."""
    if not any(one.watch for one in cell.perception.values()):
        yield None
        return
    visitor = Visitor(cell, running.twin.truth, tell)
    visiting = asyncio.create_task(visitor.visit(rail))
    try:
        yield visitor
    finally:
        visiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await visiting


async def _sort(running: Stage, cell: Cell, tell: Callable[[Event], None]) -> Sorting:
    async with (
        Client.connect(running.address) as rail,
        OperatorClient.connect(running.operator_socket) as operator,
    ):
        await arm(operator, EYES_OPEN)
        tell(Event("armed", "by the operator; the pilot has the agent's rights"))
        shown, stops, problem = await _show(running, cell, rail, operator, tell)
        before = await rail.state()
        pilot = Pilot(rail, tell)
        async with _visited(running, cell, rail, tell) as visitor:
            gone = visitor.gone if visitor else None
            sorted_stops, sorted_problem = await attend(pilot, operator, tell, gone)
        after = await rail.state()
    passed = (after.time_ns - before.time_ns) * 1e-9
    rate = (after.loop.ticks - before.loop.ticks) / passed if passed > 0 else 0.0
    problem = problem or sorted_problem
    visit = visitor.came_of_it if visitor else None
    return Sorting(pilot.log, after.loop, rate, shown, visit, stops + sorted_stops, problem)


async def _show(
    running: Stage,
    cell: Cell,
    rail: Client,
    operator: OperatorClient,
    tell: Callable[[Event], None],
) -> tuple[Shown | None, int, str]:
    """Show the boards, where the cell has them; the operator attends as to the sorting."""
    if not has_tower(cell):
        return None, 0, ""
    tower = Tower(rail, operator, running.twin.truth, tell)
    stops, problem = await attend(tower, operator, tell)
    return tower.shown, stops, problem


async def attend(
    pilot: Pilot | Tower,
    operator: OperatorClient,
    tell: Callable[[Event], None],
    gone: asyncio.Event | None = None,
) -> tuple[int, str]:
    """Let the pilot sort; after a protective stop do what the operator does: reset and arm.

    ``gone`` is set while nobody is in the cell: the operator waits for it. Returns how often it
    was armed again, and what ended the sorting early.
    """
    stops = 0
    while True:
        try:
            if stops:
                if gone is not None:
                    await gone.wait()
                await operator.reset()
                await operator.arm()
                tell(Event("armed", "again by the operator"))
            await pilot.run()
            return stops, ""
        except NotArmed as error:
            if stops == PATIENCE:
                return stops, str(error)
            stops += 1
            tell(Event("stopped", error.message))
        except HandrailError as error:
            return stops, str(error)


def _sortable(name: str) -> Cell:
    """Return a cell whose objects go somewhere, or refuse it before anything starts."""
    cell = load_cell(name)
    require_movable(cell)
    if not any(thing.goes_to for thing in cell.objects.values()):
        raise Refused(
            f"Nothing in the cell {name!r} has a place to go to.",
            field="cell",
            hint="take desk, desk_boards, desk_watched, desk_demo, desk_2f85 or line",
        )
    return cell


async def _try_stop(running: Stage, cell: Cell) -> float | None:
    """Measure a stop on a harmless motion; None where the cell would not move any more."""
    wire = cell.arm.device
    servo = cell.devices[wire].settings["joints"][STOP_JOINT]["id"]
    async with (
        Client.connect(running.address) as rail,
        OperatorClient.connect(running.operator_socket) as operator,
    ):
        for _ in range(STOP_TRIALS):
            with contextlib.suppress(HandrailError):  # a busy machine's protective stop
                await operator.reset()
                await operator.arm()
                latency = await stop_latency(rail, running.twin, wire, STOP_JOINT, servo)
                await operator.reset()
                if latency is not None:
                    return latency
    return None
