"""Emulated Modbus units on a serial line: frames in, frames out. Pure, no I/O.

Source: Modbus over Serial Line v1.02, section 2.5.1 (RTU framing) and 2.2 (broadcast).
"""

from __future__ import annotations

from collections.abc import Mapping

from handrail_drivers.modbus.frames import crc
from handrail_drivers.modbus.unit import Unit, answer

BROADCAST = 0
LONGEST = 256  # bytes of a frame
# Bytes of a request after the unit and before the checksum; a count stands in its last byte.
FIXED = {**dict.fromkeys((1, 2, 3, 4, 5, 6), 5), 22: 7, 43: 4}
COUNTED = {15: 6, 16: 6, 23: 10}
THINKS = 0.002  # s before an answer, as small controllers need


class ModbusLine:
    """The units on one line. ``silent``: numbers that say nothing; ``garble``: answers to spoil."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self._units = units
        self._pending = b""
        self.silent: set[int] = set()
        self.garble = 0

    def exchanges(self, data: bytes, line_baud: int | None) -> list[tuple[int, bytes, float]]:
        """Take bytes; return what is answered to the frames that they complete."""
        del line_baud
        self._pending += data
        done = []
        while frame := self._frame():
            done.append((len(frame), self._answered(frame), THINKS))
        return done

    def forget_partial(self) -> None:
        """A line that was silent begins a new frame (section 2.5.1.1)."""
        self._pending = b""

    def _frame(self) -> bytes:
        """Take the next whole frame off what is pending; what cannot be one is thrown away."""
        size = _size(self._pending)
        if size is None or size > LONGEST:
            self._pending = b""
        if not size or len(self._pending) < size:
            return b""
        frame, self._pending = self._pending[:size], self._pending[size:]
        if crc(frame[:-2]) != frame[-2:]:
            self._pending = b""  # nobody knows where the next begins, but for a silence
            return b""
        return frame

    def _answered(self, frame: bytes) -> bytes:
        number, body = frame[0], frame[1:-2]
        if number == BROADCAST:
            for unit in self._units.values():
                answer(body, unit)
            return b""
        if number not in self._units:
            return b""
        said = bytes((number,)) + answer(body, self._units[number])
        said += crc(said)
        if number in self.silent:
            return b""  # it has done it all the same, as one whose transmitter is cut
        if self.garble:
            self.garble -= 1
            said = said[:-1] + bytes((said[-1] ^ 0x55,))
        return said


def _size(pending: bytes) -> int | None:
    """Return the length of the frame that begins; 0: too little is known; None: it is none."""
    if len(pending) < 2:
        return 0
    function = pending[1]
    if function in FIXED:
        return 1 + FIXED[function] + 2
    if function in COUNTED:
        at = COUNTED[function]
        return 1 + at + pending[at] + 2 if len(pending) > at else 0
    return max(4, len(pending))  # unknown: all that came, so that it is refused by name
