"""A transport that can be opened again: what a device is given that outlives its cable."""

from __future__ import annotations

import threading
from collections.abc import Callable

from handrail_drivers.errors import BusLost
from handrail_drivers.transport import Transport


class LastingPort:
    """A :class:`~handrail_drivers.transport.Transport` that is opened on the first use.

    After a loss it raises BusLost until :meth:`reopen` was called.

    Args:
        name: of the port, in errors.
        opening: opens it, or raises BusLost.
    """

    def __init__(self, name: str, opening: Callable[[], Transport]) -> None:
        self._name = name
        self._opening = opening
        self._port: Transport | None = None
        self._lost: BusLost | None = None
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Send all of data, or raise BusLost."""
        self._open().write(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return up to size bytes; fewer once timeout_s [s] has passed."""
        return self._open().read(size, timeout_s)

    def discard_input(self) -> None:
        """Drop what was received and not yet read."""
        self._open().discard_input()

    def close(self) -> None:
        """Release the port; safe to call twice."""
        with self._lock:
            port, self._port = self._port, None
            self._lost = BusLost(f"The port {self._name} is closed.", subject=self._name)
        if port is not None:
            port.close()

    def reopen(self) -> None:
        """Close it and open it anew, or raise BusLost."""
        self.close()
        with self._lock:
            self._lost = None
        self._open()

    def _open(self) -> Transport:
        with self._lock:
            if self._lost is not None:
                raise self._lost
            if self._port is None:
                self._port = self._opened()
            return self._port

    def _opened(self) -> Transport:
        try:
            return self._opening()
        except BusLost as error:
            self._lost = error
            raise
