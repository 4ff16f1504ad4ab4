"""Modbus units that cost as little as they can: ``python -m ... COUNT PARENT``, until ended.

Prints their ports as JSON, one a unit. Each has holding registers and does nothing but show them.
"""

from __future__ import annotations

import json
import selectors
import socket
import struct
import sys

from handrail_sim.lifeline import die_with

HEAD = struct.Struct(">HHHBBHH")  # transaction, protocol, length, unit, function, address, count
ANSWER = struct.Struct(">HHHBBB")
READ = 3
LONGEST = 1024  # bytes that are taken at once: more than one request has
CONNECTIONS = 400  # at a time
CELLS = 600  # registers
# As floats over two registers each they are finite, and no two are the same.
MEMORY = b"".join(struct.pack(">f", 50 + number / 8) for number in range(CELLS // 2))


def answer(frame: bytes) -> bytes:
    """Return the frame that answers a whole request."""
    transaction, _, _, unit, function, address, count = HEAD.unpack_from(frame)
    if function != READ or not 0 < count <= 125 or address + count > CELLS:
        return ANSWER.pack(transaction, 0, 3, unit, function | 0x80, 2)
    size = 2 * count
    head = ANSWER.pack(transaction, 0, 3 + size, unit, function, size)
    return head + MEMORY[2 * address : 2 * address + size]


class Units:
    """Listening sockets and what came in by them, served by one thread."""

    def __init__(self, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections = 0
        self.ports = [self._listen() for _ in range(count)]

    def serve(self) -> None:
        """Answer until the process is ended."""
        while True:
            for key, _ in self._selector.select():
                key.data(key.fileobj)

    def _listen(self) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        port: int = listener.getsockname()[1]
        return port

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        if self._connections >= CONNECTIONS:
            connection.close()
            return
        self._connections += 1
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, self._talk)

    def _talk(self, connection: socket.socket) -> None:
        try:
            frame = connection.recv(LONGEST)
            if len(frame) == HEAD.size:  # clients here ask again once they were answered, and whole
                connection.send(answer(frame))
                return
        except ConnectionError:
            pass
        self._selector.unregister(connection)
        connection.close()
        self._connections -= 1


def main() -> None:
    """Serve units until the process is ended."""
    count, parent = map(int, sys.argv[1:])
    die_with(parent)
    units = Units(count)
    print(json.dumps(units.ports), flush=True)  # noqa: T201  for who waits
    units.serve()


if __name__ == "__main__":
    main()
