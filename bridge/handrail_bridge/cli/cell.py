"""The cell file: schema, faults, a first draft from an MJCF; plans checked without devices."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from handrail_drivers.errors import Refused

from handrail_bridge.cli.calls import PlanFile, read_plan
from handrail_bridge.cli.output import Json, console, emit, escape, show_verdict

cell = typer.Typer(
    no_args_is_help=True, help="The cell file: schema, validation, import; plans without devices."
)


@cell.command()
def schema() -> None:
    """Print the JSON Schema of a cell file, so that editors complete it."""
    from handrail_sim.cell_file import cell_schema  # MuJoCo: `handrail stop` must not wait for it

    sys.stdout.write(json.dumps(cell_schema(), indent=2) + "\n")


@cell.command()
def validate(
    file: Annotated[str, typer.Argument(metavar="CELL", help="a TOML file, or a shipped name")],
    as_json: Json = False,
) -> None:
    """Check a cell file. Prints every fault with its key, its line and what is allowed."""
    from handrail_sim.cell_file import cell_digest, load_cell  # as above

    loaded = load_cell(file)
    found = {
        "name": loaded.name,
        "digest": cell_digest(loaded),
        "devices": list(loaded.devices),
        "objects": list(loaded.objects),
    }
    emit(found, as_json, lambda _: console.print(f"[green]{loaded.name}[/] is a valid cell"))


@cell.command("import")
def import_model(
    scene: Annotated[Path, typer.Argument(help="an MJCF file")],
    out: Annotated[Path | None, typer.Option(help="the cell file; none: beside the MJCF")] = None,
    name: Annotated[str, typer.Option(help="the cell's name; none: the file's")] = "",
    as_json: Json = False,
) -> None:
    """Write the first draft of a cell from an MJCF, and say what could not be known from it."""
    from handrail_sim.cell_file import load_cell  # as above
    from handrail_sim.cell_import import draft

    file = out or scene.with_suffix(".toml")
    if file.exists():
        raise Refused(f"{file} is there already.", field="out", hint="name another file by --out")
    made = draft(
        scene.resolve(),
        file.resolve().parent,
        name or re.sub(r"[^a-z0-9_]+", "_", scene.stem.lower()),
    )
    file.write_text(made.text)
    load_cell(file)
    emit({"file": str(file), "unknown": made.unknown}, as_json, _show_draft)


@cell.command()
def check(
    of: Annotated[str, typer.Argument(metavar="CELL", help="a TOML file, or a shipped name")],
    plan: PlanFile,
    as_json: Json = False,
) -> None:
    """Check a plan from home, without any device or bridge. Exits 1 where it is refused."""
    from handrail_sim.cell_file import load_cell  # as above
    from handrail_sim.check.checker import Checker

    from handrail_bridge.rail.requests import parse_plan

    loaded = load_cell(of)
    checker = Checker(loaded)
    verdict = checker.check(parse_plan(read_plan(plan), loaded), checker.at_home())
    emit(replace(verdict, trajectory=None, path=None), as_json, show_verdict)
    raise typer.Exit(0 if verdict.passed else 1)


def _show_draft(found: dict[str, Any]) -> None:
    console.print(f"[green]{escape(found['file'])}[/] is a first draft. Look at these:")
    for sentence in found["unknown"]:
        console.print(f"  {escape(sentence)}")
