"""What is there to be spoken to; a cell to begin with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from handrail_drivers.discovery import Found
from handrail_drivers.discovery.draft import cell_draft
from handrail_drivers.errors import Refused
from rich.box import SIMPLE
from rich.table import Table

from handrail_bridge.cli.output import Json, console, emit, escape
from handrail_bridge.devices.finding import everything


def discover(
    probe_port: Annotated[
        list[str] | None,
        typer.Option("--probe", help="ask on this port for every family that can be asked"),
    ] = None,
    modbus: Annotated[
        list[str] | None,
        typer.Option(help="HOST:PORT, or a serial port, whose Modbus units are looked for"),
    ] = None,
    listen: Annotated[float, typer.Option(min=0, max=60, help="s to listen for services")] = 2.0,
    draft: Annotated[Path | None, typer.Option(help="write a cell to begin with there")] = None,
    as_json: Json = False,
) -> None:
    """List serial ports, the devices on them, cameras, services on the network, Modbus units.

    Nothing that is asked moves anything. A port is asked for what its USB adapter lets expect; for
    everything only where --probe names it, since a device may take bytes for what they are not, and
    a board may begin anew when its port is opened.
    """
    if draft is not None and draft.exists():
        raise Refused(f"{draft} is there already.", field="draft", hint="name another file")
    found = everything(listen, probe_port or (), modbus or ())
    if draft is not None:
        draft.write_text(cell_draft(found), encoding="utf-8")
    emit([asdict(one) for one in found], as_json, lambda _: _show(found, draft))


def _show(found: list[Found], draft: Path | None) -> None:
    table = Table("kind", "where", "what", "driver", box=SIMPLE)
    for one in found:
        table.add_row(one.kind, escape(one.where), escape(one.what), one.driver)
    console.print(table if found else "nothing was found; `handrail doctor` looks for the reason")
    if draft is not None:
        console.print(
            f"[green]{escape(str(draft))}[/] is a cell to begin with: next "
            "`handrail cell validate` it"
        )
