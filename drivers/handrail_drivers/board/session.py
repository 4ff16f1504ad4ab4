"""A session with a board: greeted, described, its clock known, its outputs kept fresh."""

from __future__ import annotations

import contextlib
import logging
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from handrail.v1.link_layout import (
    Ack,
    AckResult,
    Event,
    EventKind,
    Hello,
    LinkFeature,
    Message,
    Samples,
)

from handrail_drivers.board.clock import BoardClock, ClockState
from handrail_drivers.board.description import described, left_out, named
from handrail_drivers.board.holding import Holding, Tally
from handrail_drivers.board.link import Link
from handrail_drivers.errors import BoardFault, MotionStopped

FIRST_EXCHANGES = 8  # of the clock, at the beginning
CLOCK_EVERY = 1.0  # s
PATIENCE = 6  # ms that samples wait for company: a frame full at 4 kHz
LETTERS = {2: "h", 4: "i"}  # of struct, by a sample's octets
REFRESH = 3  # times within an output's maximum age
MAKE_SAFE = (EventKind.EMERGENCY_STOP, EventKind.DEAD_MAN)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sample:
    """A channel's value and when it was true."""

    value: float
    time_ns: int  # monotonic
    error_ns: int  # within which that lies


class Session:
    """From a greeting to the board's end. :meth:`keep` is called again and again by one thread.

    Args:
        link: to a board; another thread looks at it.
        rates: Hz by channel, of those to be streamed.
        sampled: is given every sample that a stream brings.
    """

    def __init__(
        self,
        subject: str,
        link: Link,
        rates: Mapping[str, float],
        sampled: Callable[[str, Sample], None],
    ) -> None:
        self._subject = subject
        self._link = link
        self._sampled = sampled
        self._lock = threading.Lock()  # of the clock and of what the board told
        self._holding = Holding()
        self.hello: Hello = link.greet()
        raw = [link.channel(number) for number in range(self.hello.channels)]
        self.channels = described(subject, raw, self.hello.description, self.hello.minor)
        self.left_out = left_out(raw, self.hello.minor)  # names of what a newer bridge knows
        self.clock = BoardClock(self.hello.counter_hz)
        self._by_number = {one.number: one for one in self.channels.values()}
        self._periods: dict[str, float] = {}  # ticks between samples
        self._counts: dict[str, int] = {}
        self._next_clock = 0.0
        self.gaps = 0  # frames of samples that were lost
        self.events: list[Event] = []
        for _ in range(FIRST_EXCHANGES if self.has(LinkFeature.CLOCK) else 0):
            self._exchange_clocks()
        if self.has(LinkFeature.STREAMS):
            for name, rate in rates.items():
                self._begin_stream(name, rate)
        self._tally = Tally(self._counted())

    def has(self, feature: LinkFeature) -> bool:
        """Tell whether both sides can do something."""
        return bool(self.hello.features & feature)

    # --- what comes unasked, in the thread that looks -----------------------------------------

    def told(self, message: Message) -> None:
        """Take a message that answers no question."""
        if isinstance(message, Samples):
            self._take_samples(message)
        elif isinstance(message, Event):
            self._take_event(message)

    def _take_samples(self, frame: Samples) -> None:
        one = self._by_number.get(frame.channel)
        period = self._periods.get(one.name) if one else None
        if one is None or period is None:
            return
        expected = self._counts.get(one.name, frame.count)
        self.gaps += frame.count != expected
        self._counts[one.name] = (frame.count + 1) % 256
        count = len(frame.data) // one.width
        raw = struct.unpack_from(f"<{count}{LETTERS[one.width]}", frame.data)
        times, error = self._times(frame, count, period)
        for value, time_ns in zip(map(one.value, raw), times, strict=True):
            self._sampled(one.name, Sample(value, time_ns, error))

    def _times(self, frame: Samples, count: int, period: float) -> tuple[Sequence[int], int]:
        """Return when each sample was true, and the error of them all: it is largest at an end."""
        first, error = self._when(frame.time, frame.late)
        last, error_of_last = self._when(frame.time + int((count - 1) * period), frame.late)
        step = (last - first) / max(count - 1, 1)
        return [first + int(place * step) for place in range(count)], max(error, error_of_last)

    def _take_event(self, event: Event) -> None:
        """The board put outputs to their safe values: nobody may bring them back unasked."""
        with self._lock:
            self.events = [*self.events[-9:], event]
        if event.kind in MAKE_SAFE:
            self._tally.heard()
        if event.kind == EventKind.EMERGENCY_STOP:
            self._holding.let_go(self.channels)
        elif event.kind == EventKind.DEAD_MAN and (one := self._by_number.get(event.channel)):
            self._holding.let_go([one.name])

    # --- what the keeper does -----------------------------------------------------------------

    def keep(self) -> None:
        """Do what is due: repeat commands whose outputs would go safe, ask the clock.

        Raises:
            DeviceFault: the board has gone, or begun anew.
        """
        if self._link.lost:
            raise BoardFault(f"{self._subject} has begun anew.", subject=self._subject)
        now = time.monotonic()
        due = {
            name: raw
            for name, (raw, commanded) in self.held().items()
            if now - commanded > self.channels[name].max_age / REFRESH
        }
        if due:
            self._make_up_for_lost_events()
        for name, raw in due.items():
            self._refresh(name, raw)
        if self.has(LinkFeature.CLOCK) and now >= self._next_clock:
            self._exchange_clocks()
            self._next_clock = now + CLOCK_EVERY

    def held(self) -> dict[str, tuple[int, float]]:
        """Return the outputs that are kept off their safe values."""
        return self._holding.outputs()

    def _make_up_for_lost_events(self) -> None:
        """Have all safe where the board made something safe and its word of it did not arrive.

        What it said before it told its counts has been heard by now, or never will be.
        """
        if self._tally.lost(self._counted()):
            log.warning("%s made outputs safe, and its word of it was lost", self._subject)
            self.stop()

    def _counted(self) -> int:
        """Ask how often the board has made outputs safe by itself."""
        status = self._link.status()
        return status.emergency_stops + status.dead_man

    def _refresh(self, name: str, raw: int) -> None:
        with self._link.turn():
            sent = time.monotonic()
            if not self._holding.keeps(name, raw):
                return  # another value has been set while this waited, or it was made safe
            ack = self._link.command(self.channels[name].number, raw)
            if ack.result != AckResult.DONE:
                log.warning("%s: %s is not held any more: %s", self._subject, name, ack.result)
                self._holding.forget(name)
                return
            kept = self._holding.keep(name, raw, sent)
        if not kept:
            self.stop()

    def _exchange_clocks(self) -> None:
        clock, asked, answered = self._link.clock()
        with self._lock:
            self.clock.exchanged(asked, answered, clock.received, clock.sent)

    def _begin_stream(self, name: str, rate: float) -> None:
        if name not in self.channels or not self.channels[name].readable:
            raise BoardFault(
                f"{self._subject} has no channel {name} to be streamed.",
                subject=self._subject,
                field="streams",
                value=name,
                choices=[one.name for one in self.channels.values() if one.readable],
            )
        period = round(1e6 / rate)
        ack = self._link.stream(self.channels[name].number, period, PATIENCE)
        if ack.result != AckResult.DONE:
            raise BoardFault(
                f"{self._subject} does not stream {name} at {rate:g} Hz: "
                f"{named(AckResult, ack.result)}.",
                subject=self._subject,
                field="streams",
                value=rate,
                unit="Hz",
            )
        ticks_a_ms = self.hello.counter_hz // 1000
        # as the board reckons it
        self._periods[name] = period // 1000 * ticks_a_ms + period % 1000 * ticks_a_ms // 1000

    def clock_state(self) -> ClockState | None:
        """Return how well the board's clock is known; None: it has told none yet."""
        with self._lock:
            return self.clock.state() if self.clock.known else None

    # --- what others ask ------------------------------------------------------------------------

    def read(self, names: list[str]) -> dict[str, Sample]:
        """Ask for values as they are now.

        Raises:
            BoardFault, BusLost: some could not be read.
        """
        answers = self._link.values([self.channels[name].number for name in names])
        found = {}
        for name, answer in zip(names, answers, strict=True):
            if answer.result != AckResult.DONE:
                raise BoardFault(
                    f"{name} of {self._subject} could not be read: "
                    f"{named(AckResult, answer.result)}.",
                    subject=self._subject,
                    field=name,
                )
            value = self.channels[name].value(answer.value)
            found[name] = Sample(value, *self._when(answer.time, 0))
        return found

    def write(self, name: str, raw: int, asked: float) -> Ack:
        """Set an output, and keep it there from now on.

        ``asked``: since when that is allowed [s, monotonic]; what was made safe later stays so.

        Raises:
            MotionStopped: it was made safe meanwhile; so is all of the board then.
        """
        with self._link.turn():
            ack = self._link.command(self.channels[name].number, raw)
            kept = self._kept(name, raw, asked, ack)
        if not kept:
            self.stop()
            raise self._stopped(name)
        return ack

    async def write_on_loop(self, name: str, raw: int, asked: float) -> Ack:
        """As :meth:`write`, for an event loop."""
        async with self._link.turn_on_loop():
            ack = await self._link.command_on_loop(self.channels[name].number, raw)
            kept = self._kept(name, raw, asked, ack)
        if not kept:
            with self._letting_go():
                await self._link.stop_on_loop()
            raise self._stopped(name)
        return ack

    def _kept(self, name: str, raw: int, asked: float, ack: Ack) -> bool:
        """Keep an output, still in its turn; tell whether nothing has made it safe meanwhile."""
        return ack.result != AckResult.DONE or self._holding.keep(name, raw, asked)

    def _stopped(self, name: str) -> MotionStopped:
        return MotionStopped(f"{self._subject} was made safe before {name} was set.", field=name)

    def stop(self) -> None:
        """Keep nothing any more, and have every output go to its safe value."""
        with self._letting_go():
            self._link.stop()

    @contextlib.contextmanager
    def _letting_go(self) -> Iterator[None]:
        """Keep nothing any more, nor what is commanded while the block has the board stopped."""
        self._holding.let_go(self.channels)
        try:
            yield
        finally:
            self._holding.let_go(self.channels)  # it may have come before the stop

    def _when(self, ticks: int, late: int) -> tuple[int, int]:
        """Return the time [ns] of so many ticks and its error; ``late``: ticks after them."""
        with self._lock:
            if not self.clock.known:
                return time.monotonic_ns(), int(CLOCK_EVERY * 1e9)
            late_ns = late * 1_000_000_000 // self.hello.counter_hz
            return self.clock.host_ns(ticks), self.clock.error_ns(ticks) + late_ns
