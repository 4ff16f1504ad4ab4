"""What is there to be spoken to; devices of a cell to begin with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from handrail_drivers.discovery import Found
from handrail_drivers.discovery.draft import device_draft
from handrail_drivers.discovery.network import services
from handrail_drivers.discovery.ports import cameras, family, serial_ports
from handrail_drivers.discovery.probing import probe
from handrail_drivers.errors import BusLost, Refused
from handrail_drivers.modbus.lines import line_settings
from handrail_drivers.modbus.scan import Found as Unit
from handrail_drivers.modbus.scan import scan
from handrail_drivers.serial_port import SerialPort, adapters
from rich.box import SIMPLE
from rich.table import Table

from handrail_bridge.cli.output import Json, console, emit, escape


def discover(
    probe_port: Annotated[
        list[str] | None,
        typer.Option("--probe", help="ask on this port for every family that can be asked"),
    ] = None,
    modbus: Annotated[
        list[str] | None, typer.Option(help="HOST:PORT whose Modbus units are looked for")
    ] = None,
    listen: Annotated[float, typer.Option(min=0, max=60, help="s to listen for services")] = 2.0,
    draft: Annotated[Path | None, typer.Option(help="write devices of a cell there")] = None,
    as_json: Json = False,
) -> None:
    """List serial ports, the devices on them, cameras, services on the network, Modbus units.

    Nothing that is asked moves anything. A port is asked for what its USB adapter lets expect; for
    everything only where --probe names it, since a device may take bytes for what they are not.
    """
    if draft is not None and draft.exists():
        raise Refused(f"{draft} is there already.", field="draft", hint="name another file")
    ports = adapters()
    asked: dict[str, tuple[str, ...]] = {one.path: (family(one),) for one in ports if family(one)}
    asked |= dict.fromkeys(probe_port or (), ())
    found = [*serial_ports(ports), *cameras()]
    found += [one for path, drivers in asked.items() if (one := _probed(path, drivers))]
    found += services(listen) if listen else []
    found += [one for address in modbus or () for one in _units(address)]
    if draft is not None:
        draft.write_text(device_draft(found), encoding="utf-8")
    emit([asdict(one) for one in found], as_json, lambda _: _show(found, draft))


def _probed(path: str, drivers: tuple[str, ...]) -> Found | None:
    try:
        return probe(path, lambda baud: SerialPort(path, baud), drivers)
    except BusLost as error:
        return Found("serial port", path, f"cannot be asked: {error.message}")


def _units(address: str) -> list[Found]:
    units = scan([line_settings(tcp=address, timeout=1.0)])
    return [
        Found(
            "modbus unit",
            f"{address} unit {one.unit}",
            _identity(one),
            "modbus",
            {"tcp": address, "unit": one.unit},
        )
        for one in units.found
    ]


def _identity(unit: Unit) -> str:
    said = unit.identity
    parts = () if said is None else (said.vendor, said.product, said.revision)
    return " ".join(filter(None, parts)) or unit.answer


def _show(found: list[Found], draft: Path | None) -> None:
    if not found:
        console.print("nothing was found")
        return
    table = Table("kind", "where", "what", "driver", box=SIMPLE)
    for one in found:
        table.add_row(one.kind, escape(one.where), escape(one.what), one.driver)
    console.print(table)
    if draft is not None:
        console.print(f"[green]{draft}[/] has devices to begin with")
