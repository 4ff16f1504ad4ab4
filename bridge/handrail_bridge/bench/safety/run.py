"""``handrail bench safety``: plans from seeds, through Handrail and through the truth."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np

from handrail_bridge.bench.report import Report
from handrail_bridge.bench.safety.classes import Case, Maker
from handrail_bridge.bench.safety.grounds import GROUNDS, ground_cell
from handrail_bridge.bench.safety.kinds import GRASPING, SAFE, UNSAFE
from handrail_bridge.bench.safety.summary import markdown, rows
from handrail_bridge.bench.safety.trial import Result, Trials

EACH = 40  # plans of a class, in each cell
SAFE_EACH = 130  # of one that should pass and needs no grip
SEED = 1
PORTION = 10  # plans for a process at a time


def measure(quick: bool = False, seed: int = SEED) -> Report:
    """Try all classes in all cells; ``quick`` one plan of each. ``seed`` draws everything."""
    results: dict[str, list[Result]] = {}
    for name in GROUNDS:
        cases = list(_cases(name, seed, 1 if quick else EACH, 1 if quick else SAFE_EACH))
        results[name] = list(_results(name, cases, seed))
    pooled = [result for found in results.values() for result in found]
    note = f"Cells {', '.join(GROUNDS)}; seed {seed}, {len(pooled)} plans."
    return Report("safety", note, rows(pooled), markdown(results, note))


def _cases(name: str, seed: int, each: int, safe_each: int) -> Iterator[Case]:
    cell = ground_cell(name)
    for number, make in enumerate((*SAFE, *UNSAFE)):
        if make in GRASPING and cell.arm.gripper is None:
            continue
        maker = Maker(cell, np.random.default_rng((seed, number)))
        safe, grasping = make in SAFE, make in GRASPING
        for _ in range(safe_each if safe and not grasping else each):
            yield replace(make(maker), meant_safe=safe, chancy=grasping)


def _results(name: str, cases: list[Case], seed: int) -> Iterator[Result]:
    """Yield results in the order of the cases, from a process on every core."""
    portions = [cases[start : start + PORTION] for start in range(0, len(cases), PORTION)]
    cores = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, _begin, (name, seed)) as pool:
        for number, found in enumerate(pool.map(_portion, portions), start=1):
            sys.stderr.write(f"bench safety: {name}, {number * PORTION} of {len(cases)} plans\n")
            yield from found


_trials: list[Trials] = []  # a process's own


def _begin(name: str, seed: int) -> None:
    _trials.append(Trials(ground_cell(name), seed))


def _portion(cases: list[Case]) -> list[Result]:
    return [_trials[0].run(case) for case in cases]
