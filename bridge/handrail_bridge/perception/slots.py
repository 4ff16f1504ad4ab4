"""The newest message of one writer in shared memory: frames one way, results the other.

Two slots, written in turn, each with a sequence number and a CRC, because Python has no memory
barriers: a reader takes the newest slot whose CRC holds. Nobody waits for anybody.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib

HEADER = struct.Struct("<QII")  # sequence, length, CRC-32 of both and the message


class Slots:
    """A memfd with the newest message of at most ``size`` bytes."""

    def __init__(self, fileno: int) -> None:
        """Use an existing memfd, which becomes this object's to close."""
        self.fileno = fileno
        whole = os.fstat(fileno).st_size
        self._slot = whole // 2
        self._map = mmap.mmap(fileno, whole)
        self._sequence = 0

    @classmethod
    def create(cls, size: int) -> Slots:
        """Make a new one, with nothing in it."""
        fileno = os.memfd_create("handrail-newest")
        os.ftruncate(fileno, 2 * (HEADER.size + size))
        return cls(fileno)

    @property
    def room(self) -> int:
        """Length of the longest message that fits [bytes]."""
        return self._slot - HEADER.size

    def publish(self, *parts: bytes | memoryview) -> None:
        """Write a message, given in parts; one writer alone.

        Raises:
            ValueError: it is longer than the slots.
        """
        length = sum(len(part) for part in parts)
        if length > self.room:
            raise ValueError(f"A message of {length} bytes does not fit.")
        self._sequence += 1
        start = self._sequence % 2 * self._slot
        at, crc = start + HEADER.size, _seed(self._sequence, length)
        for part in parts:
            self._map[at : at + len(part)] = bytes(part)
            crc = zlib.crc32(part, crc)
            at += len(part)
        self._map[start : start + HEADER.size] = HEADER.pack(self._sequence, length, crc)

    def newest(self, after: int = 0) -> tuple[int, bytes] | None:
        """Return the newest whole message and its sequence number; None where none came after."""
        found = [slot for index in (0, 1) if (slot := self._read(index, after)) is not None]
        return max(found, default=None)

    def close(self) -> None:
        """Unmap and close the memfd; may be called again."""
        if not self._map.closed:
            self._map.close()
            os.close(self.fileno)

    def _read(self, index: int, after: int) -> tuple[int, bytes] | None:
        start = index * self._slot
        sequence, length, crc = HEADER.unpack_from(self._map, start)
        if sequence <= after or HEADER.size + length > self._slot:
            return None
        body = self._map[start + HEADER.size : start + HEADER.size + length]
        whole = crc == zlib.crc32(body, _seed(sequence, length))
        return (sequence, body) if whole else None


def _seed(sequence: int, length: int) -> int:
    return zlib.crc32(HEADER.pack(sequence, length, 0))
