"""A periodic loop as one writes it by hand in Python: the yardstick of ``bench loop``.

``python -m ... RATE SECONDS [PORT [FLAG]]``: sleeps to absolute times under SCHED_FIFO with its
memory locked, skips periods that it missed as a whole, and does nothing else, or one bus cycle by
pyserial where there is a port. Prints its CPU time in cores, then rows of (due, began, written)
[ns] as hex. Where there is a file FLAG, its first byte is added to every goal [counts].
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
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
    cycle = _bus_cycle(*sys.argv[3:]) if len(sys.argv) > 3 else lambda: None
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE)
    gc.disable()
    times, cpu = _loop(1_000_000_000 // rate, int(seconds * rate), cycle)
    print(cpu)  # noqa: T201  the answer to the parent
    print(times.tobytes().hex())  # noqa: T201


def _bus_cycle(port: str, flag_file: str = "") -> Callable[[], object]:
    bus = PyserialLoop(port, SERVOS)
    goals = [position for position, _, _ in bus.cycle([MIDDLE] * len(SERVOS))]
    flag = bytes(1)
    if flag_file:
        with open(flag_file, "r+b") as file:
            flag = mmap.mmap(file.fileno(), 1)  # type: ignore[assignment]  # bytes that change
    return lambda: bus.cycle([goal + flag[0] for goal in goals])


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
        due += max(0, (time.monotonic_ns() - due) // period) * period
    cpu = (time.process_time() - used) / ((time.monotonic_ns() - start) * 1e-9)
    return times[: 3 * n], cpu


if __name__ == "__main__":
    main()
