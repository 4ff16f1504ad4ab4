"""One wire of the twin: its terminal, the device behind it, and a log of what passed."""

from __future__ import annotations

import time
from bisect import bisect_left

from handrail_drivers.emulator import Emulator
from handrail_drivers.pseudo_terminal import PseudoTerminal

LOG = 40_000  # entries kept, some 50 s of a loop at 250 Hz
PAGE = 100  # entries at most in one answer: what asks must not hold up the world
IDLE = 0.02  # s of silence after which a frame that has begun is given up

Entry = tuple[int, str, bytes]  # monotonic time [ns], "in" towards the device or "out", bytes


class Wire:
    """A terminal and the device behind it."""

    def __init__(self, device: Emulator, terminal: PseudoTerminal) -> None:
        self._device = device
        self.terminal = terminal
        self._log: list[Entry] = [(0, "", b"")] * LOG
        self._logged = 0
        self._heard = 0.0  # s

    def receive(self, now: float) -> None:
        """Take what had arrived by now [s]; queue the answers at the wire's pace."""
        data = self.terminal.receive()
        if not data:
            return
        self._keep(int(now * 1e9), "in", data)
        if now - self._heard > IDLE:
            self._device.forget_partial()
        self._heard = now
        for size, answer, delay in self._device.exchanges(data, self.terminal.line_baud):
            self.terminal.answer(size, answer, delay, now)
        self.flush(now)  # where the wire has no pace

    def flush(self, now: float) -> None:
        """Send the answers that are due."""
        for data in self.terminal.flush(now):
            self._keep(time.monotonic_ns(), "out", data)

    def logged(self, since_ns: int) -> tuple[int, int]:
        """Return the numbers of the first entry since a time and of the one to come."""
        kept = range(max(0, self._logged - LOG), self._logged)
        late = bisect_left(kept, since_ns, key=lambda number: self._log[number % LOG][0])
        return kept.start + late, self._logged

    def entries(self, first: int, end: int) -> list[Entry]:
        """Return entries by number, at most a page."""
        end = min(end, first + PAGE, self._logged)
        return [self._log[number % LOG] for number in range(max(0, first), end)]

    def _keep(self, time_ns: int, way: str, data: bytes) -> None:
        self._log[self._logged % LOG] = (time_ns, way, data)
        self._logged += 1
