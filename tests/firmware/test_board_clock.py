"""A board's clock in ours: converted times lie within the error that is stated."""

from __future__ import annotations

import random

import pytest
from handrail_drivers.board.clock import BoardClock
from hypothesis import example, given, settings
from hypothesis import strategies as st

HZ = 2_000_000
WRAP = 1 << 32
MS = 1_000_000  # ns


class TrueClock:
    """A counter that runs fast by so much, and a line whose two ways take different times."""

    def __init__(self, ppm: float, start: int, seed: int) -> None:
        self.rate = HZ * 1e-9 * (1 + ppm * 1e-6)  # ticks a ns
        self.start = start
        self.dice = random.Random(seed)

    def ticks(self, host_ns: int) -> int:
        return self.start + int(host_ns * self.rate)

    def exchange(self, clock: BoardClock, host_ns: int) -> int:
        """One exchange from this time on; return when it ended."""
        there, back = (int(self.dice.expovariate(1 / MS)) for _ in range(2))
        received = host_ns + there
        sent = received + 50_000
        ended = sent + back
        clock.exchanged(host_ns, ended, self.ticks(received) % WRAP, self.ticks(sent) % WRAP)
        return ended


def run(ppm: float, start: int, seed: int, seconds: int) -> tuple[BoardClock, TrueClock, int]:
    true, clock, now = TrueClock(ppm, start, seed), BoardClock(HZ), 0
    for _ in range(8):
        now = true.exchange(clock, now)
    for second in range(1, seconds):
        now = true.exchange(clock, second * 1000 * MS)
    return clock, true, now


@example(ppm=0.0, start=0, seed=6860, seconds=7, away_ms=0)  # a line through few, aslant
@given(
    ppm=st.floats(-150, 150),
    start=st.integers(0, 2**33),
    seed=st.integers(0, 2**20),
    seconds=st.integers(1, 90),
    away_ms=st.integers(-900, 900),
)
@settings(max_examples=300)
def test_a_time_lies_within_its_stated_error(ppm, start, seed, seconds, away_ms):
    clock, true, now = run(ppm, start, seed, seconds)
    at_ns = max(now + away_ms * MS, 0)
    ticks = true.ticks(at_ns) % WRAP
    assert abs(clock.host_ns(ticks) - at_ns) <= clock.error_ns(ticks) + 1000
    assert clock.error_ns(ticks) < 20 * MS


@pytest.mark.parametrize("ppm", [-120.0, 0.0, 85.0])
def test_the_drift_is_found(ppm):
    clock, _, _ = run(ppm, 12345, 3, 60)
    assert clock.state().drift_ppm == pytest.approx(ppm, abs=25)
    assert clock.state().error_ns < 3 * MS


def test_the_counter_wraps_and_time_goes_on():
    """At 2 MHz it wraps every 36 minutes."""
    true, clock = TrueClock(30, WRAP - 20 * HZ, 5), BoardClock(HZ)
    last = -1
    for second in range(60):
        at = true.exchange(clock, second * 1000 * MS)
        found = clock.host_ns(true.ticks(at) % WRAP)
        assert found > last
        last = found
    assert abs(last - at) < 5 * MS


def test_before_an_exchange_nothing_is_converted():
    with pytest.raises(ValueError, match="no exchange"):
        BoardClock(HZ).host_ns(1)
