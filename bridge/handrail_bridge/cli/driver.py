"""For authors of drivers: a package to begin with, and the conformance kit."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from handrail_drivers.capture import load_capture
from handrail_drivers.conformance import Conformance, Report, check
from handrail_drivers.errors import InvalidRequest, Refused
from handrail_drivers.line_protocol.infer import infer
from handrail_drivers.modbus.infer import infer_map, speaks_modbus
from handrail_drivers.scaffold import Kind, write_package

from handrail_bridge.cli.output import Json, console, emit, escape

driver = typer.Typer(
    no_args_is_help=True,
    help="For authors of drivers: begin one, check one, propose one from a capture.",
)


@driver.command("new")
def new(
    name: Annotated[str, typer.Argument(help="small letters, digits, underscores: lab_pump")],
    transport: Annotated[Kind, typer.Option(help="what carries the device's bytes")] = Kind.SERIAL,
    out: Annotated[
        Path | None, typer.Option(help="a folder that is not there yet; none: handrail-NAME here")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a driver package that passes the conformance kit as it is."""
    folder = out or Path(f"handrail-{name.replace('_', '-')}")
    files = write_package(name, transport, folder)
    emit(
        {"folder": str(folder), "files": [str(file) for file in files]},
        as_json,
        lambda _: console.print(
            f"[green]{escape(str(folder))}[/] has {len(files)} files; its README.md says how to go "
            "on"
        ),
    )


@driver.command("check")
def check_driver(
    path: Annotated[
        str,
        typer.Argument(
            metavar="DOTTED.PATH", help="a class derived from handrail_drivers.conformance"
        ),
    ],
    report: Annotated[Path | None, typer.Option(help="write the Markdown there, too")] = None,
    as_json: Json = False,
) -> None:
    """Run the conformance kit on a driver; print a report that a pull request can hold.

    Packages are found where they are installed, and in the current folder.
    """
    sys.path.insert(0, "")
    found = check(_subject(path))
    if report is not None:
        report.write_text(found.markdown(), encoding="utf-8")
    emit(found.json(), as_json, lambda _: _show(found))
    raise typer.Exit(0 if found.passed else 1)


@driver.command("infer")
def infer_driver(
    file: Annotated[Path, typer.Argument(metavar="CAPTURE", help="see `handrail capture`")],
    out: Annotated[Path | None, typer.Option(help="the draft; none: beside the capture")] = None,
    as_json: Json = False,
) -> None:
    """Propose a line protocol or a register map from a capture, and say what is not known.

    The driver is `line_protocol` (`line_protocol_tcp` behind a socket), or `modbus`.
    """
    target = out or file.with_suffix(".toml")
    if target.exists():
        raise Refused(f"{target} is there already.", field="out", hint="name another by --out")
    found = load_capture(file)
    if speaks_modbus(found):
        registers = infer_map(found, file.name)
        kind, text, unknown = "register map", registers.text, registers.unknown
    else:
        lines = infer(found, file.name)
        kind, text, unknown = "line protocol", lines.text, lines.unknown
    target.write_text(text, encoding="utf-8")
    value = {"file": str(target), "kind": kind, "unknown": unknown}
    emit(value, as_json, lambda _: _show_draft(target, kind, unknown))


def _show_draft(target: Path, kind: str, unknown: list[str]) -> None:
    console.print(f"[green]{escape(str(target))}[/] is a first draft, a {kind}. Look at these:")
    for sentence in unknown:
        console.print(f"  {escape(sentence)}")


def _show(report: Report) -> None:
    sys.stdout.write(report.markdown())  # as it is to be pasted


def _subject(path: str) -> Conformance:
    """Return the conformance that a dotted path names."""
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module or name), name)
    except Exception as error:  # somebody's module may raise anything at import
        raise InvalidRequest(
            f"{path} cannot be imported: {type(error).__name__}: {error}.",
            field="path",
            value=path,
            hint="such as my_package.conformance.MyConformance; install the package or go there",
        ) from error
    if not (isinstance(found, type) and issubclass(found, Conformance)):
        raise InvalidRequest(
            f"{path} is not derived from handrail_drivers.conformance.Conformance.",
            field="path",
            value=path,
            hint="`handrail driver new` writes one beside the driver; docs/plugins.md describes it",
        )
    return found()
