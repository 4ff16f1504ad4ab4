"""Doors that other software opens in place of a device's port: for captures and replays.

A door is a pseudo-terminal or a TCP port on loopback. Behind it stands the device itself, whose
bytes are noted as they pass, or an emulator that answers.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from handrail_drivers.capture import CaptureWriter
from handrail_drivers.emulator import Emulator
from handrail_drivers.errors import BusLost
from handrail_drivers.pseudo_terminal import PseudoTerminal
from handrail_drivers.transport import Transport

LOOK = 0.05  # s between two looks at whether it is time to end
PLENTY = 4096  # bytes taken at once
UNREAD = 1.0  # s that a client may take nothing: then it is parted with


class Door(Protocol):
    """Where other software connects."""

    address: str

    def receive(self, timeout_s: float) -> bytes:
        """Return what the client sent; empty where nothing came."""

    def send(self, data: bytes) -> None:
        """Send to the client; without one it is lost."""

    def close(self) -> None:
        """Close it."""


class TerminalDoor:
    """A door that is a pseudo-terminal."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="handrail-door-"))
        self._terminal = PseudoTerminal(self._folder / "port", None)
        self.address = str(self._folder / "port")

    def receive(self, timeout_s: float) -> bytes:
        """Return what the client sent."""
        ready = select.select([self._terminal.fileno], (), (), timeout_s)[0]
        return self._terminal.receive() if ready else b""

    def send(self, data: bytes) -> None:
        """Send to the client."""
        with contextlib.suppress(OSError):
            os.write(self._terminal.fileno, data)

    def close(self) -> None:
        """Close the terminal and remove its name."""
        self._terminal.pull()
        shutil.rmtree(self._folder, ignore_errors=True)


class SocketDoor:
    """A door that is a TCP port on loopback, for one client at a time: the newest."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._client: socket.socket | None = None

    def receive(self, timeout_s: float) -> bytes:
        """Return what the client sent; let one in."""
        sources = [self._listener, *([self._client] if self._client else [])]
        ready = select.select(sources, (), (), timeout_s)[0]
        if self._listener in ready:
            self._part()
            self._client = self._listener.accept()[0]
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client.settimeout(UNREAD)
            return b""
        if not ready or self._client is None:
            return b""
        data = b""
        with contextlib.suppress(OSError):
            data = self._client.recv(PLENTY)
        if not data:
            self._part()
        return data

    def send(self, data: bytes) -> None:
        """Send to the client."""
        client = self._client
        if client is not None:
            try:
                client.sendall(data)
            except TimeoutError:  # it does not read; what it got is not whole any more
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        """Close it and part with the client."""
        self._part()
        self._listener.close()

    def _part(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def door_of(line: str) -> Door:
    """Return a door for a kind of line: serial or socket."""
    return TerminalDoor() if line == "serial" else SocketDoor()


def relay(
    door: Door, device: Transport, writer: CaptureWriter, leaving: Callable[[], bool]
) -> None:
    """Hand bytes on both ways and note them, until it is time to leave.

    Raises:
        BusLost: the device's port is gone.
    """
    lost: list[BusLost] = []

    def ended() -> bool:
        return leaving() or bool(lost)

    thread = threading.Thread(
        target=_inward, args=(door, device, writer, ended, lost), name="from the device"
    )
    thread.start()
    try:
        while not ended():
            data = door.receive(LOOK)
            if data:
                writer.note(">", data)
                device.write(data)
    except BusLost as error:
        lost.append(error)
    finally:
        thread.join()
    if lost:
        raise lost[0]


def _inward(
    door: Door,
    device: Transport,
    writer: CaptureWriter,
    ended: Callable[[], bool],
    lost: list[BusLost],
) -> None:
    """Hand on and note what comes from the device."""
    try:
        while not ended():
            data = device.read(1, LOOK)
            if data:
                data += device.read(PLENTY, 0.0)
                writer.note("<", data)
                door.send(data)
    except BusLost as error:
        lost.append(error)


def serve(door: Door, emulator: Emulator, leaving: Callable[[], bool]) -> None:
    """Have an emulator answer at a door, after its delays, until it is time to leave."""
    while not leaving():
        data = door.receive(LOOK)
        if not data:
            continue
        for _, answer, delay in emulator.exchanges(data, None):
            if answer:
                time.sleep(delay)
                door.send(answer)
