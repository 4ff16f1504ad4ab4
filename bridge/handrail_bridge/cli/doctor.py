"""What is wrong with this machine, or with a bus of servos, and the commands that mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from handrail_drivers.discovery.servos import examine_servos
from handrail_drivers.errors import BusLost
from handrail_drivers.serial_port import KeptPort

from handrail_bridge.cli.output import Json, console, emit, escape
from handrail_bridge.doctor import Finding, Machine, examine


def doctor(
    port: Annotated[
        str | None,
        typer.Option(help="a bus of Feetech or Dynamixel servos to look at, too; moves nothing"),
    ] = None,
    baud: Annotated[int, typer.Option(min=1, help="bit/s that the servos should have")] = 1_000_000,
    as_json: Json = False,
) -> None:
    """Find what keeps Handrail from working here; each finding has the command that mends it."""
    found = examine(Machine())
    if port is not None:
        found += _servos(port, baud)
    emit([asdict(one) for one in found], as_json, lambda _: _show(found))
    raise typer.Exit(0 if all(one.well for one in found) else 1)


def _servos(port: str, baud: int) -> list[Finding]:
    try:
        with KeptPort(port) as kept:
            bus = examine_servos(kept.at, baud)
    except BusLost as error:
        return [Finding("servos", False, error.message, error.hint)]
    found = [Finding("servos", False, one.sentence, one.remedy) for one in bus.findings]
    if bus.ids:
        found.insert(0, Finding("servos", True, f"{bus.who} answer at {bus.baud} bit/s"))
    return found


def _show(found: list[Finding]) -> None:
    for one in found:
        mark = "[green]ok[/]  " if one.well else "[red]bad[/] "
        console.print(f"{mark} {one.check}: {escape(one.sentence)}")
        if one.remedy:
            console.print(f"      try: {escape(one.remedy)}")
