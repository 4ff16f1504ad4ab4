"""The wall clock: an absolute time is slept to, whatever interrupts the sleep but a bell."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from handrail_bridge.loop.clock import WallClock
from handrail_bridge.loop.control import Control

MS = 1_000_000  # ns
LONG = 20_000 * MS


@pytest.fixture
def control() -> Iterator[Control]:
    control = Control.create()
    yield control
    control.close()


@pytest.mark.parametrize("spin", [0.0, 0.0005])
@pytest.mark.parametrize("bus", [None, 0, 15])
def test_it_does_not_wake_before_its_time(spin: float, bus: int | None, control: Control) -> None:
    clock = WallClock(spin, None if bus is None else control.bell(bus))
    for wait_ns in (0, 1, 300_000, 2 * MS):
        until = clock.now_ns() + wait_ns
        assert clock.sleep_until(until)
        assert clock.now_ns() >= until


def test_a_time_that_has_passed_is_no_wait() -> None:
    clock = WallClock()
    before = time.thread_time_ns()
    for past in (-1, -5_000_000_000):
        clock.sleep_until(clock.now_ns() + past)
    clock.sleep_until(0)
    assert time.thread_time_ns() - before < 1000 * MS, "it hung or spun"


@pytest.fixture
def on_signal() -> Iterator[Callable[[Callable[..., None]], None]]:
    """Have a handler called in a moment, in mid-sleep."""
    before, me = signal.getsignal(signal.SIGUSR1), threading.get_ident()
    timer = threading.Timer(0.02, lambda: signal.pthread_kill(me, signal.SIGUSR1))

    def soon(handler: Callable[..., None]) -> None:
        signal.signal(signal.SIGUSR1, handler)
        timer.start()

    yield soon
    timer.join()
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_is_handled_in_mid_sleep_and_the_sleep_goes_on(
    on_signal: Callable[[Callable[..., None]], None],
) -> None:
    clock, handled = WallClock(), []
    until = clock.now_ns() + 300 * MS
    on_signal(lambda *_: handled.append(clock.now_ns()))
    assert clock.sleep_until(until)
    assert clock.now_ns() >= until
    assert handled[0] < until, "the handler waited for the end of the sleep"


@pytest.mark.parametrize("bus", [0, 15])
def test_a_stop_of_another_process_s_page_ends_the_sleep(control: Control, bus: int) -> None:
    clock, others = WallClock(0.0001, control.bell(bus)), Control(os.dup(control.fileno))
    ring = threading.Timer(0.02, lambda: others.raise_stop("a test"))
    ring.start()
    until = clock.now_ns() + LONG
    assert not clock.sleep_until(until)
    assert clock.now_ns() < until
    ring.join()
    others.close()


def test_what_was_rung_awake_is_heard_at_the_next_sleep_and_once(control: Control) -> None:
    clock = WallClock(0.0, control.bell(0))
    for _ in range(3):
        control.raise_stop("a test")
    assert not clock.sleep_until(clock.now_ns() + LONG)
    assert clock.sleep_until(clock.now_ns() + MS)


def test_a_signal_ends_a_sleep_by_a_bell(
    control: Control, on_signal: Callable[[Callable[..., None]], None]
) -> None:
    clock, handled = WallClock(0.0, control.bell(0)), []
    on_signal(lambda *_: handled.append(1))
    assert not clock.sleep_until(clock.now_ns() + LONG)
    assert handled
