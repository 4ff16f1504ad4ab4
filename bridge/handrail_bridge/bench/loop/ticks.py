"""What a trial says about ticks: how late they began and had written, how many fell out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from handrail_drivers.errors import ProcessLost
from numpy.typing import NDArray

Times = NDArray[np.float64]  # us
QUANTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


@dataclass(frozen=True)
class Ticks:
    """One trial of one contestant. Times in us after the tick was due, sorted."""

    began: Times
    written: Times  # empty where nothing is written
    missed: int  # ticks of the schedule that did not happen
    cpu: float  # cores
    since_ns: int = 0  # of the schedule that was watched, monotonic
    until_ns: int = 0
    sent: Times = field(default_factory=lambda: np.empty(0))  # on the wire, where there is a log
    uneven: Times = field(default_factory=lambda: np.empty(0))  # |interval - period| there
    refused: str = ""  # what the machine does not grant a realtime process

    @property
    def expected(self) -> int:
        """Ticks of the schedule, missed ones included."""
        return len(self.began) + self.missed


def from_trace(
    rows: bytes,
    period_ns: int,
    since_ns: int,
    until_ns: int,
    cpu: float,
    heard_ns: Sequence[int] = (),
) -> Ticks:
    """Judge the rows (due, began, written) [ns] of ticks that were due within a time.

    ``heard_ns`` is when the wire had each write, where it keeps a log.

    Raises:
        ProcessLost: there is none.
    """
    ticks = np.frombuffer(rows, dtype=np.int64).reshape(-1, 3)
    ticks = ticks[(ticks[:, 0] >= since_ns) & (ticks[:, 0] < until_ns)]
    if len(ticks) == 0:
        raise ProcessLost("Not one tick was seen in the time that was watched.")
    due = ticks[:, 0]
    expected = round((due[-1] - due[0]) / period_ns) + 1
    late = np.sort((ticks[:, 1:] - due[:, None]) * 1e-3, axis=0)
    sent, uneven = _on_the_wire(ticks, period_ns, np.array(heard_ns, dtype=np.int64))
    missed = expected - len(ticks)
    return Ticks(late[:, 0], late[:, 1], missed, cpu, since_ns, until_ns, sent, uneven)


def _on_the_wire(
    ticks: NDArray[np.int64], period_ns: int, heard: NDArray[np.int64]
) -> tuple[Times, Times]:
    """Return how long after its tick was due each write was on the wire, and how unevenly."""
    heard = heard[(heard >= ticks[0, 1]) & (heard < ticks[-1, 1] + period_ns)]
    of = np.searchsorted(ticks[:, 1], heard, "right") - 1  # the tick that had begun by then
    intervals = np.diff(heard)
    return np.sort((heard - ticks[of, 0]) * 1e-3), np.sort(np.abs(intervals - period_ns) * 1e-3)


def from_histogram(histogram: Mapping[str, int], cycles: int, highest: int) -> Ticks:
    """Judge cyclictest's histogram: lateness [us] -> how many cycles.

    What is beyond the histogram counts as its highest lateness, ``highest`` [us].
    """
    values = np.array([int(late) for late in histogram], dtype=float)
    counts = np.array(list(histogram.values()), dtype=int)
    beyond = np.full(max(0, cycles - int(counts.sum())), float(highest))
    began = np.sort(np.concatenate([np.repeat(values, counts), beyond]))
    return Ticks(began, np.empty(0), 0, 0.0)


def together(trials: Sequence[Ticks]) -> Ticks:
    """Return the trials of all rounds as one."""
    began, written, sent, uneven = (
        np.sort(np.concatenate([getattr(trial, times) for trial in trials]))
        for times in ("began", "written", "sent", "uneven")
    )
    return Ticks(
        began,
        written,
        sum(trial.missed for trial in trials),
        float(np.mean([trial.cpu for trial in trials])),
        sent=sent,
        uneven=uneven,
        refused=trials[0].refused,
    )


def quantile(times: Times, name: str) -> float:
    """Return ``p50``, ``p99``, ``p99.9`` or ``max`` of times [us]; nan of none."""
    return float(np.percentile(times, QUANTILES[name])) if len(times) else float("nan")
