"""TCP ports on loopback behind which emulators stand, for a select loop."""

from __future__ import annotations

import contextlib
import socket

from handrail_drivers.emulator import Emulator

CLIENTS = 8  # at a time; the oldest gives way


class LoopbackPort:
    """A port that listens; who does not read, or sends what it should not, is cut off."""

    def __init__(self) -> None:
        self._clients: dict[int, tuple[socket.socket, bytearray]] = {}
        self._listener: socket.socket | None = None
        self._number = 0
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

    def answers(self, pending: bytearray) -> bytes:
        """Take whole requests off what a client sent; return what is answered to them.

        Raises:
            ValueError: the client is to be cut off.
        """
        raise NotImplementedError

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
            said = self.answers(pending)
            if said and client.send(said) != len(said):
                return False
        except (OSError, ValueError):
            return False
        return bool(data)


class StreamPort(LoopbackPort):
    """A port behind which an emulator of bytes stands; it answers at once."""

    def __init__(self, device: Emulator) -> None:
        self._device = device
        super().__init__()

    def answers(self, pending: bytearray) -> bytes:
        """Hand the bytes on, and return what is answered to them."""
        data = bytes(pending)
        pending.clear()
        return b"".join(answer for _, answer, _ in self._device.exchanges(data, None))
