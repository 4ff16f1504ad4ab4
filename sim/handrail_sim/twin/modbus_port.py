"""Modbus units of the twin on a TCP port, within the world's own select loop.

Source: Modbus Messaging on TCP/IP Implementation Guide v1.0b, section 3.1.3 (MBAP header).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping

from handrail_drivers.modbus.frames import LONGEST, MBAP

from handrail_sim.twin.modbus_unit import Unit, answer

CLIENTS = 8  # at a time; the oldest gives way
WHOLE = 0xFF  # and 0: the unit of a device that has only one


class ModbusPort:
    """Answers at once; who does not read, or sends no Modbus, is cut off."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self._units = units
        self._clients: dict[int, tuple[socket.socket, bytearray]] = {}
        self._listener: socket.socket | None = None
        self._number = 0
        self.silent: set[int] = set()
        self.garble = 0
        self.plug()

    @property
    def address(self) -> str:
        """Where it listens, host:port; the same after a re-plug."""
        return f"127.0.0.1:{self._number}"

    def descriptors(self) -> list[int]:
        """Return what to wait for; nothing while pulled."""
        return [] if self._listener is None else [self._listener.fileno(), *self._clients]

    def plug(self) -> None:
        """Listen; does nothing while it does."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._number), backlog=CLIENTS)
            self._listener.setblocking(False)
            self._number = self._listener.getsockname()[1]

    def pull(self) -> None:
        """Cut all off and listen no more, as a device without power."""
        for client, _ in self._clients.values():
            client.close()
        self._clients.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def serve(self, descriptor: int) -> None:
        """Take what waits on a descriptor that is readable, and answer whole requests."""
        if self._listener is not None and descriptor == self._listener.fileno():
            self._accept()
        elif descriptor in self._clients and not self._received(*self._clients[descriptor]):
            self._clients.pop(descriptor)[0].close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()  # type: ignore[union-attr]  # it was just read
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if len(self._clients) >= CLIENTS:
                self._clients.pop(next(iter(self._clients)))[0].close()
            self._clients[client.fileno()] = (client, bytearray())

    def _received(self, client: socket.socket, pending: bytearray) -> bool:
        """Answer what is whole; tell whether the connection lives on."""
        try:
            data = client.recv(4096)
            pending += data
            while (size := _size(pending)) and len(pending) >= size:
                said = self._answered(bytes(pending[:size]))
                del pending[:size]
                if said and client.send(said) != len(said):
                    return False
        except (OSError, ValueError):
            return False
        return bool(data)

    def _answered(self, frame: bytes) -> bytes:
        transaction, _, _, number = MBAP.unpack_from(frame)
        only = next(iter(self._units.values())) if len(self._units) == 1 else None
        unit = only if number in (0, WHOLE) else self._units.get(number)
        if unit is None:
            return b""
        body = answer(frame[MBAP.size :], unit)
        if number in self.silent:
            return b""
        if self.garble:
            self.garble -= 1
            return MBAP.pack(transaction, 0, len(body), number) + body[:-1]
        return MBAP.pack(transaction, 0, 1 + len(body), number) + body


def _size(pending: bytearray) -> int:
    """Return the length of the frame that begins; 0: too little is known.

    Raises:
        ValueError: it is no Modbus.
    """
    if len(pending) < MBAP.size:
        return 0
    _, protocol, length, _ = MBAP.unpack_from(pending)
    if protocol != 0 or not 2 <= length <= 1 + LONGEST:
        raise ValueError("no Modbus")
    return int(MBAP.size - 1 + length)
