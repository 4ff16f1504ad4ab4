"""A periodic loop as one writes it by hand in Python: the yardstick of ``bench loop``.

``python -m ... RATE SECONDS [PORT]``: sleeps to absolute times under SCHED_FIFO with its memory
locked, skips what it missed, and does nothing else, or one bus cycle by pyserial where there is a
port. Prints its CPU time [s] a second, then writes rows of (due, began, written) [ns] as hex.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import time
from array import array
from collections.abc import Callable

from handrail_bridge.bench.reference.pyserial_loop import PyserialLoop

PRIORITY = 60  # as Handrail's
MCL_CURRENT, MCL_FUTURE = 1, 2
MIDDLE = 2048  # counts: where servos are told to be
SERVOS = [1, 2, 3, 4, 5, 6]


def main() -> None:
    """Loop, then tell."""
    rate, seconds = int(sys.argv[1]), float(sys.argv[2])
    cycle: Callable[[], object] = lambda: None  # noqa: E731  nothing to do on a null bus
    if len(sys.argv) > 3:
        bus = PyserialLoop(sys.argv[3], SERVOS)
        goals = [position for position, _, _ in bus.cycle([MIDDLE] * len(SERVOS))]
        cycle = lambda: bus.cycle(goals)  # noqa: E731
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE)
    gc.disable()
    times, cpu = _loop(1_000_000_000 // rate, int(seconds * rate), cycle)
    print(cpu)  # noqa: T201  the answer to the parent
    print(times.tobytes().hex())  # noqa: T201


def _loop(period: int, ticks: int, cycle: Callable[[], object]) -> tuple[array[int], float]:
    """Return rows of (due, began, written) [ns], and the CPU time in cores."""
    times = array("q", bytes(24 * ticks))
    start, used = time.monotonic_ns(), time.process_time()
    due, n = start + period, 0
    while n < ticks and due < start + ticks * period:
        left = due - time.monotonic_ns()
        if left > 0:
            time.sleep(left * 1e-9)
        began = time.monotonic_ns()
        with contextlib.suppress(TimeoutError, ValueError):
            cycle()
        times[3 * n], times[3 * n + 1], times[3 * n + 2] = due, began, time.monotonic_ns()
        n += 1
        due += period
        late = time.monotonic_ns() - due
        if late > 0:
            due += (late // period + 1) * period
    cpu = (time.process_time() - used) / ((time.monotonic_ns() - start) * 1e-9)
    return times[: 3 * n], cpu


if __name__ == "__main__":
    main()
