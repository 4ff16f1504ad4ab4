"""``handrail bench perception``: pictures to results to stops, beside onnxruntime run by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from handrail_sim.cell_file import cell_path, load_cell
from handrail_sim.twin.launch import Twin

from handrail_bridge.bench.perception.hands import stop_times
from handrail_bridge.bench.perception.looks import EYES, RATE, Times, at_rate, in_turn
from handrail_bridge.bench.perception.pictures import taken
from handrail_bridge.bench.report import Goal, Report, Row, markdown

CELL = "desk_watched"
ROUNDS, LOOKS = 5, 200
SECONDS = 60.0  # at 30 Hz
TRIALS = 200
OVERHEAD = Goal("ratio", 1.10, at_least=False)
QUANTILES = (50, 99)


def measure(quick: bool = False) -> Report:
    """Measure looks, results and stops; ``quick`` as little as shows that it works.

    Raises:
        HandrailError: the twin, the loop or the pipeline failed.
    """
    rounds, looks = (1, 10) if quick else (ROUNDS, LOOKS)
    trials, seconds = (2, 2.0) if quick else (TRIALS, SECONDS)
    cell, again = load_cell(CELL), list[str]()
    with Twin.start(CELL, perturb=False) as twin:
        pictures = taken(twin)
        both = pictures.alone + pictures.reached
        _tell("looks")
        pairs = [in_turn(cell, both, looks) for _ in range(rounds)]
        _tell("results at 30 Hz")
        results, missed = at_rate(cell, both, seconds)
        _tell("stops")
        stops = np.array(stop_times(cell, twin, pictures, trials, again))
    rows = [*look_rows(pairs), *result_rows(results, missed, pairs), *stop_rows(stops)]
    size = cell_path(cell.folder, cell.perception[EYES].model).stat().st_size / 1e6
    note = (
        f"pictures of the twin, 640 x 480, and 320 x 240 for results; a model of {size:.1f} MB on "
        f"one thread, {looks} looks x {rounds} rounds in turn with the reference, the same "
        f"job written by hand for this cell; a picture is captured when it is handed over: what "
        f"camera and wire take is not in it, reading the result is; "
        f"{trials} stops by the twin's wire log, {len(again)} spoilt by the machine and repeated"
    )
    return Report("perception", note, rows, markdown(rows, note, number))


def look_rows(pairs: Sequence[tuple[Times, Times]]) -> Iterator[Row]:
    """Yield what a look takes; the overhead is judged by the medians of each round."""
    for percent in QUANTILES:
        ours, bare = (
            [float(np.percentile(pair[n], percent)) * 1e3 for pair in pairs] for n in (0, 1)
        )
        ratio = float(np.median(np.divide(ours, bare)))
        goal = OVERHEAD if percent == 50 else None
        name = f"a look / by hand, p{percent}"
        yield Row(name, float(np.median(ours)), "ms", float(np.median(bare)), ratio, goal)


def result_rows(results: Times, missed: int, pairs: Sequence[tuple[Times, Times]]) -> Iterator[Row]:
    """Yield from capture to result; p99 within a frame's time and a look by hand."""
    bare = float(np.median(np.concatenate([pair[1] for pair in pairs]))) * 1e3
    within = Goal("value", 1e3 / RATE + bare, at_least=False)
    for percent in QUANTILES:
        value = float(np.percentile(results, percent)) * 1e3
        goal = within if percent == 99 else None
        yield Row(f"capture to result at 30 Hz, p{percent}", value, "ms", goal=goal)
    yield Row("pictures without a result of their own", float(missed), "", len(results) + missed)


def stop_rows(stops: Times) -> Iterator[Row]:
    """Yield from a hand in the picture to the stop on the wire."""
    for name, value in zip(("p50", "p99", "max"), np.percentile(stops, (50, 99, 100)), strict=True):
        yield Row(f"hand shown to stop on the wire, {name}", float(value) * 1e3, "ms")


def number(value: float, unit: str) -> str:
    """Return a value in its unit, as the page shows it."""
    return f"{value:.1f} ms" if unit == "ms" else f"{value:.0f}"


def _tell(what: str) -> None:
    """Say on standard error what takes so long."""
    sys.stderr.write(f"bench perception: {what}\n")
