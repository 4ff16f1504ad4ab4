"""A wire to the twin's Feetech servos in memory."""

from __future__ import annotations

from handrail_drivers.errors import BusLost
from handrail_sim.twin.feetech_wire import FeetechBank


class MemoryWire:
    """A transport that ends in a bank in memory: no time passes on it but the caller's.

    ``unplug`` makes it raise BusLost like a port that is gone; ``plug`` brings it back.
    """

    def __init__(self, bank: FeetechBank) -> None:
        self.bank = bank
        self.sent: list[bytes] = []  # every write, in order
        self._answers = bytearray()
        self._plugged = True

    def write(self, data: bytes) -> None:
        """Hand data to the servos at once."""
        self._require_port()
        self.sent.append(bytes(data))
        for answer in self.bank.handle(data):
            self._answers += answer

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return up to size bytes of what the servos answered."""
        self._require_port()
        data = bytes(self._answers[:size])
        del self._answers[:size]
        return data

    def discard_input(self) -> None:
        """Drop what was answered and not read."""
        self._require_port()
        self._answers.clear()

    def close(self) -> None:
        """Nothing is held."""

    def unplug(self) -> None:
        """Take the port away."""
        self._plugged = False
        self._answers.clear()

    def plug(self) -> None:
        """Bring the port back."""
        self._plugged = True

    def _require_port(self) -> None:
        if not self._plugged:
            raise BusLost("The servo bus is gone: its port does not answer any more.")
