"""``handrail bench firmware``: an emulated Uno, its commands beside a bare echo, its samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from handrail_bridge.bench.firmware.commands import DRIVER, ECHO, TOOL, Times, rounds
from handrail_bridge.bench.firmware.emulated import FAST, SLOW, build
from handrail_bridge.bench.firmware.samples import flooded, sustained
from handrail_bridge.bench.report import Goal, Report, Row, markdown

NEAR = Goal("ratio", 1.15, at_least=False)  # of the echo
SHARE = Goal("value", 0.70, at_least=True)  # of the line, as samples
BARE = "bare loop of frames"  # on the same chip, read by bare pyserial
QUANTILES = {"p50": 50.0, "p99": 99.0}
MANY = (9, 200, 3.0)  # rounds, calls in each, s of samples
FEW = (1, 20, 0.3)
RATES = {
    SLOW: (1000.0, 2000.0, 3000.0, 3500.0, 4000.0, 4100.0, 4200.0, 4400.0),
    # the chip is the limit
    FAST: (5000.0, 10_000.0, 12_500.0, 15_152.0, 16_667.0, 18_182.0, 20_000.0, 21_739.0, 22_727.0),
}


def measure(quick: bool = False) -> Report:
    """Measure commands and samples; ``quick`` as little as shows that it works.

    Raises:
        ProcessLost: the toolchain or simavr is missing.
    """
    count, calls, s = FEW if quick else MANY
    with tempfile.TemporaryDirectory(prefix="hr-") as name:
        folder = Path(name)
        build(folder)
        found = rounds(folder, count, calls)
        rows = [*_command_rows(found), *_sample_rows(folder, s)]
    note = (
        "an ATmega328P on simavr, whose line is modelled; the tool's calls are in an audit log "
        "before they are made; ratios within a round, medians of rounds"
    )
    return Report("firmware", note, rows, markdown(rows, note, _told))


def _command_rows(found: Sequence[Times]) -> Iterator[Row]:
    for who in (TOOL, DRIVER):
        for name, percent in QUANTILES.items():
            pairs = [(_us(times[who], percent), _us(times[ECHO], percent)) for times in found]
            value, reference = (median(pair[n] for pair in pairs) for n in (0, 1))
            ratio = median(ours / bare for ours, bare in pairs)
            goal = NEAR if who == TOOL else None
            figure = f"command to acknowledgement by {who} / {ECHO}, {name}"
            yield Row(figure, value, "us", reference, ratio, goal)


def _sample_rows(folder: Path, s: float) -> Iterator[Row]:
    harness = folder / "avr_board"
    for baud, images in ((SLOW, folder), (FAST, folder / "fast")):
        bare = flooded(harness, images, baud, s)
        best = sustained(harness, images, baud, RATES[baud], s)
        ratio = best.rate / bare.rate
        yield Row(f"samples sustained / {BARE}, {baud} bit/s", best.rate, "Hz", bare.rate, ratio)
        figure = f"share of the line / {BARE}, {baud} bit/s"
        yield Row(figure, best.share, "1", bare.share, ratio, SHARE)


def _us(times: Sequence[float], percent: float) -> float:
    return float(np.percentile(times, percent)) * 1e6


def _told(value: float, unit: str) -> str:
    return f"{value:.2f}" if unit == "1" else f"{value:.0f} {unit}"
