"""Modbus units of the twin on a TCP port.

Source: Modbus Messaging on TCP/IP Implementation Guide v1.0b, section 3.1.3 (MBAP header).
"""

from __future__ import annotations

from collections.abc import Mapping

from handrail_drivers.loopback_port import LoopbackPort
from handrail_drivers.modbus.frames import LONGEST, MBAP
from handrail_drivers.modbus.unit import Unit, answer

WHOLE = 0xFF  # and 0: the unit of a device that has only one


class ModbusPort(LoopbackPort):
    """Answers at once; who does not read, or sends no Modbus, is cut off."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self._units = units
        self.silent: set[int] = set()
        self.garble = 0
        super().__init__()

    def answers(self, pending: bytearray) -> bytes:
        """Take whole frames off what a client sent; return the answers.

        Raises:
            ValueError: it is no Modbus.
        """
        said = b""
        while (size := _size(pending)) and len(pending) >= size:
            said += self._answered(bytes(pending[:size]))
            del pending[:size]
        return said

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
