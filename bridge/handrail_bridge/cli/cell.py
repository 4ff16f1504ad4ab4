"""The cell file: its JSON Schema for editors, and every fault of one at once."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from handrail_sim.cell_file import cell_digest, cell_schema, load_cell

from handrail_bridge.cli.output import Json, console, emit

cell = typer.Typer(no_args_is_help=True, help="The cell file: schema and validation.")


@cell.command()
def schema() -> None:
    """Print the JSON Schema of a cell file, so that editors complete it."""
    sys.stdout.write(json.dumps(cell_schema(), indent=2) + "\n")


@cell.command()
def validate(
    file: Annotated[str, typer.Argument(metavar="CELL", help="a TOML file, or a shipped name")],
    as_json: Json = False,
) -> None:
    """Check a cell file. Prints every fault with its key, its line and what is allowed."""
    loaded = load_cell(file)
    found = {
        "name": loaded.name,
        "digest": cell_digest(loaded),
        "devices": list(loaded.devices),
        "objects": list(loaded.objects),
    }
    emit(found, as_json, lambda _: console.print(f"[green]{loaded.name}[/] is a valid cell"))
