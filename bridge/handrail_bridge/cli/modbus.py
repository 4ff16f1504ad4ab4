"""Modbus devices that nobody has described yet: who is there, what they hold, a map to begin with.

Only reads are sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from handrail_drivers.errors import InvalidRequest, Refused
from handrail_drivers.modbus import register_list
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.lines import line_settings
from handrail_drivers.modbus.map_draft import MapDraft
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.map_import import import_map
from handrail_drivers.modbus.places import Notation
from handrail_drivers.modbus.probe import LAST, MOST_ADDRESS, Probe, probe
from handrail_drivers.modbus.probe_draft import draft_map
from handrail_drivers.modbus.read_only import ReadOnlyLine
from handrail_drivers.modbus.scan import MOST_UNIT, Found, Scan, candidates, read_units, scan
from rich.progress import BarColumn, Progress, TextColumn

from handrail_bridge.cli import modbus_tables as tables
from handrail_bridge.cli.output import Json, console, emit, escape, problems

modbus = typer.Typer(
    no_args_is_help=True,
    help="Modbus: who is on a line, what a unit holds, a register map to begin with. Only reads.",
)


class Parity(StrEnum):
    """Of a serial line."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


Tcp = Annotated[str | None, typer.Option(help="HOST:PORT of a Modbus TCP device or gateway")]
RtuOverTcp = Annotated[str | None, typer.Option(help="HOST:PORT of a gateway that passes RTU on")]
Port = Annotated[str | None, typer.Option(help="device file of a serial line")]
StopBits = Annotated[int, typer.Option(min=1, max=2, help="of a serial line")]
Out = Annotated[Path | None, typer.Option(help="the register map")]


@modbus.command("scan")
def scan_line(
    tcp: Tcp = None,
    rtu_over_tcp: RtuOverTcp = None,
    port: Port = None,
    baud: Annotated[
        list[int] | None, typer.Option(help="bit/s, may be repeated; none: 19200, 9600, 115200")
    ] = None,
    parity: Annotated[
        list[Parity] | None, typer.Option(help="may be repeated; none: even, none")
    ] = None,
    stop_bits: StopBits = 1,
    units: Annotated[str, typer.Option(help="such as 1-10,17; none: 1-247, on TCP 1-16,255")] = "",
    timeout: Annotated[
        float | None, typer.Option(help="s, one answer; none: 0.2, RTU over TCP 0.5, TCP 1")
    ] = None,
    every: Annotated[
        bool, typer.Option("--every-setting", help="go on after one at which somebody answers")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the units on a line. Asks each for one holding register; a refusal is an answer, too.

    A serial line is tried at several speeds, until somebody answers.
    """
    given = {"tcp": tcp, "rtu_over_tcp": rtu_over_tcp, "port": port, "stop_bits": stop_bits}
    lines = candidates(baud or (), [str(one) for one in parity or ()], timeout=timeout, **given)
    with _bar(as_json) as bar:
        task = bar.add_task("")

        def progress(line: str, unit: int, asked: int, total: int) -> None:
            said = escape(f"{line}: unit {unit}")
            bar.update(task, completed=asked, total=total, description=said)

        found = scan(lines, read_units(units) if units else (), every, progress)
    emit(_scan_json(found), as_json, lambda _: tables.show_scan(found))
    raise typer.Exit(0 if found.found else 1)


@modbus.command("probe")
def probe_unit(
    unit: Annotated[int, typer.Option(min=1, max=MOST_UNIT, help="its number")] = 1,
    tcp: Tcp = None,
    rtu_over_tcp: RtuOverTcp = None,
    port: Port = None,
    baud: Annotated[int, typer.Option(help="bit/s")] = 19200,
    parity: Annotated[Parity, typer.Option(help="of a serial line")] = Parity.EVEN,
    stop_bits: StopBits = 1,
    timeout: Annotated[float, typer.Option(help="s, one answer")] = 0.5,
    table: Annotated[
        list[Table] | None, typer.Option(help="may be repeated; none: all four")
    ] = None,
    first: Annotated[int, typer.Option(min=0, max=MOST_ADDRESS, help="address")] = 0,
    last: Annotated[int, typer.Option(min=0, max=MOST_ADDRESS, help="address")] = LAST,
    watch: Annotated[float, typer.Option(min=0, max=86400, help="s, for what changes")] = 0.0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Find what can be read of a unit, show what it may mean, and write a map to begin with.

    An address that is missing costs a request: narrow --first, --last and --table on slow lines.
    """
    _require_new(out)
    settings = line_settings(
        tcp=tcp,
        rtu_over_tcp=rtu_over_tcp,
        port=port,
        baud=baud,
        parity=str(parity),
        stop_bits=stop_bits,
        timeout=timeout,
    )
    with _bar(as_json) as bar, ReadOnlyLine(settings) as line:
        task = bar.add_task("", total=last + 1 - first)

        def progress(now: Table, address: int) -> None:
            bar.update(task, completed=address - first, description=f"{now} {address}")

        found = probe(line, unit, table or list(Table), first, last, watch, progress)
    draft = draft_map(found) if out is not None else None
    if out is not None and draft is not None:
        _write(out, draft)
    emit(_probe_json(found, out, draft), as_json, lambda _: _show_probe(found, out, draft))
    raise typer.Exit(1 if found.is_empty else 0)


@modbus.command("import")
def import_list(
    registers: Annotated[Path, typer.Argument(metavar="CSV", help="a vendor's register list")],
    out: Annotated[
        Path | None, typer.Option(help="the register map; none: beside the list")
    ] = None,
    first_address: Annotated[
        int, typer.Option(min=0, max=1, help="what the list calls a table's first register")
    ] = 0,
    notation: Annotated[
        Notation, typer.Option(help="how it writes addresses; modicon: 40001 is holding 0")
    ] = Notation.AUTO,
    unit: Annotated[
        int | None, typer.Option(min=1, max=MOST_UNIT, help="leave out rows of other units")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a register map from a vendor's CSV, and say what could not be known from it."""
    file = out or registers.with_suffix(".toml")
    _require_new(file)
    try:
        text = register_list.decoded(registers.read_bytes())
    except OSError as error:
        raise InvalidRequest(
            f"{registers} cannot be read: {error.strerror}.", field="registers"
        ) from error
    draft = import_map(text, registers.name, first_address, notation, unit)
    _write(file, draft)
    found = {"file": str(file), "registers": draft.registers, "unknown": draft.unknown}
    emit(found, as_json, lambda _: _show_draft(file, draft))


@contextmanager
def _bar(as_json: bool) -> Iterator[Progress]:
    """Show how far it is, on a terminal alone."""
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=problems, transient=True, disable=as_json) as bar:
        yield bar


def _require_new(file: Path | None) -> None:
    if file is not None and file.exists():
        raise Refused(f"{file} is there already.", field="out", hint="name another file by --out")


def _write(file: Path, draft: MapDraft) -> None:
    try:
        file.write_text(draft.text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be written: {error.strerror}.", field="out") from error
    load_map(file)


def _show_draft(file: Path, draft: MapDraft) -> None:
    count = f"{draft.registers} registers"
    console.print(f"[green]{escape(str(file))}[/] is a first draft, {count}. Look at these:")
    for sentence in draft.unknown:
        console.print(f"  {escape(sentence)}")


def _show_probe(found: Probe, out: Path | None, draft: MapDraft | None) -> None:
    tables.show_probe(found)
    if out is not None and draft is not None:
        _show_draft(out, draft)


def _scan_json(found: Scan) -> dict[str, Any]:
    return {
        "units": [_unit_json(one) for one in found.found],
        "notes": found.notes,
        "requests": found.requests,
        "seconds": found.seconds,
    }


def _unit_json(one: Found) -> dict[str, Any]:
    line = one.line.model_dump(exclude={"retries"}, exclude_none=True)
    if one.line.port is None:
        line = {key: line[key] for key in line if key not in ("baud", "parity", "stop_bits")}
    return {"unit": one.unit, "line": line, "answer": one.answer, "identity": one.identity}


def _probe_json(found: Probe, out: Path | None, draft: MapDraft | None) -> dict[str, Any]:
    return {
        "unit": found.unit,
        "first": found.first,
        "last": found.last,
        "requests": found.requests,
        "seconds": found.seconds,
        "tables": {str(one.table): tables.table_json(one) for one in found.tables},
        "file": str(out) if out is not None else None,
        "unknown": draft.unknown if draft is not None else [],
    }
