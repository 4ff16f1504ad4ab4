"""Modbus units that misbehave as told, on a TCP port or at the end of a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import struct
import threading
import time
import tty
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

END = 5.0  # s
WRITES = (5, 6, 16)
Send = Callable[[bytes], None]


def bitwise_crc(data: bytes) -> bytes:
    """The checksum bit by bit, as Modbus over Serial Line v1.02, section 6.2.2, has it."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def in_rtu(number: int, body: bytes) -> bytes:
    frame = bytes((number,)) + body
    return frame + bitwise_crc(frame)


def next_in_rtu(data: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    """Take the first request off: unit, body, nothing, and what follows."""
    if len(data) < 7 or len(data) < (size := {16: 9 + data[6], 0x2B: 7}.get(data[1], 8)):
        return None
    assert bitwise_crc(data[: size - 2]) == data[size - 2 : size], "we send whole frames"
    return data[0], data[1 : size - 2], b"", data[size:]


@dataclass
class Unit:
    """One unit's tables, and what it does with its next requests instead of answering."""

    registers: dict[int, int] = field(default_factory=dict)
    coils: dict[int, int] = field(default_factory=dict)
    tricks: list[str] = field(default_factory=list)
    identity: tuple[str, ...] = ()
    most: int = 125  # registers at once
    asked: list[bytes] = field(default_factory=list)
    deaf: bool = False  # to writes: it neither does nor answers them

    def answer(self, body: bytes) -> bytes:
        if body[0] == 0x2B:
            return self._identified(body)
        function, address, count = struct.unpack_from(">BHH", body)
        match function:
            case 1 | 2:
                if not all(n in self.coils for n in range(address, address + count)):
                    return bytes((function | 0x80, 2))
                packed = sum(self.coils[address + n] << n for n in range(count))
                size = (count + 7) // 8
                return bytes((function, size)) + packed.to_bytes(size, "little")
            case 3 | 4:
                if count > self.most or not all(
                    n in self.registers for n in range(address, address + count)
                ):
                    return bytes((function | 0x80, 2))
                words = [self.registers[address + n] for n in range(count)]
                return struct.pack(f">BB{count}H", function, 2 * count, *words)
            case 5:
                self.coils[address] = int(count == 0xFF00)
                return body
            case 6:
                self.registers[address] = count
                return body
            case 16:
                for n, word in enumerate(struct.unpack_from(f">{count}H", body, 6)):
                    self.registers[address + n] = word
                return body[:5]
        return bytes((function | 0x80, 1))

    def _identified(self, body: bytes) -> bytes:
        """One object in an answer, so that it takes several."""
        first = body[3]
        if first >= len(self.identity):
            return bytes((0xAB, 1))
        more = first + 1 < len(self.identity)
        text = self.identity[first].encode()
        head = (0x2B, 0x0E, body[2], 1, 0xFF * more, (first + 1) * more, 1)
        return bytes((*head, first, len(text))) + text


class Peer:
    """Units by number; subclasses carry their frames."""

    def __init__(self, **units: Unit) -> None:
        self.units = {int(name[1:]): unit for name, unit in units.items()}
        self._late: list[bytes] = []
        self.released = threading.Event()  # what is "held" is said then
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def close(self) -> None:
        self._ending.set()
        self._thread.join(END)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        raise NotImplementedError

    def _frame(self, number: int, body: bytes, mark: bytes) -> bytes:
        raise NotImplementedError

    def _serve(self, number: int, body: bytes, mark: bytes, send: Send) -> bool:
        """Answer one request as told; false: end the connection."""
        unit = self.units.get(number)
        if unit is None:
            return True
        unit.asked.append(body)
        if unit.deaf and body[0] in WRITES:
            self._send_late(send)
            return True
        trick = unit.tricks.pop(0) if unit.tricks else "answer"
        self._send_late(send)
        if trick == "reboot":
            return False
        frame = self._frame(number, unit.answer(body), mark)
        if trick == "held":
            self.released.wait(END)
            trick = "answer"
        if trick == "late":  # with the next request
            self._late.append(frame)
        elif trick != "silent":
            send(self._said(trick, frame, number, body, mark))
        return True

    def _send_late(self, send: Send) -> None:
        late, self._late = self._late, []
        for frame in late:
            send(frame)

    def _said(self, trick: str, frame: bytes, number: int, body: bytes, mark: bytes) -> bytes:
        good = self.units[number].answer(body)
        said = {
            "answer": frame,
            "short": frame[:-3],
            "corrupt": frame[:-1] + bytes((frame[-1] ^ 0x55,)),
            "other unit": self._frame(number + 1, good, mark),
            "other function": self._frame(number, bytes((body[0] + 1,)) + good[1:], mark),
            "garbage": bytes(range(200, 240)),
            "busy": self._frame(number, bytes((body[0] | 0x80, 6)), mark),
        }
        return said[trick]


class TcpPeer(Peer):
    """Modbus TCP, one connection at a time."""

    def __init__(self, **units: Unit) -> None:
        super().__init__(**units)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._hanging_up = threading.Event()
        self._thread.start()

    def hang_up(self) -> None:
        """Close the connection as a device does whose master is idle."""
        self._hanging_up.set()
        while self._hanging_up.is_set():
            time.sleep(0.001)

    def _frame(self, number: int, body: bytes, mark: bytes) -> bytes:
        return mark + struct.pack(">HHB", 0, len(body) + 1, number) + body

    def _run(self) -> None:
        with self._listener:
            while not self._ending.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = self._listener.accept()
                    self.connections += 1
                    with connection, contextlib.suppress(ConnectionError):
                        self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        data = b""
        while not self._ending.is_set():
            try:
                part = connection.recv(4096)
            except TimeoutError:
                if self._hanging_up.is_set():
                    connection.shutdown(socket.SHUT_RDWR)
                    self._hanging_up.clear()
                    return
                continue
            if not part:
                return
            data += part
            while (found := self._next(data)) is not None:
                number, body, mark, data = found
                if not self._serve(number, body, mark, connection.sendall):
                    return

    def _next(self, data: bytes) -> tuple[int, bytes, bytes, bytes] | None:
        """Take the first frame off: unit, body, transaction, and what follows."""
        if len(data) < 8 or len(data) < 6 + (size := data[4] << 8 | data[5]):
            return None
        return data[6], data[7 : 6 + size], data[:2], data[6 + size :]


class OpenPeer(TcpPeer):
    """The same for several masters: a bridge that stands still, and who acts for it meanwhile."""

    def _run(self) -> None:
        with ThreadPoolExecutor() as talks, self._listener:
            while not self._ending.is_set():
                with contextlib.suppress(TimeoutError):
                    talks.submit(self._served, self._listener.accept()[0])

    def _served(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            self._talk(connection)


class GatewayPeer(TcpPeer):
    """A plain gateway: RTU frames over TCP."""

    def _frame(self, number: int, body: bytes, mark: bytes) -> bytes:
        return in_rtu(number, body)

    def _next(self, data: bytes) -> tuple[int, bytes, bytes, bytes] | None:
        return next_in_rtu(data)


class RtuPeer(Peer):
    """Modbus RTU at the far end of a pseudo-terminal."""

    def __init__(self, **units: Unit) -> None:
        super().__init__(**units)
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._ours)
        tty.setraw(self._theirs)
        self.address = os.ttyname(self._theirs)
        self._thread.start()

    def close(self) -> None:
        super().close()
        os.close(self._ours)
        os.close(self._theirs)

    def _frame(self, number: int, body: bytes, mark: bytes) -> bytes:
        return in_rtu(number, body)

    def _run(self) -> None:
        data = b""
        while not self._ending.is_set():
            if not select.select([self._ours], [], [], 0.05)[0]:
                continue
            data += os.read(self._ours, 4096)
            while (found := next_in_rtu(data)) is not None:
                number, body, _, data = found
                self._serve(number, body, b"", lambda said: self._send(said))

    def _send(self, said: bytes) -> None:
        os.write(self._ours, said)
