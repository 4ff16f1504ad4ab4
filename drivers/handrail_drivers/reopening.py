"""A transport that can be opened again once its port was lost: what a device's owner gives it."""

from __future__ import annotations

from collections.abc import Callable

from handrail_drivers.errors import BusLost
from handrail_drivers.transport import Transport


class Reopening:
    """A :class:`~handrail_drivers.transport.Transport` over a stream that comes and goes.

    Nothing is opened before :meth:`reopen`; what is asked of it while it is not open is BusLost.

    Args:
        name: of the device, for sentences.
        open_stream: opens the port; raises BusLost.
    """

    def __init__(self, name: str, open_stream: Callable[[], Transport]) -> None:
        self._name = name
        self._open_stream = open_stream
        self._stream: Transport | None = None

    def reopen(self) -> None:
        """Open the port afresh.

        Raises:
            BusLost: it is not there.
        """
        self.close()
        self._stream = self._open_stream()

    def write(self, data: bytes) -> None:
        """Send all of data, or raise BusLost."""
        self._require().write(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return up to size bytes; fewer once timeout_s [s] has passed."""
        return self._require().read(size, timeout_s)

    def discard_input(self) -> None:
        """Drop what was received and not yet read."""
        self._require().discard_input()

    def close(self) -> None:
        """Release the port; it can be opened again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _require(self) -> Transport:
        if self._stream is None:
            raise BusLost(
                f"{self._name} is not connected.",
                subject=self._name,
                hint="check its cable and its power; it is looked for twice a second",
            )
        return self._stream
