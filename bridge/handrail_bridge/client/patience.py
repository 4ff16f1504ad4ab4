"""How long somebody waits for an answer, again and again: one timer for all of the waits."""

from __future__ import annotations

import asyncio
from types import TracebackType

RINGS = 4  # of the timer, in the time that a wait may last


class Patience:
    """As ``asyncio.timeout``, for one task at a time that waits often, and mostly not for long.

    A block that lasts longer than ``seconds``, and at most a quarter more, is cancelled and raises
    TimeoutError. A clock and a timer for each wait would cost as much as many an answer; here one
    timer counts how often it has rung in the same wait, and rings only while there is one.
    """

    def __init__(self, seconds: float) -> None:
        self._period = seconds / RINGS
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None  # who waits
        self._waits = 0  # so far
        self._heard = 0, 0  # the wait in which it rang last, how often it has rung in it
        self._cancelling = 0  # cancellations of the task by others
        self._late = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._waits += 1
        if self._timer is None:
            self._wind()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._late or task is None:
            return
        self._late = False
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def close(self) -> None:
        """Drop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._period, self._ring)

    def _ring(self) -> None:
        self._timer = None
        task = self._task
        if task is None:  # the next wait winds it again
            return
        wait, times = self._heard
        self._heard = self._waits, times + 1 if wait == self._waits else 0
        if self._heard[1] < RINGS:
            self._wind()
            return
        self._late, self._cancelling = True, task.cancelling()
        task.cancel()
