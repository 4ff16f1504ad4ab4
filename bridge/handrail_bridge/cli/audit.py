"""The audit log: whether it is whole, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from handrail_drivers.errors import UnknownName

from handrail_bridge import run_dir
from handrail_bridge.cli.output import Json, console, emit, escape
from handrail_bridge.rail import audit as logs
from handrail_bridge.reports import OPERATOR

audit = typer.Typer(no_args_is_help=True, help="The audit log: whether it is whole, what it says.")

Of = Annotated[
    str | None,
    typer.Argument(
        metavar="CELL", help="a cell, `firmware`, or a log's own file; none: the running cell"
    ),
]


@audit.command()
def verify(
    of: Of = None,
    head: Annotated[str, typer.Option(help="a hash printed earlier, that must be in it")] = "",
    as_json: Json = False,
) -> None:
    """Compute the chain again. Exit status 1 where an entry is not what was written."""
    path = _path(of)
    last = logs.verify(path, head)
    found = {"log": str(path), "entries": last.number, "head": last.hash}
    said = f"[green]whole[/]: {last.number} entries, head {last.hash}"
    emit(found, as_json, lambda _: console.print(said, soft_wrap=True))


@audit.command()
def show(
    of: Of = None,
    last: Annotated[int, typer.Option(min=1, help="how many entries")] = 20,
    as_json: Json = False,
) -> None:
    """Print the last entries, oldest first."""
    entries = logs.read(_path(of), last)
    found: dict[str, Any] = {
        "entries": [
            {**_own(e.body), "number": e.number, "time": e.time, "event": e.event} for e in entries
        ]
    }

    def people(_: object) -> None:
        for entry in entries:
            when = datetime.fromtimestamp(entry.time, UTC).isoformat(timespec="milliseconds")
            console.print(f"{entry.number:6} {when} {escape(_sentence(entry))}", highlight=False)

    emit(found, as_json, people)


def _path(of: str | None) -> Path:
    name = of or run_dir.running().cell
    file = Path(name)
    if file.is_file() and file.suffix != ".toml":
        return file
    if file.suffix == ".toml":
        from handrail_sim.cell_file import load_cell  # MuJoCo: no other command here waits for it

        name = load_cell(name).name
    every = run_dir.kept(logs.NAME)
    if name not in every:
        raise UnknownName("log", name, every, "CELL")
    return every[name]


def _own(body: dict[str, Any]) -> dict[str, Any]:
    """Return an entry's own parts; the number of the card that was decided is its ``card``."""
    return {"card" if name == "number" else name: part for name, part in body.items()}


def _sentence(entry: logs.Entry) -> str:
    """Say an entry in a line."""
    body = entry.body
    match entry.event:
        case "execute":
            steps = ", ".join(step["tool"] for step in body["plan"]["steps"])
            return f"execute {body['id']}: {steps} (plan {body['plan_digest'][:12]})"
        case "receipt":
            how = "completed" if body["completed"] else f"ended early: {body['reason']}"
            return f"receipt {body['id']}: {how}, {body['duration']:.1f} s"
        case "refused":
            return f"refused {body['id']}: {body['error'].get('message', '')}"
        case "asked":
            by = f", by {body['approver']}" if body["approver"] else ""
            if "tool" in body:
                return f"asked for a call{by}: {body['tool']} {body['arguments']}"
            return f"asked for plan {body['plan_digest'][:12]}{by}: {body['asks'][0]}"
        case "call":
            return f"call, approved by {body['approver']}: {body['tool']} {body['arguments']}"
        case "called":
            error = body["error"]
            return f"called: {error.get('message', '') if error else 'done'}"
        case "decided":
            said = "approved" if body["approve"] else "refused"
            by = f"{body['approver']} ({body.get('road', OPERATOR)})"
            return f"{said} by {by}: {body['trajectory_digest'][:12]}"
        case "note":
            return f"note: {body['what']}"
        case event:
            return event
