"""A serial port that is a pseudo-terminal, with a stable name and the pace of a baud rate."""

from __future__ import annotations

import os
import termios
import tty
from collections import deque
from pathlib import Path

BITS_PER_BYTE = 10  # start, eight data bits, stop
# What the client's port may be set to, by the kernel's code for it.
SPEEDS = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}
OUTPUT_SPEED = 5  # in what tcgetattr returns


class PseudoTerminal:
    """The master's side of a port. ``link`` names the port for good, also after a re-plug.

    ``baud`` is the most that the wire carries; None lets bytes arrive at once.
    """

    def __init__(self, link: Path, baud: int | None) -> None:
        self.link = link
        self._baud = baud
        self._master = self._slave = -1
        self._line_free = 0.0  # s, when the last byte on the wire has passed
        self._outgoing: deque[tuple[float, bytes]] = deque()
        self.plug()

    @property
    def path(self) -> str:
        """The terminal's own name, such as /dev/pts/7; changes with every plug."""
        return os.ttyname(self._slave)

    @property
    def fileno(self) -> int:
        """The master's descriptor, -1 while pulled."""
        return self._master

    @property
    def due(self) -> float | None:
        """When [s] the next answer has to be written, None where none waits."""
        return self._outgoing[0][0] if self._outgoing else None

    @property
    def line_baud(self) -> int | None:
        """The rate that the client has set on its port; None where it has no usual name."""
        return SPEEDS.get(termios.tcgetattr(self._slave)[OUTPUT_SPEED])

    def plug(self) -> None:
        """Open the terminal and point the link to it; does nothing while plugged."""
        if self._master >= 0:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = self.link.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.path)
        fresh.replace(self.link)

    def pull(self) -> None:
        """Close the terminal, as a pulled cable does; does nothing while pulled."""
        self.link.unlink(missing_ok=True)
        self._outgoing.clear()
        for descriptor in (self._master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._slave = -1

    def receive(self) -> bytes:
        """Return what the client sent; empty where nothing came."""
        try:
            return os.read(self._master, 4096)
        except (BlockingIOError, OSError):
            return b""

    def answer(self, request_size: int, answers: bytes, delay: float, now: float) -> float:
        """Queue an answer for the moment its last byte would arrive; return that time [s]."""
        start = max(now, self._line_free)
        wire = (request_size + len(answers)) * self._byte_time()
        self._line_free = start + wire + (delay if answers else 0.0)
        if answers:
            self._outgoing.append((self._line_free, answers))
        return self._line_free

    def flush(self, now: float) -> list[bytes]:
        """Write the answers that are due; return them."""
        sent = []
        while self._outgoing and self._outgoing[0][0] <= now:
            data = self._outgoing.popleft()[1]
            try:
                os.write(self._master, data)
            except OSError:
                continue  # nobody reads: a wire forgets
            sent.append(data)
        return sent

    def _byte_time(self) -> float:
        if self._baud is None:
            return 0.0
        return BITS_PER_BYTE / min(self._baud, self.line_baud or self._baud)
