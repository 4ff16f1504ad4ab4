"""The seam between a driver and its wire.

A driver is given a transport and never opens one itself, so that the same class
runs on a wire, on an emulator in memory, and on a recorded byte capture.
"""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """A byte stream with timeouts.

    Every method raises :class:`handrail_drivers.errors.BusLost` once the port is gone.
    """

    def write(self, data: bytes) -> None:
        """Send all of data, or raise BusLost."""

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return up to size bytes; fewer once timeout_s [s] has passed."""

    def discard_input(self) -> None:
        """Drop what was received and not yet read."""

    def close(self) -> None:
        """Release the port; safe to call twice."""
