"""The seam between a driver and its wire.

A driver is given a transport and never opens one itself, so that the same class
runs on a wire, on an emulator in memory, and on a recorded byte capture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pydantic import BaseModel


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


class TransportKind(Protocol):
    """The shape of a plugin in the group ``handrail.transports``: how drivers get their wire.

    It knows which settings say where the device is; all three are static methods.
    """

    @staticmethod
    def stream(settings: Any) -> Transport:
        """Open the byte stream of a device's settings.

        Raises:
            BusLost: it cannot be opened.
        """

    @staticmethod
    def over(open_stream: Callable[[], Transport], settings: Any) -> Any:
        """Return what the driver is given, over streams opened so."""

    @staticmethod
    def at(settings: BaseModel, address: str) -> BaseModel:
        """Return settings for the same device at another address: a port, or host:port."""


class NoTransport:
    """The transport kind of drivers that find their device by themselves."""

    @staticmethod
    def stream(settings: Any) -> Transport:
        """There is none."""
        raise NotImplementedError(f"{type(settings).__name__} has no byte stream")

    @staticmethod
    def over(open_stream: Callable[[], Transport], settings: Any) -> None:
        """Return None."""

    @staticmethod
    def at(settings: BaseModel, address: str) -> BaseModel:
        """Return the settings as they are."""
        del address
        return settings
