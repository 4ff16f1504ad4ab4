"""The figures of ``bench loop``: as rows of a report, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from handrail_bridge.bench.loop.ticks import QUANTILES, Ticks, quantile, together
from handrail_bridge.bench.report import Goal, Row

LATE = 1.5  # times cyclictest's p99, at most
MISSED = 1.5  # times a bare loop's missed ticks, at most, each and one more
OURS, BARE, CYCLICTEST, ASLEEP = "handrail", "bare", "cyclictest", "asleep"
HEADS = (
    *("Rate, bus", "Load", "Late p50 / p99 / p99.9 / max", "cyclictest", "p99, ratio"),
    *("Missed: ours / bare", "Written p99: ours / bare", "CPU", "Goals"),
)
ROAD_HEADS = ("Road to the stop", "p50", "p99", "Worst", "Bare echo, p50", "Ratio", "Goal")
WIRE_HEADS = ("On the wire", "After due p50 / p99 / max", "Interval off by p50 / p99 / max")


@dataclass(frozen=True)
class Case:
    """One rate on one bus under one load: the rounds of every contestant."""

    rate: int  # Hz
    bus: str
    load: str
    rounds: Mapping[str, Sequence[Ticks]]

    @property
    def name(self) -> str:
        """What the figures are about."""
        return f"{self.rate} Hz, {self.bus}, {self.load}"

    def all(self, who: str) -> Ticks:
        """Return all rounds of a contestant as one; without ticks where it had none."""
        trials = self.rounds.get(who) or [Ticks(np.empty(0), np.empty(0), 0, 0.0)]
        return together(trials)

    def ratio(self, other: str, times: str, name: str) -> float | None:
        """Return ours to another's quantile of ``began`` or ``written``: the rounds' median."""
        pairs = list(zip(self.rounds[OURS], self.rounds.get(other, ()), strict=False))
        if not pairs:
            return None
        return median(
            quantile(getattr(a, times), name) / quantile(getattr(b, times), name) for a, b in pairs
        )

    @property
    def missed_ratio(self) -> float:
        """Of the parts of all ticks that we missed and the bare loop did, each and one more.

        Parts, since each is watched for another time: what is missed stretches our motion.
        """
        ours, bare = self.all(OURS), self.all(BARE)
        return _missed(ours, 1) / _missed(bare, 1)


@dataclass(frozen=True)
class Stops:
    """Times [s] of a road to a stop, and of its reference."""

    name: str
    times: Sequence[float]
    echo: Sequence[float]
    limit: float = 0.0  # s, for p99; 0: none

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return median(self.times) / median(self.echo)


def case_rows(case: Case) -> list[Row]:
    """Return one case's rows."""
    ours, bare, cyclic = case.all(OURS), case.all(BARE), case.all(CYCLICTEST)
    rows = [
        Row(
            f"{case.name}: late, {name}",
            quantile(ours.began, name),
            "us",
            quantile(cyclic.began, name) if len(cyclic.began) else None,
            case.ratio(CYCLICTEST, "began", name),
            Goal("ratio", LATE, at_least=False) if name == "p99" and len(cyclic.began) else None,
        )
        for name in QUANTILES
    ]
    wrote, bare_wrote = (quantile(times.written, "p99") for times in (ours, bare))
    ratio = case.ratio(BARE, "written", "p99")
    goal = Goal("ratio", MISSED, at_least=False)
    parts = 100 * _missed(ours), 100 * _missed(bare)
    rows += [
        Row(f"{case.name}: missed", parts[0], "%", parts[1], case.missed_ratio, goal),
        Row(f"{case.name}: written, p99", wrote, "us", bare_wrote, ratio),
        *_wire_rows(case),
    ]
    if ASLEEP in case.rounds:
        asleep = case.all(ASLEEP).cpu
        rows.append(Row(f"{case.name}: CPU, beside without spin", ours.cpu, "core", asleep))
    return rows


def _wire_rows(case: Case) -> list[Row]:
    """Return what the wire's own log says of setpoints, where there is one."""
    ours, bare = case.all(OURS), case.all(BARE)
    if not len(ours.sent) or not len(bare.sent):
        return []
    return [
        Row(
            f"{case.name}: {what}, {name}",
            quantile(getattr(ours, times), name),
            "us",
            quantile(getattr(bare, times), name),
            case.ratio(BARE, times, name),
        )
        for times, what in (("sent", "on the wire after due"), ("uneven", "interval off by"))
        for name in ("p50", "p99", "max")
    ]


def _missed(ticks: Ticks, more: int = 0) -> float:
    """Return which part of its ticks a contestant missed, with some more."""
    return (ticks.missed + more) / max(1, ticks.expected)


def stop_rows(stops: Stops) -> list[Row]:
    """Return one road's rows."""
    took, echo = np.array(stops.times) * 1e3, np.array(stops.echo) * 1e3
    goal = Goal("value", stops.limit * 1e3, at_least=False) if stops.limit else None
    return [
        Row(
            f"{stops.name}, p50", float(np.median(took)), "ms", float(np.median(echo)), stops.ratio
        ),
        Row(f"{stops.name}, p99", _p99(took), "ms", _p99(echo), _p99(took) / _p99(echo), goal),
        Row(f"{stops.name}, max", float(took.max()), "ms", float(echo.max())),
    ]


def markdown(cases: Sequence[Case], stops: Sequence[Stops], note: str) -> str:
    """Return the tables as Markdown."""
    ticks = _table(HEADS, 2, [_case_cells(case) for case in cases])
    wires = [line for case in cases if len(case.all(OURS).sent) for line in _wire_lines(case)]
    ways = _table(ROAD_HEADS, 1, [_stop_cells(way) for way in stops])
    parts = [ticks, *([_table(WIRE_HEADS, 1, wires)] if wires else []), ways]
    return "\n\n".join([*parts, f"{note[0].upper()}{note[1:]}."])


def _outcome(rows: Sequence[Row]) -> str:
    """Say whether every goal of some rows is held, and which is not."""
    judged = [row for row in rows if row.goal]
    short = [row.figure.rpartition(": ")[2] for row in judged if not row.held]
    return f"**short**: {'; '.join(short)}" if short else "held" if judged else "-"


def _wire_lines(case: Case) -> list[list[str]]:
    """Return what the wire's own log says of us and of the bare loop."""
    return [
        [
            f"{case.rate} Hz, {case.bus}: {who}",
            *(
                " / ".join(f"{quantile(times, name):.0f}" for name in ("p50", "p99", "max")) + " us"
                for times in (found.sent, found.uneven)
            ),
        ]
        for who, found in (("ours", case.all(OURS)), ("bare", case.all(BARE)))
    ]


def _table(heads: Sequence[str], left: int, lines: Sequence[Sequence[str]]) -> str:
    rule = [*["---"] * left, *["---:"] * (len(heads) - left)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *lines))


def _case_cells(case: Case) -> list[str]:
    ours, bare, cyclic = case.all(OURS), case.all(BARE), case.all(CYCLICTEST)
    ratio = case.ratio(CYCLICTEST, "began", "p99")
    spin = f" ({case.all(ASLEEP).cpu:.2f} without spin)" if ASLEEP in case.rounds else ""
    return [
        f"{case.rate} Hz, {case.bus}",
        case.load,
        _quantiles(ours),
        _quantiles(cyclic) if len(cyclic.began) else "-",
        "-" if ratio is None else f"{ratio:.2f}",
        f"{100 * _missed(ours):.2f} / {100 * _missed(bare):.2f} %",
        f"{quantile(ours.written, 'p99'):.0f} / {quantile(bare.written, 'p99'):.0f} us",
        f"{ours.cpu:.2f}{spin}",
        _outcome(case_rows(case)),
    ]


def _quantiles(ticks: Ticks) -> str:
    return " / ".join(f"{quantile(ticks.began, name):.0f}" for name in QUANTILES) + " us"


def _stop_cells(stops: Stops) -> list[str]:
    took = np.array(stops.times) * 1e3
    echo = median(stops.echo) * 1e3
    return [
        f"{stops.name} ({len(took)})",
        *(f"{value:.1f} ms" for value in (np.median(took), _p99(took), took.max())),
        f"{echo:.2f} ms",
        f"{stops.ratio:.1f}",
        _outcome(stop_rows(stops)),
    ]


def _p99(times: np.ndarray) -> float:
    return float(np.percentile(times, 99, method="higher"))  # never between a time and for ever
