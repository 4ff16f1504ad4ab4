"""``handrail bench loop``: Handrail's loop beside cyclictest and a bare loop, and roads to a stop.

Every load is put on the machine once a rate and bus; its contestants take turns under it.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from functools import partial

from handrail_drivers.errors import ProcessLost
from handrail_sim.cell_file import load_cell
from handrail_sim.twin.launch import Twin

from handrail_bridge.bench.loop.contestants import Wire, bare, cyclictest, handrail
from handrail_bridge.bench.loop.loads import IDLE, NAMES, loaded
from handrail_bridge.bench.loop.roads import road_times, roads
from handrail_bridge.bench.loop.stops import bare_times, frame_time, stop_times
from handrail_bridge.bench.loop.summary import (
    ASLEEP,
    BARE,
    CYCLICTEST,
    OURS,
    Case,
    Stops,
    case_rows,
    markdown,
    stop_rows,
)
from handrail_bridge.bench.loop.ticks import Ticks
from handrail_bridge.bench.report import Report
from handrail_bridge.bench.wire import goals
from handrail_bridge.rig import Rig

CELL = "desk"
RATES = (500, 1000)  # Hz, without a wire
DESK_RATE = 500  # Hz
ROUNDS, SECONDS = 3, 20.0  # of every contestant
STOPS, ROADS = 1000, 20
TRIES = 3  # of a trial
FEW = 10  # times fewer where the figure only stands beside another

Contestant = Callable[[], Ticks]


def measure(quick: bool = False) -> Report:
    """Measure ticks and stops; ``quick`` as little as shows that it works.

    Raises:
        HandrailError: a contestant is missing, or the cell failed.
    """
    rounds, seconds = (1, 1.0) if quick else (ROUNDS, SECONDS)
    spoilt: list[str] = []
    cases = [*_without_wire(rounds, seconds, spoilt), _on_the_desk(rounds, seconds, spoilt)]
    again: list[str] = []
    stops = [*_flag(10 if quick else STOPS, again), *_roads(2 if quick else ROADS, again)]
    note = (
        f"ticks for {rounds} x {seconds:.0f} s each, contestants in turn, ratios within a round; "
        f"stops by the twin's wire log; spoilt by the machine and repeated: {len(spoilt)} trials "
        f"of ticks, {len(again)} stops; {machine(cases[0].all(OURS).refused)}"
    )
    rows = [row for case in cases for row in case_rows(case)]
    rows += [row for way in stops for row in stop_rows(way)]
    return Report("loop", note, rows, markdown(cases, stops, note))


def machine(refused: str) -> str:
    """Say on what it was measured; ``refused`` is what realtime processes do not get there."""
    cores = len(os.sched_getaffinity(0))
    granted = f"no realtime process ({refused})" if refused else "SCHED_FIFO and mlockall granted"
    return f"{platform.system()} {platform.release()}, {cores} cores, {granted}"


def _without_wire(rounds: int, seconds: float, spoilt: list[str]) -> Iterator[Case]:
    for load in NAMES:
        with loaded(load):
            for rate in RATES:
                contestants: dict[str, Contestant] = {
                    OURS: partial(handrail, rate, seconds),
                    BARE: partial(bare, rate, seconds),
                    CYCLICTEST: partial(cyclictest, rate, seconds),
                }
                if load == IDLE:
                    contestants[ASLEEP] = partial(handrail, rate, seconds, spin=0.0)
                yield _case(rate, "no wire", load, rounds, contestants, spoilt)


def _on_the_desk(rounds: int, seconds: float, spoilt: list[str]) -> Case:
    cell = load_cell(CELL)
    bus = cell.arm.device
    servo = next(iter(cell.devices[bus].settings["joints"].values()))["id"]
    with Twin.start(CELL, perturb=False) as twin:

        def heard(since_ns: int) -> list[int]:
            return [at for at, _ in goals(twin.truth.wire_log(bus, since_ns), servo)]

        wire = Wire(twin.links[bus], heard)
        contestants: dict[str, Contestant] = {
            OURS: partial(handrail, DESK_RATE, seconds, wire),
            BARE: partial(bare, DESK_RATE, seconds, wire),
        }
        return _case(DESK_RATE, "the desk's", IDLE, rounds, contestants, spoilt)


def _case(
    rate: int,
    bus: str,
    load: str,
    rounds: int,
    contestants: dict[str, Contestant],
    spoilt: list[str],
) -> Case:
    _tell(f"{rate} Hz, {bus} bus, {load}")
    found: dict[str, list[Ticks]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            found[name].append(_patiently(contestant, spoilt))
    return Case(rate, bus, load, found)


def _patiently(contestant: Contestant, spoilt: list[str]) -> Ticks:
    """Return a trial's ticks; one that the machine has spoilt is noted and repeated."""
    for _ in range(TRIES - 1):
        try:
            return contestant()
        except ProcessLost as error:
            spoilt.append(str(error))
            _tell(f"again, since {error}")
    return contestant()


def _flag(count: int, again: list[str]) -> Iterator[Stops]:
    cell = load_cell(CELL)
    few = max(2, count // FEW)
    for rate, stops in ((cell.loop.rate, few), (DESK_RATE, count)):
        _tell(f"stop flag to wire, {rate} Hz")
        times, echo = stop_times(rate, stops, again), bare_times(rate, few)
        yield Stops(f"stop flag, {rate} Hz", times, echo, 1 / rate + frame_time(cell))


def _roads(count: int, again: list[str]) -> Iterator[Stops]:
    with Rig.running(CELL) as rig:
        for road in roads(CELL):
            _tell(road.name)
            times = road_times(rig, road, count, again)
            yield Stops(road.name, times, road.echo(count))


def _tell(what: str) -> None:
    """Say on standard error what takes so long."""
    sys.stderr.write(f"bench loop: {what}\n")
