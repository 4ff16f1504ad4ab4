"""The page that a bridge shares with all loops of its cell: stop flag, heartbeat, tokens, signals.

An inherited memfd. Words are aligned and have one writer each, so that nobody can make anybody
wait. Signals carry a CRC: a torn one is not seen, and grows old like one that did not come.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
import zlib

from handrail_drivers.reflex import Signal

from handrail_bridge.loop.bell import BELL_BYTES, Bell

PAGE = 4096
WORDS = 128
REASON_AT, REASON_BYTES = 8 * WORDS, 240
BELL_AT = 1280  # the bells of 16 buses end before the signals
SIGNAL_AT, SIGNAL = 2048, struct.Struct("<qdI")
SIGNAL_BYTES = 32  # apart, so that none straddles a cache line
SIGNALS = 64  # at most
BUSES = 16  # at most

HANG_NS = 1_000_000_000  # without a pulse, after which the bridge hangs and its heart stands still

STOPS, ABORT, HEARTBEAT, BEGIN = range(4)  # words that the bridge writes
# The bridge's, + a bus's number.
TOKEN = 16  # its lease's fencing token, 0 where nobody holds one
LEASE_UNTIL = 32  # when that lease lapses, ns
# A loop's own, + its bus's number.
FAULTED = 48  # the motion that it gave up
SCALE = 64  # by how many thousandths its reflexes slow the motion
PROGRESS = 80  # the motion that it plays, << ROW_BITS, and the row
HALTED = 96  # 1 where it is stopped, or stopping, until a reset
ROW_BITS = 32
ALL_ROWS = (1 << ROW_BITS) - 1  # the motion has been played to its end


class Control:
    """Words that are read on every tick, the last stop's reason, and signals."""

    def __init__(self, fileno: int) -> None:
        """Map an existing memfd, which becomes this object's to close."""
        self.fileno = fileno
        self._map = mmap.mmap(fileno, PAGE)
        self._bytes = memoryview(self._map)
        self._words = self._bytes[: 8 * WORDS].cast("Q")
        self._bells = [Bell(self._bytes, BELL_AT + BELL_BYTES * bus) for bus in range(BUSES)]

    @classmethod
    def create(cls) -> Control:
        """Make a new page: no stop raised, no lease held, no signal come."""
        fileno = os.memfd_create("handrail-control")
        os.ftruncate(fileno, PAGE)
        control = cls(fileno)
        for bell in control._bells:
            bell.hang()
        return control

    def close(self) -> None:
        """Unmap and close; may be called again."""
        if not self._map.closed:
            self._bells.clear()
            self._words.release()
            self._bytes.release()
            self._map.close()
            os.close(self.fileno)

    def bell(self, bus: int) -> Bell:
        """Return what wakes the loop of a bus where a stop is raised."""
        return self._bells[bus]

    def word(self, index: int) -> int:
        """Return a word."""
        return self._words[index]

    def set_word(self, index: int, value: int) -> None:
        """Write a word; one aligned store."""
        self._words[index] = value

    def raise_stop(self, reason: str) -> None:
        """Raise the stop flag: never waits, and passes no queue."""
        text = reason.encode()[:REASON_BYTES].ljust(REASON_BYTES, b"\0")
        self._map[REASON_AT : REASON_AT + REASON_BYTES] = text
        self._words[STOPS] += 1
        for bell in self._bells:
            bell.ring()

    def abort(self, motion_id: int) -> None:
        """End motions up to this one at a held stop, not latched. Later ones are not meant."""
        self._words[ABORT] = max(motion_id, self._words[ABORT])

    def begin(self, time_ns: int) -> None:
        """Have what the loops have loaded begin at a monotonic time [ns], on all at once."""
        self._words[BEGIN] = time_ns

    def lease(self, bus: int, token: int, until_ns: int) -> None:
        """Say under which token a bus may move, and until which monotonic time [ns]."""
        self._words[LEASE_UNTIL + bus] = until_ns  # first: a new token has a life at once
        self._words[TOKEN + bus] = token

    def stop_reason(self) -> str:
        """Return what was said with the last stop; may be torn where two stop at once."""
        text = self._map[REASON_AT : REASON_AT + REASON_BYTES]
        return text.rstrip(b"\0").decode(errors="replace")

    def put_signal(self, number: int, signal: Signal) -> None:
        """Write the newest value of a signal; each has one writer."""
        at = SIGNAL_AT + SIGNAL_BYTES * number
        SIGNAL.pack_into(self._map, at, signal.time_ns, signal.value, _crc(signal))

    def signal(self, number: int) -> Signal | None:
        """Return the newest value of a signal; None where none came, or it is being written.

        One that was withdrawn has a time of 0.
        """
        time_ns, value, crc = SIGNAL.unpack_from(self._map, SIGNAL_AT + SIGNAL_BYTES * number)
        signal = Signal(value, time_ns)
        return signal if crc == _crc(signal) else None


def _crc(signal: Signal) -> int:
    return zlib.crc32(struct.pack("<qd", signal.time_ns, signal.value))


class Heart:
    """The bridge's sign of life: a thread, since a stopped process stops it too."""

    def __init__(self, control: Control, period: float) -> None:
        """Beat every ``period`` [s] until closed."""
        self._control = control
        self._period = period
        self._closed = threading.Event()
        self._pulse_ns = 0
        self._thread = threading.Thread(target=self._run, name="loop-heartbeat", daemon=True)
        self._thread.start()

    def pulse(self) -> None:
        """Say that the bridge's own loop goes round. Who has said so once has to go on."""
        self._pulse_ns = time.monotonic_ns()

    def close(self) -> None:
        """End it; may be called again."""
        self._closed.set()
        self._thread.join()

    def beat(self) -> None:
        """Write a sign of life, unless the bridge's own loop hangs."""
        now_ns = time.monotonic_ns()
        if self._pulse_ns == 0 or now_ns - self._pulse_ns < HANG_NS:
            self._control.set_word(HEARTBEAT, now_ns)

    def _run(self) -> None:
        while not self._closed.is_set():
            self.beat()
            self._closed.wait(self._period)
