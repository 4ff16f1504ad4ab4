"""The measured state as it is told: read and encoded once for all who want it in one moment."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from handrail.v1 import rail_pb2

from handrail_bridge.reports import CellState
from handrail_bridge.rpc.messages import write_state

MOMENT = 0.004  # s for which a state is the newest: a tick of a loop at 250 Hz
EARLY = 0.001  # s that a timer may be early, where the event loop counts in milliseconds

Told = rail_pb2.WatchStateResponse


class Telling:
    """Tells the state to many: those who want it at one rate wake together, by one timer.

    ``state`` gives it as it is now.
    """

    def __init__(self, state: Callable[[], CellState]) -> None:
        self._state = state
        self._newest = Told()
        self._read = -math.inf  # s, monotonic, when that was
        self._waiting: dict[float, list[asyncio.Future[Told]]] = {}  # by rate [Hz]

    def now(self) -> Told:
        """Return the state as it is now, in a message that nobody may change."""
        now = time.monotonic()
        if now - self._read > MOMENT:
            self._newest, self._read = Told(state=write_state(self._state())), now
        return self._newest

    def next(self, rate: float) -> asyncio.Future[Told]:
        """Return what will be the state at the next of the moments of ``rate`` [Hz].

        They are the same for everybody.
        """
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(rate)
        if waiting is None:
            waiting = self._waiting[rate] = []
            wait = until_next(rate)
            if wait < MOMENT:  # the one before was told late, and so would this be: the same state
                wait += 1 / rate
            self._set(rate, time.monotonic() + wait)
        waiting.append(told)
        return told

    def _set(self, rate: float, due: float) -> None:
        wait = max(due - time.monotonic(), EARLY)
        asyncio.get_running_loop().call_later(wait, self._tell, rate, due)

    def _tell(self, rate: float, due: float) -> None:
        if time.monotonic() < due:
            self._set(rate, due)
            return
        waiting = [told for told in self._waiting.pop(rate) if not told.done()]  # others left
        try:
            message = self.now()
        except Exception as error:  # noqa: BLE001  a timer must not keep it: who waits answers it
            for told in waiting:
                told.set_exception(error)
        else:
            for told in waiting:
                told.set_result(message)


def until_next(rate: float) -> float:
    """Return the seconds to the next of the moments at which everybody of this rate is told."""
    return 1 / rate - time.monotonic() % (1 / rate)
