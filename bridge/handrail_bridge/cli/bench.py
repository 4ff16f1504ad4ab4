"""``handrail bench NAME``: measure a published number again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handrail_bridge import bench as benches
from handrail_bridge.bench import markers
from handrail_bridge.cli.output import Json, console, emit


def bench(
    name: Annotated[str, typer.Argument(help=f"one of: {', '.join(benches.BENCHES)}")],
    quick: Annotated[bool, typer.Option(help="measure once, to see that it works")] = False,
    write: Annotated[Path | None, typer.Option(help="the page to write the table to, too")] = None,
    seed: Annotated[int | None, typer.Option(help="draw other trials (safety)")] = None,
    as_json: Json = False,
    strict: Annotated[bool, typer.Option(help="exit 1 where a goal is missed")] = False,
) -> None:
    """Measure a figure and its reference in one run; say whether the goal is held."""
    report = benches.run(name, quick, seed)
    if write is not None:
        markers.replace(write, name, report.markdown)
    emit(report.as_json(), as_json, lambda _: console.print(report.table()))
    raise typer.Exit(1 if strict and report.is_short else 0)
