"""Captures of a wire, and devices that are played back from them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from handrail_drivers.capture import CaptureWriter, Header, load_capture
from handrail_drivers.errors import BusLost, InvalidRequest, Refused
from handrail_drivers.relay import Door, door_of, relay, serve
from handrail_drivers.replay import LenientReplay, StrictReplay
from handrail_drivers.serial_port import Parity, SerialPort
from handrail_drivers.socket_port import SocketPort
from handrail_drivers.transport import Transport

from handrail_bridge.cli.output import Json, console, emit, escape, problems


def capture(
    out: Annotated[Path, typer.Argument(help="the capture, a file that is not there yet")],
    port: Annotated[str | None, typer.Option(help="device file of a serial line")] = None,
    baud: Annotated[int, typer.Option(min=1, help="bit/s")] = 115_200,
    parity: Annotated[str, typer.Option(help="none, even or odd")] = "none",
    tcp: Annotated[str | None, typer.Option(help="HOST:PORT")] = None,
    device: Annotated[str, typer.Option(help="its name, for the header")] = "",
    driver: Annotated[str, typer.Option(help="who will speak, for the header")] = "",
    note: Annotated[str, typer.Option(help="for whoever reads the capture")] = "",
    as_json: Json = False,
) -> None:
    """Record what passes between a device and any software, until Ctrl-C.

    Prints where the software has to connect instead of the device: another port, or HOST:PORT.
    A bridge does with `handrail up CELL --wire DEVICE=THERE`. Bytes pass unchanged.
    """
    if (port is None) == (tcp is None):
        raise InvalidRequest("Name one of --port and --tcp.", field="port")
    if out.exists():
        raise Refused(f"{out} is there already.", field="out", hint="name another file")
    line = "serial" if tcp is None else "socket"
    header = Header.model_validate(
        {
            "device": device,
            "driver": driver,
            "line": line,
            "address": port or tcp,
            "baud": baud if tcp is None else None,
            "note": note,
        }
    )
    lost = False
    stream = _opened(port, baud, parity, tcp)
    leaving = _until_told()
    door = door_of(line)
    try:
        with out.open("w", encoding="utf-8") as target:
            writer = CaptureWriter(target, header)
            _say(door, as_json, f"capturing to {out}")
            relay(door, stream, writer, leaving)
    except BusLost as error:
        lost = True
        problems.print(f"[yellow]{escape(error.message)}[/]")
    finally:
        door.close()
        stream.close()
    found = {"file": str(out), "entries": writer.count}
    text = f"[green]{escape(str(out))}[/] has {writer.count} entries"
    emit(found, as_json, lambda _: console.print(text))
    raise typer.Exit(1 if lost else 0)


def replay(
    file: Annotated[Path, typer.Argument(help="a capture")],
    lenient: Annotated[
        bool, typer.Option("--lenient", help="answer questions in whatever order they come")
    ] = False,
    as_json: Json = False,
) -> None:
    """Answer as the device of a capture did, until Ctrl-C.

    Strict, which is how it begins, the same questions have to come in the same order; the first
    that is another one is told, as are those that were not asked, and the exit status is 1.
    """
    found = load_capture(file)
    leaving = _until_told()
    door = door_of(found.header.line)
    emulator = LenientReplay(found) if lenient else StrictReplay(found)
    try:
        _say(door, as_json, f"replaying {file}")
        serve(door, emulator, leaving)
    finally:
        door.close()
    if isinstance(emulator, LenientReplay):
        emit({"unknown_bytes": emulator.unknown}, as_json, lambda _: None)
        return
    difference = emulator.difference
    said = difference.sentence() if difference else None
    left = emulator.left
    words = said or (f"{left} turns of it were not asked for" if left else "all was asked as then")
    emit({"difference": said, "left": left}, as_json, lambda _: console.print(escape(words)))
    raise typer.Exit(1 if said or left else 0)


def _opened(port: str | None, baud: int, parity: str, tcp: str | None) -> Transport:
    if port is not None:
        if parity not in ("none", "even", "odd"):
            raise InvalidRequest(f"There is no parity {parity!r}.", field="parity")
        kind: Parity = parity  # type: ignore[assignment]  # it is one of them
        return SerialPort(port, baud, kind)
    host, _, number = (tcp or "").rpartition(":")
    if not host or not number.isdecimal():
        raise InvalidRequest(f"{tcp!r} is not HOST:PORT.", field="tcp")
    return SocketPort(host, int(number))


def _until_told() -> Callable[[], bool]:
    """Return what tells whether SIGINT or SIGTERM has come."""
    told: list[int] = []

    def on_signal(number: int, _: Any) -> None:
        told.append(number)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return lambda: bool(told)


def _say(door: Door, as_json: bool, what: str) -> None:
    text = f"{escape(what)}: connect to [bold]{escape(door.address)}[/]; Ctrl-C ends it"
    emit({"connect": door.address}, as_json, lambda _: console.print(text))
