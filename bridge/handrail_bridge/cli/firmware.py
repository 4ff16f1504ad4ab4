"""``handrail firmware``: build, flash, ask and watch boards."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from handrail_drivers import serial_port
from handrail_drivers.board.driver import Board
from handrail_drivers.errors import BoardFault, BusLost, InvalidRequest
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from handrail_bridge import run_dir
from handrail_bridge.cli.output import Json, console, emit, escape, problems
from handrail_bridge.firmware.asking import BoardInfo, asked
from handrail_bridge.firmware.asking import info as board_info
from handrail_bridge.firmware.boards import KINDS, BoardKind, board_kind
from handrail_bridge.firmware.boards import programmer as board_programmer
from handrail_bridge.firmware.building import build as build_image
from handrail_bridge.firmware.flashing import LINK_BAUD, LOG, FlashReport
from handrail_bridge.firmware.flashing import flash as flash_board
from handrail_bridge.firmware.images import Images
from handrail_bridge.firmware.writing import Progress as Tell

firmware = typer.Typer(
    no_args_is_help=True, help="Firmware of boards: build, flash, info, monitor."
)

WAIT = 10.0  # s to a hello
BoardName = Annotated[str, typer.Option(help=", ".join(KINDS))]
Port = Annotated[str, typer.Option(help="device file; none: the only one that there is")]
Baud = Annotated[int, typer.Option(help="bit/s of the link")]
Application = Annotated[str, typer.Option(help="of firmware/apps")]
Built = Annotated[str, typer.Option(help="of firmware/apps, built now; none: the desk's")]
Image = Annotated[Path | None, typer.Option(help="a file; none: an application's")]


@firmware.command("build")
def build(
    board: BoardName = "avr", application: Application = "desk", as_json: Json = False
) -> None:
    """Build an application for a board; print where its image is."""
    image = build_image(board_kind(board), application)
    emit({"image": str(image)}, as_json, lambda done: console.print(done["image"]))


@firmware.command("flash")
def flash(
    board: BoardName = "avr",
    port: Port = "",
    application: Built = "",
    image: Image = None,
    previous: Annotated[bool, typer.Option("--previous", help="the image of before")] = False,
    programmer: Annotated[str, typer.Option(help="none: the board's usual one")] = "",
    baud: Baud = LINK_BAUD,
    wait: Annotated[float, typer.Option(help="s to the board's hello")] = WAIT,
    as_json: Json = False,
) -> None:
    """Write an image into a board, compare it, and wait until the board says what it is.

    Refused while a lease is held or anything moves. The image of before is kept.
    """
    kind = board_kind(board)
    chosen = board_programmer(kind, programmer)
    where = port or only_port()
    what = _chosen(kind, where, application, image, previous)
    if not chosen.exercised:
        problems.print(f"[yellow]note[/] {chosen.name}: not exercised on hardware")
    with _shown(as_json) as tell:
        report = _in_order(flash_board(kind, chosen, where, what, tell, wait, baud))
    emit(report, as_json, _show_flashed)


@firmware.command("info")
def info(
    port: Port = "", baud: Baud = LINK_BAUD, wait: float = WAIT, as_json: Json = False
) -> None:
    """Ask a board what it is and what it has."""
    emit(board_info(port or only_port(), baud, wait), as_json, _show_info)


@firmware.command("monitor")
def monitor(
    port: Port = "",
    baud: Baud = LINK_BAUD,
    wait: float = WAIT,
    seconds: Annotated[float, typer.Option(help="to watch; 0: until Ctrl-C")] = 0.0,
    period: Annotated[float, typer.Option(min=0.05, help="s between two lines")] = 0.5,
    as_json: Json = False,
) -> None:
    """Print a board's values again and again; commands nothing."""
    with asked(port or only_port(), baud, wait) as board:
        names = [name for name, one in board.channels.items() if one.readable]
        end = time.monotonic() + seconds if seconds else float("inf")
        while time.monotonic() < end:
            values = {name: _value(board, name) for name in names}
            emit(values, as_json, _show_values)
            time.sleep(min(period, max(end - time.monotonic(), 0)))


def only_port() -> str:
    """Return the port of the only USB device that may be a board.

    Raises:
        BusLost: there is none, or there are several.
    """
    found = serial_port.usb_ports()
    if len(found) == 1:
        return next(iter(found))
    listed = [f"{path} ({text})" for path, text in found.items()]
    raise BusLost(
        "Several ports may be a board's." if found else "No board is plugged in.",
        field="port",
        choices=listed,
        hint="name it with --port",
    )


@contextlib.contextmanager
def _shown(as_json: bool) -> Iterator[Tell]:
    """Show how far it is while the block runs, for people."""
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=problems, transient=True, disable=as_json) as shown:
        task = shown.add_task("flashing", total=1.0)
        yield lambda stage, part: shown.update(task, description=escape(stage), completed=part)


def _in_order(work: Coroutine[Any, Any, FlashReport]) -> FlashReport:
    """Have it done; SIGTERM and a closed terminal end it as Ctrl-C does."""

    async def listening() -> FlashReport:
        doing = asyncio.ensure_future(work)
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, doing.cancel)
        return await doing

    try:
        return asyncio.run(listening())
    except asyncio.CancelledError:  # before anything was written
        raise typer.Exit(1) from None


def _chosen(
    kind: BoardKind, port: str, application: str, image: Path | None, previous: bool
) -> Path:
    """Return the image to flash.

    Raises:
        InvalidRequest: several are named.
        Refused: there is none of before.
    """
    if sum(map(bool, (application, image, previous))) > 1:
        raise InvalidRequest(
            "--application, --image and --previous each name an image.",
            field="image",
            hint="give one of them",
        )
    if previous:
        images = Images(run_dir.state_dir(LOG))
        return images.path(images.of(kind.name, port).before)
    return image or build_image(kind, application or "desk")


def _value(board: Board, name: str) -> Any:
    """A sensor that does not answer is told as nothing; the others go on."""
    try:
        return board.read([name])[name]
    except BoardFault as error:
        return f"({error.code})"


def _show_flashed(report: FlashReport) -> None:
    console.print(
        f"flashed {report.digest[:12]} at {report.baud} bit/s in {report.seconds:.1f} s, compared"
    )
    if report.before:
        console.print(f"  before: {report.before[:12]}, back with --previous")
    console.print(f"  receipt {report.id}: `handrail audit show {LOG}`")
    _show_info(report.info)


def _show_info(found: BoardInfo) -> None:
    said = found.report
    console.print(
        f"[bold]{escape(said.application)}[/] {said.version} on {escape(said.board)}, "
        f"{found.port}: {escape(said.link)}"
    )
    table = Table("channel", "kind", "effect", "range", "by itself", "within", "", box=None)
    for one in found.channels:
        within = "" if one.max_age is None else f"{one.max_age:g} s"
        unit = "" if one.unit == "1" else f" {escape(one.unit)}"
        table.add_row(
            one.name,
            one.kind,
            one.effect,
            f"{one.low:g} to {one.high:g}{unit}",
            one.by_itself,
            within,
            escape(one.text),
        )
    console.print(table)
    wrong = {name: count for name, count in said.faults.model_dump().items() if count}
    if wrong:
        console.print("  faults: " + ", ".join(f"{name} {count}" for name, count in wrong.items()))


def _show_values(values: dict[str, Any]) -> None:
    console.print("  ".join(f"{name} {value}" for name, value in values.items()))
