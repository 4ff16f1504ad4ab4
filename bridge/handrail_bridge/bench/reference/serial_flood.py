"""Octets of something that sends all the time, by bare pyserial: the benchmark's yardstick."""

from __future__ import annotations

import serial

TIMEOUT = 5.0  # s without an octet
AT_ONCE = 4096  # octets


def heard(path: str, baud: int, count: int) -> bytes:
    """Return so many octets of a port, or some more.

    Raises:
        TimeoutError: nothing comes any more.
    """
    found = bytearray()
    with serial.Serial(path, baud, timeout=TIMEOUT) as port:
        while len(found) < count:
            some = port.read(max(1, min(port.in_waiting, AT_ONCE)))
            if not some:
                raise TimeoutError("the flood has dried up")
            found += some
    return bytes(found)
