"""``handrail bench safety``: plans from seeds, through Handrail and through the truth."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
from handrail_sim.cell import Cell, Zone, ZoneKind
from handrail_sim.cell_file import load_cell

from handrail_bridge.bench.report import Report
from handrail_bridge.bench.safety.classes import Case, Maker
from handrail_bridge.bench.safety.kinds import SAFE, UNSAFE
from handrail_bridge.bench.safety.summary import markdown, rows
from handrail_bridge.bench.safety.trial import Result, Trials

CELL = "desk"
EACH = 40  # plans of a class that should not pass
SAFE_EACH = 120  # of one that should
SEED = 1
PORTION = 10  # plans for a process at a time
# The suite's desk has a person on its far side.
PERSON = Zone(kind=ZoneKind.KEEP_OUT, center=(0.0, 0.37, 0.3), size=(0.8, 0.2, 0.6))


def measure(quick: bool = False, seed: int = SEED) -> Report:
    """Try all classes; ``quick`` one plan of each. ``seed`` draws plans and hidden worlds."""
    cases = list(_cases(cell(), seed, 1 if quick else EACH, 1 if quick else SAFE_EACH))
    results = list(_results(cases, seed))
    note = f"cell {CELL}, seed {seed}, {len(cases)} plans, truth by a finer simulation"
    return Report("safety", note, rows(results), markdown(results, note))


def cell() -> Cell:
    """Return the suite's cell."""
    desk = load_cell(CELL)
    return desk.model_copy(update={"zones": {**desk.zones, "person": PERSON}})


def _cases(on: Cell, seed: int, each: int, safe_each: int) -> Iterator[Case]:
    for number, make in enumerate((*SAFE, *UNSAFE)):
        maker = Maker(on, np.random.default_rng((seed, number)))
        safe = make in SAFE
        for _ in range(safe_each if safe else each):
            yield replace(make(maker), meant_safe=safe)


def _results(cases: list[Case], seed: int) -> Iterator[Result]:
    """Yield results in the order of the cases, from a process on every core."""
    portions = [cases[start : start + PORTION] for start in range(0, len(cases), PORTION)]
    cores = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, _begin, (seed,)) as pool:
        for number, found in enumerate(pool.map(_portion, portions), start=1):
            sys.stderr.write(f"bench safety: {number * PORTION} of {len(cases)} plans\n")
            yield from found


_trials: list[Trials] = []  # a process's own


def _begin(seed: int) -> None:
    _trials.append(Trials(cell(), seed))


def _portion(cases: list[Case]) -> list[Result]:
    return [_trials[0].run(case) for case in cases]
