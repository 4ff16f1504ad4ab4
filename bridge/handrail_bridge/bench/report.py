"""The one shape of every benchmark: a row a figure, with its reference, ratio, goal and outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a row's ratio, or on its value. ``at_least`` false: at most."""

    of: str  # "ratio" or "value"
    bound: float
    at_least: bool

    def __str__(self) -> str:
        return f"{self.of} {'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``reference`` was measured in the same run, in the same unit."""

    figure: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None  # value / reference: the median over rounds, so not their quotient
    goal: Goal | None = None

    @property
    def held(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        judged = self.ratio if self.goal.of == "ratio" else self.value
        if judged is None:
            return False
        return judged >= self.goal.bound if self.goal.at_least else judged <= self.goal.bound

    @property
    def outcome(self) -> str:
        """``held``, ``short``, or nothing."""
        return {True: "held", False: "short", None: ""}[self.held]


@dataclass(frozen=True)
class Report:
    """What one benchmark found. ``note`` says how it was measured."""

    name: str
    note: str
    rows: list[Row] = field(default_factory=list)
    markdown: str = ""  # the same, as a page shows it

    @property
    def is_short(self) -> bool:
        """Whether any goal was missed."""
        return any(row.held is False for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        rows = [
            {
                "figure": row.figure,
                "value": row.value,
                "unit": row.unit,
                "reference": row.reference,
                "ratio": row.ratio,
                "goal": str(row.goal) if row.goal else None,
                "outcome": row.outcome or None,
            }
            for row in self.rows
        ]
        return {"name": self.name, "note": self.note, "short": self.is_short, "rows": rows}

    def table(self) -> Table:
        """Return the report as a table for the terminal."""
        table = Table(title=f"bench {self.name}", caption=self.note)
        for column in ("figure", "value", "unit", "reference", "ratio", "goal", ""):
            table.add_column(column, justify="right" if column in NUMBERS else "left")
        for row in self.rows:
            numbers = [_number(part) for part in (row.value, row.reference, row.ratio)]
            color = {"held": "green", "short": "bold red"}.get(row.outcome, "")
            outcome = f"[{color}]{row.outcome}[/]" if color else ""
            goal = str(row.goal) if row.goal else ""
            table.add_row(row.figure, numbers[0], row.unit, *numbers[1:], goal, outcome)
        return table


NUMBERS = ("value", "reference", "ratio")


def beside(
    figure: str, pairs: Sequence[tuple[float, float]], unit: str, goal: Goal | None = None
) -> Row:
    """Return a figure beside its reference, of rounds; the ratio is the rounds' median."""
    value, reference = (median(pair[n] for pair in pairs) for n in (0, 1))
    return Row(figure, value, unit, reference, median(a / b for a, b in pairs), goal)


def markdown(
    rows: Sequence[Row],
    note: str,
    number: Callable[[float, str], str],
    reference: str = "Reference",
) -> str:
    """Return rows as a page shows them; ``number`` writes a value in its unit."""
    lines = [f"| Figure | Value | {reference} | Ratio | Goal | |", "|---|---:|---:|---:|---|---|"]
    for row in rows:
        other = "" if row.reference is None else number(row.reference, row.unit)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        value, goal = number(row.value, row.unit), str(row.goal or "")
        lines.append(f"| {row.figure} | {value} | {other} | {ratio} | {goal} | {row.outcome} |")
    return "\n".join([*lines, "", f"{note[0].upper()}{note[1:].removesuffix('.')}."])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
