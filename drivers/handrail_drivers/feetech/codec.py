"""Frames of the Feetech serial protocol: build and parse, nothing else.

``FF FF id length code parameters... checksum``: ``length`` counts code, parameters and
checksum; ``code`` is an instruction on the way out and the status byte on the way back;
``checksum`` is the inverted low byte of the sum from ``id`` on. Source: Feetech's protocol
manual (the same frame as Dynamixel protocol 1.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from handrail_drivers.servos.frames import Frame, SyncRead

HEADER = b"\xff\xff"
BROADCAST = 0xFE
HIGHEST_ID = 0xFD
OVERHEAD = 6  # bytes of a frame without parameters
MAX_PARAMETERS = 250 - OVERHEAD


class Instruction(IntEnum):
    """What a request asks for."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    RESET = 0x06
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


def build(id: int, code: int, parameters: bytes = b"") -> bytes:
    """Return the bytes of one frame.

    Raises:
        ValueError: id or length do not fit the format.
    """
    if not 0 <= id <= BROADCAST or len(parameters) > MAX_PARAMETERS:
        raise ValueError(f"no frame for id {id} with {len(parameters)} parameters")
    body = bytes((id, len(parameters) + 2, code)) + parameters
    return HEADER + body + bytes((checksum(body),))


def checksum(body: Iterable[int]) -> int:
    """Return the checksum of the bytes from ``id`` to the last parameter."""
    return ~sum(body) & 0xFF


def sync_read(ids: Iterable[int], address: int, size: int) -> bytes:
    """Return the request that makes every servo in ids answer with size bytes from address."""
    return build(BROADCAST, Instruction.SYNC_READ, bytes((address, size, *ids)))


def sync_write(address: int, size: int, values: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the request that writes size bytes at address in each servo; none answers."""
    rows = b"".join(bytes((id,)) + data for id, data in values)
    return build(BROADCAST, Instruction.SYNC_WRITE, bytes((address, size)) + rows)


def query(ids: Sequence[int], address: int, size: int) -> SyncRead:
    """Return a sync read of some servos, with its request built once."""
    heads = {id: HEADER + bytes((id, size + 2)) for id in ids}
    # The sum over id..checksum of a right frame is FF: what is left for status..checksum.
    sums = [checksum(head[len(HEADER) :]) for head in heads.values()]

    def are_right(rests: Sequence[bytes]) -> bool:
        return [sum(rest) & 0xFF for rest in rests] == sums

    return SyncRead(sync_read(ids, address, size), heads, size, 1, are_right)


class Parser:
    """Finds frames in a stream that may start anywhere and hold anything.

    Strict: a frame counts only whole and with a right checksum. After a wrong one the
    search goes on behind its header, so that no later frame is lost with it.
    """

    def __init__(self) -> None:
        self.skipped = 0  # bytes that belonged to no valid frame
        self.garbled: list[int] = []  # ids on frames with a wrong checksum
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take more bytes, return the frames that they complete."""
        self._buffer += data
        frames = []
        while self._find_header() and (size := self._frame_size()):
            if frame := self._take(size):
                frames.append(frame)
        return frames

    @property
    def pending(self) -> int:
        """Bytes of a frame that has begun and is not complete."""
        return len(self._buffer)

    def _find_header(self) -> bool:
        """Drop what precedes the next header; True if there is one."""
        at = self._buffer.find(HEADER)
        # FF FF FF: the header is the last pair, since no id is FF.
        while at >= 0 and self._buffer[at + 2 : at + 3] == b"\xff":
            at += 1
        end = at if at >= 0 else len(self._buffer) - self._buffer.endswith(b"\xff")
        self._drop(end)
        return at >= 0

    def _frame_size(self) -> int:
        """Return the size of the frame at the buffer's start; 0 while it is not complete."""
        if len(self._buffer) < 4:
            return 0
        size = self._buffer[3] + 4
        is_possible = OVERHEAD <= size <= OVERHEAD + MAX_PARAMETERS
        return 0 if is_possible and len(self._buffer) < size else size

    def _take(self, size: int) -> Frame | None:
        """Take the frame at the buffer's start, or step behind its header if it is wrong."""
        buffer = self._buffer
        if not OVERHEAD <= size <= OVERHEAD + MAX_PARAMETERS:
            self._drop(len(HEADER))
            return None
        if checksum(buffer[2 : size - 1]) != buffer[size - 1]:
            self.garbled.append(buffer[2])
            self._drop(len(HEADER))
            return None
        frame = Frame(buffer[2], buffer[4], bytes(buffer[5 : size - 1]))
        del buffer[:size]
        return frame

    def _drop(self, count: int) -> None:
        self.skipped += count
        del self._buffer[:count]


class Dialect:
    """The :class:`~handrail_drivers.servos.line.Dialect` of these frames: both ways are alike."""

    overhead = OVERHEAD
    ping_size = 0

    def request(self, id: int, instruction: int, parameters: bytes) -> bytes:
        """Return the bytes of a request."""
        return build(id, instruction, parameters)

    def status(self, id: int, code: int, parameters: bytes) -> bytes:
        """Return the bytes of an answer."""
        return build(id, code, parameters)

    def span(self, address: int, size: int) -> bytes:
        """Return the parameters of a read."""
        return bytes((address, size))

    def place(self, address: int) -> bytes:
        """Return what precedes bytes that are written."""
        return bytes((address,))

    def parser(self) -> Parser:
        """Return a fresh parser."""
        return Parser()
