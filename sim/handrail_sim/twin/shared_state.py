"""The world's newest positions in shared memory: one writer that never waits, any readers.

Two slots, written in turn. Each carries a sequence number and a CRC, because Python has no
memory barriers: a reader takes the newest slot whose CRC holds.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib

import numpy as np

from handrail_sim.world import Array

HEADER = struct.Struct("<QdII")  # sequence, time [s], count of numbers, CRC-32 of all else
SLOT = 32 * 1024  # bytes
MOST = (SLOT - HEADER.size) // 8  # numbers


class SharedState:
    """A memfd with the newest position vector; pass ``fileno`` to a child to share it."""

    def __init__(self, fileno: int) -> None:
        """Use an existing memfd, which becomes this object's to close."""
        self.fileno = fileno
        self._map = mmap.mmap(fileno, 2 * SLOT)
        self._sequence = 0

    @classmethod
    def create(cls) -> SharedState:
        """Make a new one, with nothing in it."""
        fileno = os.memfd_create("handrail-world")
        os.ftruncate(fileno, 2 * SLOT)
        return cls(fileno)

    def publish(self, numbers: Array, time: float) -> None:
        """Write a vector of at most ``MOST`` numbers with its time [s]; never waits."""
        self._sequence += 1
        body = np.ascontiguousarray(numbers, dtype="<f8").tobytes()
        count = len(body) // 8
        start = self._sequence % 2 * SLOT
        crc = _crc(self._sequence, time, count, body)
        self._map[start : start + HEADER.size] = HEADER.pack(self._sequence, time, count, crc)
        self._map[start + HEADER.size : start + HEADER.size + len(body)] = body

    def read(self) -> tuple[Array, float] | None:
        """Return the newest whole vector and its time [s], or None before the first."""
        slots = [slot for index in (0, 1) if (slot := self._slot(index)) is not None]
        if not slots:
            return None
        _, time, body = max(slots, key=lambda slot: slot[0])
        return np.frombuffer(body, dtype="<f8"), time

    def close(self) -> None:
        """Unmap and close the memfd; may be called again."""
        if not self._map.closed:
            self._map.close()
            os.close(self.fileno)

    def _slot(self, index: int) -> tuple[int, float, bytes] | None:
        start = index * SLOT
        sequence, time, count, crc = HEADER.unpack_from(self._map, start)
        if sequence == 0 or count > MOST:
            return None
        body = self._map[start + HEADER.size : start + HEADER.size + 8 * count]
        return (sequence, time, body) if crc == _crc(sequence, time, count, body) else None


def _crc(sequence: int, time: float, count: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(HEADER.pack(sequence, time, count, 0)))
