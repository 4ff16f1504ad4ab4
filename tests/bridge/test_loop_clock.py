"""The wall clock: an absolute time is slept to, whatever interrupts the sleep."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from handrail_bridge.loop.clock import WallClock

MS = 1_000_000  # ns


@pytest.mark.parametrize("spin", [0.0, 0.0005])
def test_it_does_not_wake_before_its_time(spin: float) -> None:
    clock = WallClock(spin)
    for wait_ns in (0, 1, 300_000, 2 * MS):
        until = clock.now_ns() + wait_ns
        clock.sleep_until(until)
        assert clock.now_ns() >= until


def test_a_time_that_has_passed_is_no_wait() -> None:
    clock = WallClock()
    before = time.thread_time_ns()
    for past in (-1, -5_000_000_000):
        clock.sleep_until(clock.now_ns() + past)
    clock.sleep_until(0)
    assert time.thread_time_ns() - before < 1000 * MS, "it hung or spun"


def test_a_signal_is_handled_in_mid_sleep_and_the_sleep_goes_on() -> None:
    clock, handled = WallClock(), []
    before = signal.signal(signal.SIGUSR1, lambda *_: handled.append(clock.now_ns()))
    me = threading.get_ident()
    timer = threading.Timer(0.02, lambda: signal.pthread_kill(me, signal.SIGUSR1))
    timer.start()
    until = clock.now_ns() + 300 * MS
    try:
        clock.sleep_until(until)
        assert clock.now_ns() >= until
    finally:
        signal.signal(signal.SIGUSR1, before)
        timer.join()
    assert handled[0] < until, "the handler waited for the end of the sleep"
