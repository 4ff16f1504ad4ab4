"""A TCP connection as a transport."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from handrail_drivers.errors import BusLost
from handrail_drivers.transport import Transport

CONNECT = 2.0  # s
PLENTY = 4096  # bytes taken at once
WRITE = 0.5  # s until a peer that takes no bytes counts as lost


class SocketPort:
    """A :class:`~handrail_drivers.transport.Transport` over TCP.

    Raises:
        BusLost: nobody listens there.
    """

    def __init__(self, host: str, port: int) -> None:
        self.path = f"{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), CONNECT)
        except OSError as error:
            raise BusLost(
                f"Nobody answers at {self.path}: {error.strerror or error}.",
                subject=self.path,
                hint="check the address, and that the device is on",
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._received = b""  # and not yet read

    def write(self, data: bytes) -> None:
        """Send all of data, or raise BusLost."""
        try:
            sent = self._socket.send(data)
            if sent < len(data):
                self._write_rest(data[sent:])
        except BlockingIOError:
            self._write_rest(data)
        except OSError as error:
            raise self._lost(error) from error

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return up to size bytes; fewer once timeout_s [s] has passed."""
        deadline = time.monotonic() + timeout_s
        while len(self._received) < size and self._waited(deadline):
            self._received += self._take()
        data, self._received = self._received[:size], self._received[size:]
        return data

    def discard_input(self) -> None:
        """Drop what was received and not yet read."""
        while self._waited(0.0):
            self._take()
        self._received = b""

    def has_ended(self) -> bool:
        """Tell whether the other side has closed the connection; what has come stays."""
        try:
            return self._waited(0.0) and not self._socket.recv(1, socket.MSG_PEEK)
        except (OSError, BusLost):
            return True

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _waited(self, deadline: float) -> bool:
        if self._socket.fileno() < 0:
            raise self._lost(None)
        return bool(self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000))

    def _write_rest(self, data: bytes) -> None:
        """Send what its buffer had no room for."""
        self._socket.settimeout(WRITE)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._lost(error) from error
        self._socket.setblocking(False)

    def _take(self) -> bytes:
        """Return what has come, which may be more than is read now."""
        try:
            part = self._socket.recv(PLENTY)
        except OSError as error:
            raise self._lost(error) from error
        if not part:  # end of file: the other side has closed
            raise self._lost(None)
        return part

    def _lost(self, error: OSError | None) -> BusLost:
        reason = os.strerror(error.errno) if error and error.errno else "it was closed"
        return BusLost(
            f"The connection to {self.path} is gone: {reason}.",
            subject=self.path,
            hint="it is opened again with the next request",
        )


class SocketKind:
    """The transport kind ``socket``: settings with ``address``, as host:port."""

    @staticmethod
    def stream(settings: Any) -> SocketPort:
        """Connect."""
        host, _, port = settings.address.rpartition(":")
        return SocketPort(host, int(port))

    @staticmethod
    def over(open_stream: Callable[[], Transport], settings: Any) -> Transport:
        """Return the connection itself."""
        del settings
        return open_stream()

    @staticmethod
    def at(settings: BaseModel, address: str) -> BaseModel:
        """Return the settings with another address."""
        return settings.model_copy(update={"address": address})
