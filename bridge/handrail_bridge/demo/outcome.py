"""What a demo ends with: the world's own word on every object, and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail_sim.cell import Cell
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from handrail_bridge.demo.tower import Shown
from handrail_bridge.demo.visitor import Visit
from handrail_bridge.reports import Counters

WALL_GOAL = 90.0  # s
MEMORY_GOAL = 1.5e9  # bytes


@dataclass(frozen=True, slots=True)
class Sorted:
    """One object: where it belongs, and where the world says that it is."""

    name: str
    belongs: str | None
    lies: str | None

    @property
    def right(self) -> bool:
        """Whether it lies where it belongs."""
        return self.belongs is None or self.lies == self.belongs


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one demo. Times in s, memory in bytes."""

    seed: int
    objects: tuple[Sorted, ...]
    boards: Shown | None  # what they did; None where the cell has none
    visit: Visit | None  # what came of a hand; None where the cell has no eyes
    stops: int  # protective stops after which the operator armed again
    problem: str  # what ended the sorting early; empty where nothing did
    checked: int
    refused: int
    executed: int
    median_check: float
    loop: Counters
    loop_rate: float  # Hz, measured while it sorted
    stop_latency: float | None
    wall: float
    peak_memory: int
    slip: float
    video: str
    still: str

    @property
    def succeeded(self) -> bool:
        """Whether all lies where it belongs, says the world, and boards and eyes did theirs."""
        shown = all(one is None or one.right for one in (self.boards, self.visit))
        return shown and bool(self.objects) and all(thing.right for thing in self.objects)


def judge(cell: Cell, truth: Mapping[str, Any]) -> tuple[Sorted, ...]:
    """Return where the world's truth has every object of the cell."""
    return tuple(
        Sorted(name, thing.goes_to, truth["objects"][name]["region"])
        for name, thing in cell.objects.items()
    )


def table(outcome: Outcome) -> Table:
    """Return the demo's last table."""
    right = sum(thing.right for thing in outcome.objects)
    loop = outcome.loop
    stop = outcome.stop_latency
    rows = Table("what", "figure", box=SIMPLE, title=f"seed {outcome.seed}")
    for thing in outcome.objects:
        mark = "[green]yes[/]" if thing.right else f"[red]no, in {thing.lies}[/]"
        rows.add_row(f"{thing.name} in {thing.belongs}, says the world", mark)
    if outcome.boards is not None:
        mark = "[green]yes[/]" if outcome.boards.right else "[red]no[/]"
        stopped = ", ".join(outcome.boards.stopped_by) or "nothing"
        rows.add_row("lamp lit, pusher moved, button stopped the arm, says the world", mark)
        rows.add_row("the button's stop was", stopped)
    if outcome.visit is not None:
        mark = "[green]yes[/]" if outcome.visit.right else f"[red]no[/] {outcome.visit.problem}"
        rows.add_row("a hand that reached in stopped the arm", mark)
    if outcome.stops:
        rows.add_row("protective stops, armed again", f"[yellow]{outcome.stops}[/]")
    if outcome.problem:
        rows.add_row("the sorting ended early", f"[red]{escape(outcome.problem)}[/]")
    rows.add_row("objects sorted", f"{right} of {len(outcome.objects)}")
    rows.add_row(
        "plans checked / refused / executed",
        f"{outcome.checked} / {outcome.refused} / {outcome.executed}",
    )
    rows.add_row("median time of a check", f"{outcome.median_check * 1000:.0f} ms")
    rows.add_row(
        "loop",
        f"{outcome.loop_rate:.1f} of {loop.rate:.0f} Hz, {loop.overruns} overruns, "
        f"{loop.late_reads} late reads",
    )
    rows.add_row(
        "stop() to the first changed setpoint on the wire",
        "could not be told" if stop is None else f"{stop * 1000:.1f} ms",
    )
    rows.add_row("wall clock", f"{outcome.wall:.0f} s (goal {WALL_GOAL:.0f} s)")
    rows.add_row(
        "peak memory, all processes",
        f"{outcome.peak_memory / 1e6:.0f} MB (goal {MEMORY_GOAL / 1e6:.0f} MB)",
    )
    rows.add_row("the twin fell behind the wall clock by", f"{outcome.slip * 1000:.0f} ms")
    rows.add_row("video, still", f"{outcome.video}, {outcome.still}")
    return rows
