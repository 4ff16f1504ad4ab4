"""The figures of every class of fault: as rows of a report, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from handrail_bridge.bench.faults.classes import BY_ITSELF, Fault
from handrail_bridge.bench.faults.trial import Outcome
from handrail_bridge.bench.report import Goal, Row

HEADS = (
    *("Fault in mid-motion", "How it is noticed", "Deadline", "p50", "Worst"),
    *("Of a plain stop", "Worst travel", "Afterwards", "Goals"),
)


@dataclass(frozen=True)
class Summary:
    """All trials of one class, and the plain stops of the same rounds. Times in s."""

    fault: Fault
    deadline: float
    farthest: float  # rad that the arm may go after the fault
    outcomes: Sequence[Outcome]
    plain: Sequence[Outcome]

    @property
    def times(self) -> list[float]:
        """From the fault to standstill [s]."""
        return [outcome.stop.seconds for outcome in self.outcomes]

    @property
    def travel(self) -> float:
        """Longest way after the fault [rad]."""
        return max(outcome.stop.travel for outcome in self.outcomes)

    @property
    def ratio(self) -> float:
        """Of a class's time and a plain stop's: the median of the rounds'."""
        pairs = zip(self.outcomes, self.plain, strict=True)
        return median(mine.stop.seconds / plain.stop.seconds for mine, plain in pairs)

    @property
    def as_meant(self) -> int:
        """How many trials ended as the class says: borne, or stopped on the way and latched."""
        return sum(outcome.is_meant(self.fault) for outcome in self.outcomes)

    @property
    def by_itself(self) -> float:
        """Longest way [rad] that the arm went by itself once the fault was over."""
        return max(outcome.resumed for outcome in self.outcomes)

    @property
    def went_on(self) -> bool:
        """Whether that was farther than its class allows."""
        return self.by_itself > self.fault.shift


def rows(summaries: Sequence[Summary]) -> list[Row]:
    """Return the report's rows: two a class that stops the arm, then what holds for all."""
    stopping = [summary for summary in summaries if not summary.fault.is_borne]
    trials = sum(len(summary.outcomes) for summary in summaries)
    as_meant = sum(summary.as_meant for summary in summaries)
    by_itself = max(s.by_itself for s in summaries if s.fault.shift == BY_ITSELF)
    return [
        *(row for summary in stopping for row in _rows(summary)),
        Row("moved by itself later, worst", by_itself, "rad", goal=Goal("value", BY_ITSELF, False)),
        Row("ended as meant", as_meant, f"of {trials}", goal=Goal("value", trials, True)),
    ]


def _rows(summary: Summary) -> list[Row]:
    plain = median(outcome.stop.seconds for outcome in summary.plain)
    return [
        Row(
            f"{summary.fault.name}, worst",
            max(summary.times) * 1e3,
            "ms",
            plain * 1e3,
            summary.ratio,
            Goal("value", summary.deadline * 1e3, at_least=False),
        ),
        Row(
            f"{summary.fault.name}, travel",
            summary.travel,
            "rad",
            goal=Goal("value", summary.farthest, at_least=False),
        ),
    ]


def failures(summaries: Sequence[Summary]) -> str:
    """Name the classes that did not end as meant, or after which the arm moved by itself."""
    wrong = [
        f"{summary.fault.name}: {summary.as_meant} of {len(summary.outcomes)} as meant, "
        f"moved by itself {summary.by_itself:.3f} rad"
        for summary in summaries
        if summary.as_meant < len(summary.outcomes) or summary.went_on
    ]
    return "; ".join(wrong)


def markdown(summaries: Sequence[Summary], note: str) -> str:
    """Return the table as Markdown."""
    lines = [HEADS, ["---", "---", *["---:"] * 5, "---", "---"], *map(_cells, summaries)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{note[0].upper()}{note[1:]}."


def _cells(summary: Summary) -> list[str]:
    fault = summary.fault
    head = [f"{fault.name}: {fault.injected}", fault.noticed]
    trials = len(summary.outcomes)
    as_meant = "" if summary.as_meant == trials else f" ({summary.as_meant} of {trials})"
    if fault.is_borne:
        return [*head, *["-"] * 5, f"the motion goes on{as_meant}", _outcome(not as_meant)]
    p50, worst = median(summary.times) * 1e3, max(summary.times) * 1e3
    return [
        *head,
        f"{summary.deadline * 1e3:.0f} ms",
        f"{p50:.0f} ms",
        f"{worst:.0f} ms",
        f"{summary.ratio:.2f}",
        f"{summary.travel:.2f} rad",
        f"{fault.mode.name.lower()}{as_meant}",
        _outcome(not as_meant and not summary.went_on and all(row.held for row in _rows(summary))),
    ]


def _outcome(held: bool) -> str:
    return "held" if held else "short"
