"""``handrail sim``: the twin's wires alone, for other people's software."""

from __future__ import annotations

import signal
import threading
from typing import Annotated, Any

import typer

from handrail_bridge.cli.output import Json, console, emit
from handrail_bridge.cli.up import CellName


def sim(
    cell: CellName,
    seed: Annotated[int, typer.Option(help="of the hidden draw")] = 0,
    as_json: Json = False,
) -> None:
    """Run the twin of a cell until Ctrl-C: its servo bus on a terminal, its cameras over HTTP.

    With --json the first line is one object: wires, links (names that survive a re-plug), urls.
    """
    from handrail_sim.cell_file import load_cell, require_movable
    from handrail_sim.twin.launch import Twin  # MuJoCo: other commands must not wait for it

    require_movable(load_cell(cell))  # every fault of the file, before anything starts
    leave = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: leave.set())
    with Twin.start(cell, seed=seed) as twin:
        emit(twin.description, as_json, _show)
        leave.wait()


def _show(described: dict[str, Any]) -> None:
    for name, path in described["wires"].items():
        console.print(f"[bold]{name}[/] on {path} (stays as {described['links'][name]})")
    for name, url in described["urls"].items():
        console.print(f"[bold]{name}[/] on {url}")
    console.print("Ctrl-C ends it")
