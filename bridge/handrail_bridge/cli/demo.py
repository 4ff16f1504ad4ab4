"""``handrail demo``: an agent's plans sort the cubes; the world has the last word."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from handrail_drivers.errors import Refused

from handrail_bridge.cli.output import Json, console, emit, escape

if TYPE_CHECKING:
    from handrail_bridge.demo.outcome import Outcome
    from handrail_bridge.pilot.sorting import Event

COLORS = {"refused": "red", "failed": "red", "permitted": "green", "done": "green"}


def demo(
    cell: Annotated[
        str | None,
        typer.Option(help="one with objects that go somewhere; none: the desk with all it has"),
    ] = None,
    seed: Annotated[int, typer.Option(help="shuffles the objects and the hidden draw")] = 1,
    out: Annotated[Path, typer.Option(help="folder for the video and the still")] = Path("out"),
    video: Annotated[bool, typer.Option(help="make the video and the still")] = True,
    as_json: Json = False,
) -> None:
    """Sort the cubes of the desk in its twin: no robot, no screen, no key."""
    from handrail_bridge.demo.run import run  # MuJoCo and OpenCV: only here
    from handrail_bridge.demo.tower import desk

    began = time.monotonic()

    def tell(event: Event) -> None:
        if not as_json:
            color = COLORS.get(event.kind, "cyan")
            passed = time.monotonic() - began
            console.print(f"{passed:6.1f} s  [{color}]{event.kind:<9}[/] {escape(event.text)}")

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # tidies up, as after Ctrl-C
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{out} cannot be a folder: {error}.", field="out", value=str(out)) from error
    outcome = asyncio.run(run(cell or desk(tell), seed, out, video, tell))
    emit(outcome, as_json, _show)
    if not outcome.succeeded:
        raise typer.Exit(1)


def _show(outcome: Outcome) -> None:
    from handrail_bridge.demo.outcome import table

    console.print(table(outcome))
