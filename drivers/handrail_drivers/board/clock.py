"""A board's clock in this machine's: offset and drift, from exchanges, with their error."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

KEPT = 60  # exchanges, the best of each period
PERIOD = 1_000_000_000  # ns
WORST_DRIFT = 5e-3  # of a ceramic resonator, as an Uno has, until it is known better
NO_CLOCK = 1e-2  # a drift beyond it is none: the counter began anew
WANDER = 20e-6  # of a rate, beside what bounds it
SPAN = 5.0  # s between exchanges before a drift is believed
WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question for the counter: when it was in the middle, on both clocks."""

    ticks: int  # unwrapped
    host_ns: int
    half_ns: int  # half of the time that the exchange took beside the board's own: the error


@dataclass(frozen=True, slots=True)
class ClockState:
    """What is known of a board's clock."""

    offset_ns: int  # of the host's clock when the counter read 0
    drift_ppm: float  # by which the counter runs fast
    error_ns: int  # within which a converted time lies


class BoardClock:
    """Converts a board's counter into ``time.monotonic_ns``. Not safe across threads.

    In each second the quickest exchange counts: what came late came late for some reason. The rate
    is a straight line through those. A time is told from the best of them, its origin, and lies
    within half of that exchange and what the rate may be wrong since; any other exchange bounds the
    rate, by both halves over the time between.
    """

    def __init__(self, counter_hz: int) -> None:
        self._nominal = 1e9 / counter_hz  # ns a tick
        self._ticks = 0  # unwrapped, newest
        self._kept: deque[Exchange] = deque(maxlen=KEPT)
        self._rate = self._nominal
        self._origin: Exchange | None = None
        self._rate_error = WORST_DRIFT  # of the nominal rate

    def unwrapped(self, ticks: int) -> int:
        """Return a counter of 32 bits as one that never wraps; half a turn old at most."""
        ahead = (ticks - self._ticks) % WRAP
        return self._ticks + (ahead if ahead < WRAP // 2 else ahead - WRAP)

    def exchanged(self, asked_ns: int, answered_ns: int, received: int, sent: int) -> None:
        """Take one exchange: when it began and ended here, and the counter in it."""
        begun = self.unwrapped(received)
        self._ticks = max(self._ticks, begun)
        away = (sent - received) % WRAP
        spent = int(away * self._rate)
        new = Exchange(
            ticks=begun + away // 2,
            host_ns=(asked_ns + answered_ns) // 2,
            half_ns=max(answered_ns - asked_ns - spent, 0) // 2,
        )
        if self._origin is not None and not self._fits(new):  # it stood, or began anew
            self._kept.clear()
            self._rate, self._rate_error = self._nominal, WORST_DRIFT
        if self._kept and new.host_ns // PERIOD == self._kept[-1].host_ns // PERIOD:
            if new.half_ns >= self._kept[-1].half_ns:
                return
            self._kept.pop()
        self._kept.append(new)
        self._fit()

    def _fits(self, new: Exchange) -> bool:
        """Tell whether an exchange is where those before let expect it."""
        away = self.host_ns(new.ticks % WRAP) - new.host_ns
        return abs(away) <= self.error_ns(new.ticks % WRAP) + new.half_ns

    def _fit(self) -> None:
        newest = self._kept[-1]
        grows = self._rate_error * self._nominal
        origin = min(self._kept, key=lambda one: one.half_ns + grows * (newest.ticks - one.ticks))
        self._origin = origin
        span = (newest.host_ns - self._kept[0].host_ns) * 1e-9
        if span < SPAN:
            return
        x = np.array([float(one.ticks - origin.ticks) for one in self._kept])
        y = np.array([float(one.host_ns - origin.host_ns) for one in self._kept])
        half = np.array([float(one.half_ns) for one in self._kept])
        rate = float(np.polyfit(x, y, 1, w=1.0 / (half + 1e3))[0])
        if abs(rate / self._nominal - 1) > NO_CLOCK:
            return
        other = x != 0
        missed = np.abs(y - rate * x)[other] + half[other] + origin.half_ns
        bound = float(np.min(missed / np.abs(x[other]))) / self._nominal
        self._rate, self._rate_error = rate, WANDER + bound

    @property
    def known(self) -> bool:
        """Whether times can be converted."""
        return self._origin is not None

    def host_ns(self, ticks: int) -> int:
        """Return when the counter read so much.

        Raises:
            ValueError: there was no exchange yet.
        """
        if self._origin is None:
            raise ValueError("no exchange with this clock yet")
        away = self.unwrapped(ticks) - self._origin.ticks
        return self._origin.host_ns + int(away * self._rate)

    def error_ns(self, ticks: int) -> int:
        """Return the error within which ``host_ns`` of so much lies."""
        if self._origin is None:
            raise ValueError("no exchange with this clock yet")
        away = abs(self.unwrapped(ticks) - self._origin.ticks) * self._nominal
        return int(self._origin.half_ns + self._rate_error * away)

    def state(self) -> ClockState:
        """Return what is known, of now.

        Raises:
            ValueError: there was no exchange yet.
        """
        newest = self._ticks % WRAP
        return ClockState(
            offset_ns=self.host_ns(newest) - int(self._ticks * self._rate),
            drift_ppm=(self._nominal / self._rate - 1) * 1e6,
            error_ns=self.error_ns(newest),
        )
