"""Frames of Dynamixel protocol 2.0: build and parse, nothing else.

``FF FF FD 00 id length(2) instruction parameters... crc(2)``: ``length`` counts what follows it; an
answer has the instruction 55, and an error before its parameters. ``FF FF FD`` within is followed
by one more ``FD``, so that no header is found there. Source: ROBOTIS e-Manual, "Protocol 2.0".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from fastcrc import crc16

from handrail_drivers.servos.frames import Frame, SyncRead

HEADER = b"\xff\xff\xfd\x00"
BROADCAST = 0xFE
HIGHEST_ID = 252
FIXED = 7  # bytes of header, id and length
LEAST, MOST = 3, 1017  # that a length may be
OVERHEAD = 11  # bytes of an answer without parameters
ALERT = 0x80  # bit of an error: the servo's hardware error status is not 0
PING_SIZE = 3  # model number and firmware, of an answer to a ping
_INSIDE, _STUFFED = b"\xff\xff\xfd", b"\xff\xff\xfd\xfd"


class Instruction(IntEnum):
    """What a frame is."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    FACTORY_RESET = 0x06
    REBOOT = 0x08
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


def build(id: int, instruction: int, parameters: bytes = b"") -> bytes:
    """Return the bytes of one frame.

    Raises:
        ValueError: id or length do not fit the format.
    """
    body = (bytes((instruction,)) + parameters).replace(_INSIDE, _STUFFED)
    if not 0 <= id <= BROADCAST or len(body) + 2 > MOST:
        raise ValueError(f"no frame for id {id} with {len(parameters)} parameters")
    return _closed(HEADER + bytes((id,)) + word(len(body) + 2) + body)


def status(id: int, error: int, parameters: bytes = b"") -> bytes:
    """Return the bytes of an answer."""
    return build(id, Instruction.STATUS, bytes((error,)) + parameters)


def word(value: int) -> bytes:
    """Return two bytes, low one first."""
    return value.to_bytes(2, "little")


def is_closed(frame: bytes) -> bool:
    """Whether a frame's last two bytes are its CRC."""
    return crc16.umts(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def sync_read(ids: Iterable[int], address: int, size: int) -> bytes:
    """Return the request that makes every servo in ids answer with size bytes from address."""
    parameters = word(address) + word(size) + bytes(ids)
    return build(BROADCAST, Instruction.SYNC_READ, parameters)


def sync_write(address: int, size: int, values: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the request that writes size bytes at address in each servo; none answers."""
    rows = b"".join(bytes((id,)) + data for id, data in values)
    return build(BROADCAST, Instruction.SYNC_WRITE, word(address) + word(size) + rows)


def query(ids: Sequence[int], address: int, size: int) -> SyncRead:
    """Return a sync read of some servos, with its request built once; none answers stuffed."""
    heads = {id: _head(id, size) for id in ids}

    def are_right(rests: Sequence[bytes]) -> bool:
        return all(is_closed(head + rest) for head, rest in zip(heads.values(), rests, strict=True))

    return SyncRead(sync_read(ids, address, size), heads, size, 2, are_right)


class Parser:
    """Finds frames in a stream that may start anywhere and hold anything.

    Strict: a frame counts only whole and with a right CRC. After a wrong one the search goes on
    behind its header.

    Args:
        answers: whether answers are looked for, or requests; the others are passed over.
    """

    def __init__(self, *, answers: bool) -> None:
        self.skipped = 0  # bytes that belonged to no valid frame
        self.garbled: list[int] = []  # ids on frames with a wrong CRC
        self._answers = answers
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of a frame that has begun and is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take more bytes, return the frames that they complete."""
        self._buffer += data
        frames: list[Frame] = []
        while self._find_header() and (size := self._frame_size()):
            whole = bytes(self._buffer[:size])
            if not FIXED + LEAST <= size <= FIXED + MOST or not is_closed(whole):
                self.garbled.append(whole[4])
                self._drop(len(HEADER))
                continue
            del self._buffer[:size]
            frames += self._meant(whole[4], whole[FIXED:-2].replace(_STUFFED, _INSIDE))
        return frames

    def _meant(self, id: int, body: bytes) -> list[Frame]:
        if (body[0] == Instruction.STATUS) != self._answers:
            return []
        if not self._answers:
            return [Frame(id, body[0], body[1:])]
        return [Frame(id, body[1], body[2:])] if len(body) > 1 else []

    def _find_header(self) -> bool:
        at = self._buffer.find(HEADER)
        if at < 0:
            kept = next((n for n in (3, 2, 1) if self._buffer.endswith(HEADER[:n])), 0)
            self._drop(len(self._buffer) - kept)
            return False
        self._drop(at)
        return True

    def _frame_size(self) -> int:
        """Return the size of the frame at the buffer's start; 0 while it is not complete."""
        if len(self._buffer) < FIXED:
            return 0
        size = FIXED + int.from_bytes(self._buffer[5:7], "little")
        is_possible = FIXED + LEAST <= size <= FIXED + MOST
        return 0 if is_possible and len(self._buffer) < size else size

    def _drop(self, count: int) -> None:
        self.skipped += count
        del self._buffer[:count]


class Dialect:
    """The :class:`~handrail_drivers.servos.line.Dialect` of these frames."""

    overhead = OVERHEAD
    ping_size = PING_SIZE

    def request(self, id: int, instruction: int, parameters: bytes) -> bytes:
        """Return the bytes of a request."""
        return build(id, instruction, parameters)

    def status(self, id: int, code: int, parameters: bytes) -> bytes:
        """Return an answer as a whole reply has it: without what was stuffed."""
        return _closed(_head(id, len(parameters)) + bytes((code,)) + parameters)

    def span(self, address: int, size: int) -> bytes:
        """Return the parameters of a read."""
        return word(address) + word(size)

    def place(self, address: int) -> bytes:
        """Return what precedes bytes that are written."""
        return word(address)

    def parser(self) -> Parser:
        """Return a fresh parser of answers."""
        return Parser(answers=True)


def _head(id: int, size: int) -> bytes:
    """Return what an answer with so many bytes begins with, up to its error."""
    return HEADER + bytes((id,)) + word(size + 4) + bytes((Instruction.STATUS,))


def _closed(frame: bytes) -> bytes:
    return frame + word(crc16.umts(frame))
