"""The line of the bench: an emulator at its end, and one way to misbehave at a time."""

from __future__ import annotations

import random
import threading
from enum import StrEnum

from handrail_drivers.emulator import Emulator
from handrail_drivers.errors import BusLost

HASTY = 0.0002  # s: a read that waits less does not wait
BAUD = 115_200  # bit/s that emulators are told
SEED = 4
HOLDS = 2  # times the patience that a call is held


class Fault(StrEnum):
    """What the line does with answers."""

    NONE = "none"
    SILENT = "silent"
    HELD = "held"  # none, and who waits first waits until the port is closed
    LATE = "late"  # they come when they are let go
    NOISE = "noise"  # other bytes, as many
    NOISY_MIDDLE = "noisy middle"  # other bytes between the first and the last
    TRUNCATED = "truncated"  # half of them
    CUT = "cut"  # half of them, then the port is gone


class BenchEnded(BaseException):
    """Ends the threads of a driver that goes on for ever, once its check is over."""


class BenchLine:
    """A line whose far end is an emulator. Its streams wait in real time, and count what they wait.

    Args:
        emulator: what answers.
        patience: s, most that one call may wait in all.
    """

    def __init__(self, emulator: Emulator, patience: float) -> None:
        self._emulator = emulator
        self._patience = patience
        self._changed = threading.Condition()  # guards everything below
        self._arrived = bytearray()
        self._late = bytearray()
        self._late_is_near = False
        self._random = random.Random(SEED)
        self.fault = Fault.NONE
        self.plugged = True
        self.ended = False
        self.cut = False
        self._holds = False  # somebody was held
        self.answers = 0  # that the emulator gave
        self.waiting = threading.Event()  # somebody waits for bytes
        self.begin()

    def begin(self) -> None:
        """Count anew: a call begins."""
        self.waited = 0.0  # s
        self.overdrawn = False  # it wanted to wait longer than its patience
        self.hasty = 0  # reads in vain that did not wait
        self.waiters: set[int] = set()  # threads that waited

    def unplug(self) -> None:
        """Take the port away."""
        with self._changed:
            self.plugged = False
            self._arrived.clear()
            self._changed.notify_all()

    def plug(self) -> None:
        """Bring the port back, in good order."""
        with self._changed:
            self.plugged, self.cut, self.fault = True, False, Fault.NONE
            self._late.clear()

    def let_go(self) -> None:
        """Have late answers arrive."""
        with self._changed:
            self._arrived += self._late
            self._late.clear()
            self._late_is_near = False
            self._changed.notify_all()

    def let_go_soon(self) -> None:
        """Have late answers arrive once somebody waits, or just before the next answer."""
        with self._changed:
            self._late_is_near = True

    def end(self) -> None:
        """End whoever still uses the line."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def open(self) -> BenchStream:
        """Open a stream.

        Raises:
            BusLost: the port is gone.
        """
        self.require()
        return BenchStream(self)

    def require(self) -> None:
        """Raise BusLost where the port is gone."""
        if self.ended:
            raise BenchEnded
        if not self.plugged:
            raise BusLost("The port is gone: it was unplugged.", subject="port")

    def take(self, data: bytes) -> None:
        """Hand bytes to the emulator; queue its answers as the fault has it."""
        with self._changed:
            self.require()
            self._let_near_come()
            for _, answer, _ in self._emulator.exchanges(data, BAUD):
                if answer:
                    self.answers += 1
                    self._send(answer)
            self._changed.notify_all()

    def give(self, size: int, timeout_s: float, stream: BenchStream) -> bytes:
        """Return bytes that arrived, waiting for them."""
        with self._changed:
            if len(self._arrived) < size and not self.cut:
                self._wait(size, timeout_s, stream)
            self.require()
            if stream.closed:
                raise BusLost("The port is closed.", subject="port")
            data = bytes(self._arrived[:size])
            del self._arrived[:size]
            if self.cut and not data:
                self.plugged = False
                self.require()
            return data

    def drop(self) -> None:
        """Drop what arrived."""
        with self._changed:
            self.require()
            self._arrived.clear()

    def release(self, stream: BenchStream) -> None:
        """Close a stream and wake who waits on it."""
        with self._changed:
            stream.closed = True
            self._changed.notify_all()

    def _wait(self, size: int, timeout_s: float, stream: BenchStream) -> None:
        self.waiters.add(threading.get_ident())
        self.hasty += timeout_s < HASTY
        if not timeout_s + self.waited <= self._patience:  # NaN is longer, too
            self.overdrawn = True
            raise BusLost("The port is gone: the bench has lost its patience.", subject="port")
        self.waited += timeout_s
        if timeout_s >= HASTY or self.hasty > 1:  # who looks again and again waits, too
            self._let_near_come()
        self.waiting.set()
        if self.fault is Fault.HELD and not self._holds:
            self._holds, timeout_s = True, HOLDS * self._patience
        self._changed.wait_for(lambda: self._has(size) or stream.closed, timeout_s)

    def _let_near_come(self) -> None:
        if self._late_is_near:
            self.let_go()

    def _has(self, size: int) -> bool:
        return len(self._arrived) >= size or not self.plugged or self.ended or self.cut

    def _send(self, answer: bytes) -> None:
        half = len(answer) // 2
        match self.fault:
            case Fault.NONE:
                self._arrived += answer
            case Fault.LATE:
                self._late += answer
            case Fault.NOISE:
                self._arrived += self._noise(len(answer))
            case Fault.NOISY_MIDDLE:
                self._arrived += answer[:1] + self._noise(len(answer) - 2) + answer[-1:]
            case Fault.TRUNCATED:
                self._arrived += answer[:half]
            case Fault.CUT:
                self._arrived += answer[:half]
                self.cut = True

    def _noise(self, size: int) -> bytes:
        return bytes(self._random.randrange(0x80, 0x100) for _ in range(size))


class BenchStream:
    """A :class:`~handrail_drivers.transport.Transport` on the bench's line."""

    def __init__(self, line: BenchLine) -> None:
        self._line = line
        self.closed = False

    def write(self, data: bytes) -> None:
        """Hand data to the emulator."""
        self._require()
        self._line.take(bytes(data))

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return what was answered, waiting for it."""
        self._require()
        return self._line.give(size, timeout_s, self)

    def discard_input(self) -> None:
        """Drop what was answered and not read."""
        self._require()
        self._line.drop()

    def close(self) -> None:
        """Close it; who waits on it is woken."""
        self._line.release(self)

    def _require(self) -> None:
        self._line.require()
        if self.closed:
            raise BusLost("The port is closed.", subject="port")
