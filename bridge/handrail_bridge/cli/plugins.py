"""What is installed as a plugin, from which package, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import typer
from handrail_drivers.api import API_VERSION
from handrail_drivers.plugins import KINDS
from rich.box import SIMPLE
from rich.table import Table

from handrail_bridge.cli.output import Json, console, emit, escape

VERSION = ".".join(map(str, API_VERSION))


@dataclass(frozen=True, slots=True)
class Installed:
    """One plugin. ``fault`` is empty where it can be used."""

    kind: str
    name: str
    package: str
    fault: str


def plugins(as_json: Json = False) -> None:
    """List every plugin that is installed, and what is wrong with those that cannot be used."""
    found = [
        Installed(kind.kind, name, package, broken.get(name, ""))
        for kind in KINDS
        for broken in (kind.broken(),)
        for name, package in sorted(kind.origins().items())
    ]
    value = {"api_version": VERSION, "plugins": found}
    emit(value, as_json, lambda _: _show(found))
    raise typer.Exit(1 if any(one.fault for one in found) else 0)


def _show(found: list[Installed]) -> None:
    console.print(f"plugin API {VERSION}")
    table = Table("kind", "name", "package", "", box=SIMPLE)
    for one in found:
        state = f"[red]{escape(one.fault)}[/]" if one.fault else "[green]ok[/]"
        table.add_row(one.kind, escape(one.name), escape(one.package), state)
    console.print(table)
