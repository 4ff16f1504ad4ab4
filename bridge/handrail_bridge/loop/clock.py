"""Time as an argument: the wall clock on hardware, a virtual one in suites."""

from __future__ import annotations

import ctypes
import errno
import time
from collections.abc import Callable
from typing import Protocol

TIMER_ABSTIME = 1  # time.h
SECOND = 1_000_000_000  # ns


class Clock(Protocol):
    """Monotonic time [ns] and a sleep to an absolute time."""

    def now_ns(self) -> int:
        """Return the present time [ns]."""

    def sleep_until(self, time_ns: int) -> None:
        """Return at time_ns or, where that has passed, at once."""

    def suspended_ns(self) -> int:
        """Return how long [ns] the machine was suspended in all: ``now_ns`` stands still then."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))  # time_t is a long


class WallClock:
    """CLOCK_MONOTONIC, slept on by ``clock_nanosleep`` to the absolute time itself.

    The last ``spin`` [s] of every wait is spent awake: waking up takes its time, and a loop that
    is awake already is not late.
    """

    def __init__(self, spin: float = 0.0) -> None:
        self._spin_ns = int(spin * 1e9)
        self._sleep = ctypes.CDLL(None).clock_nanosleep
        self._until = _Timespec()
        self._at = ctypes.byref(self._until)

    def now_ns(self) -> int:
        """Return the present time [ns]."""
        return time.monotonic_ns()

    def suspended_ns(self) -> int:
        """Return the time that CLOCK_BOOTTIME has and CLOCK_MONOTONIC has not."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()

    def sleep_until(self, time_ns: int) -> None:
        """Sleep until time_ns; a signal's handler runs meanwhile, and the sleep goes on."""
        self._until.seconds, self._until.nanoseconds = divmod(time_ns - self._spin_ns, SECOND)
        while self._sleep(time.CLOCK_MONOTONIC, TIMER_ABSTIME, self._at, None) == errno.EINTR:
            pass
        while time.monotonic_ns() < time_ns:
            pass


class VirtualClock:
    """A clock that stands still until somebody sleeps; ``world(dt_ns)`` lives meanwhile."""

    def __init__(self, world: Callable[[int], None]) -> None:
        self._world = world
        self._now = 0

    def now_ns(self) -> int:
        """Return the present time [ns]."""
        return self._now

    def suspended_ns(self) -> int:
        """Return nothing."""
        return 0

    def sleep_until(self, time_ns: int) -> None:
        """Let the world live until time_ns."""
        if time_ns > self._now:
            self._world(time_ns - self._now)
            self._now = time_ns
