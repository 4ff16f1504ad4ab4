"""One question and its answer over a serial port with bare pyserial: the benchmark's yardstick."""

from __future__ import annotations

import time

import serial

TIMEOUT = 2.0  # s


class SerialEcho:
    """A port behind which something answers so many octets with so many others."""

    def __init__(self, path: str, question: int, answer: int) -> None:
        self._port = serial.Serial(path, 115_200, timeout=TIMEOUT)
        self._question = bytes(range(1, question + 1))
        self._answer = answer

    def ask(self) -> float:
        """Ask once; return how long it took [s].

        Raises:
            TimeoutError: the answer did not come whole.
        """
        began = time.perf_counter()
        self._port.write(self._question)
        if len(self._port.read(self._answer)) != self._answer:
            raise TimeoutError("the echo does not answer")
        return time.perf_counter() - began

    def close(self) -> None:
        """Release the port."""
        self._port.close()
