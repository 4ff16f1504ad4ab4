"""A servo bus cycle as one writes it by hand with pyserial: the benchmark's yardstick.

Decodes and checks every reply, like anything that is to be used; never slowed down.
"""

from __future__ import annotations

import struct

import serial

TIMEOUT = 0.01  # s


class PyserialLoop:
    """Sync read of position, velocity and load, then sync write of goal counts."""

    def __init__(self, path: str, ids: list[int]) -> None:
        self._ids = ids
        self._port = serial.Serial(path, 1_000_000, timeout=TIMEOUT)
        self._request = _frame(bytes((0xFE, len(ids) + 4, 0x82, 56, 6, *ids)))

    def cycle(self, goals: list[int]) -> list[tuple[int, int, int]]:
        """Run one cycle; return (position, velocity, load) a servo, in counts and per mille."""
        self._port.write(self._request)
        reply = self._port.read(12 * len(self._ids))
        if len(reply) != 12 * len(self._ids):
            raise TimeoutError("short reply")
        values = [self._decode(reply[n * 12 : n * 12 + 12], id) for n, id in enumerate(self._ids)]
        rows = b"".join(
            struct.pack("<BH", id, goal) for id, goal in zip(self._ids, goals, strict=True)
        )
        self._port.write(_frame(bytes((0xFE, len(rows) + 4, 0x83, 42, 2)) + rows))
        return values

    def _decode(self, frame: bytes, id: int) -> tuple[int, int, int]:
        if frame[:4] != bytes((0xFF, 0xFF, id, 8)) or ~sum(frame[2:11]) & 0xFF != frame[11]:
            raise ValueError("garbled reply")
        position, velocity, load = struct.unpack_from("<HHH", frame, 5)
        return _signed(position, 15), _signed(velocity, 15), _signed(load, 10)

    def close(self) -> None:
        """Release the port."""
        self._port.close()


def _signed(word: int, bit: int) -> int:
    return -(word & (1 << bit) - 1) if word >> bit & 1 else word


def _frame(body: bytes) -> bytes:
    return b"\xff\xff" + body + bytes((~sum(body) & 0xFF,))
