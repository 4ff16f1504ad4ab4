"""Time as an argument: the wall clock on hardware, a virtual one in suites."""

from __future__ import annotations

import ctypes
import errno
import time
from typing import Protocol

from handrail_bridge.loop.bell import SECOND, Bell, Timespec

TIMER_ABSTIME = 1  # time.h


class Clock(Protocol):
    """Monotonic time [ns] and a sleep to an absolute time."""

    def now_ns(self) -> int:
        """Return the present time [ns]."""

    def sleep_until(self, time_ns: int) -> bool:
        """Return True at time_ns or, where that has passed, at once; False: woken before it."""

    def suspended_ns(self) -> int:
        """Return how long [ns] the machine was suspended in all: ``now_ns`` stands still then."""


class WallClock:
    """CLOCK_MONOTONIC, slept on by ``clock_nanosleep`` to the absolute time itself.

    The last ``spin`` [s] of every wait is spent awake: waking up takes its time, and a loop that
    is awake already is not late. A ``bell`` wakes before that, and so does a signal where there
    is one.
    """

    def __init__(self, spin: float = 0.0, bell: Bell | None = None) -> None:
        self._spin_ns = int(spin * 1e9)
        self._bell = bell
        self._sleep = ctypes.CDLL(None).clock_nanosleep
        self._until = Timespec()
        self._at = ctypes.byref(self._until)

    def now_ns(self) -> int:
        """Return the present time [ns]."""
        return time.monotonic_ns()

    def suspended_ns(self) -> int:
        """Return the time that CLOCK_BOOTTIME has and CLOCK_MONOTONIC has not."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()

    def sleep_until(self, time_ns: int) -> bool:
        """Sleep until time_ns; without a bell a signal's handler runs and the sleep goes on."""
        awake_ns = time_ns - self._spin_ns
        if self._bell is None:
            self._sleep_through(awake_ns)
        elif not self._bell.sleep_until(awake_ns):
            return False
        while time.monotonic_ns() < time_ns:
            pass
        return True

    def _sleep_through(self, time_ns: int) -> None:
        self._until.seconds, self._until.nanoseconds = divmod(time_ns, SECOND)
        while self._sleep(time.CLOCK_MONOTONIC, TIMER_ABSTIME, self._at, None) == errno.EINTR:
            pass
