"""A bell that ends a loop's sleep before its time: who raises a stop rings it."""

from __future__ import annotations

import ctypes
import time

SECOND = 1_000_000_000  # ns
BELL_BYTES = 32  # what a sem_t takes


class Timespec(ctypes.Structure):
    """A time as the C library takes it."""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))  # time_t is a long


class Bell:
    """One loop's bell, in memory that it shares with who rings.

    A semaphore between processes (sem_overview(7)): to ring never waits, nobody can hold it, and
    what was rung while nobody slept is heard at the next sleep.
    """

    def __init__(self, page: memoryview, at: int) -> None:
        """Take the bell at a place of a page, which cannot be unmapped while this lives."""
        self._semaphore = (ctypes.c_char * BELL_BYTES).from_buffer(page, at)
        self._libc = ctypes.CDLL(None)
        self._wait = self._libc.sem_clockwait
        self._until = Timespec()
        self._at = ctypes.byref(self._until)

    def hang(self) -> None:
        """Make it, in memory that is new."""
        self._libc.sem_init(self._semaphore, 1, 0)

    def ring(self) -> None:
        """End the loop's sleep, or its next."""
        self._libc.sem_post(self._semaphore)

    def sleep_until(self, time_ns: int) -> bool:
        """Sleep until a monotonic time [ns]; False: before it the bell rang, or a signal came."""
        self._until.seconds, self._until.nanoseconds = divmod(time_ns, SECOND)
        if self._wait(self._semaphore, time.CLOCK_MONOTONIC, self._at) == 0:
            while self._libc.sem_trywait(self._semaphore) == 0:  # however often it rang
                pass
            return False
        return time.monotonic_ns() >= time_ns
