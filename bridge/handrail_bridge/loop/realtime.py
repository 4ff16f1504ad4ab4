"""What realtime processes ask of the machine, and a log that never holds them up.

There is a line in the log for each thing that the machine refuses.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import select
from typing import TextIO

FIFO_PRIORITY = 60
PR_SET_TIMERSLACK = 29
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # linux/mman.h

log = logging.getLogger(__name__)


class NeverWaiting(logging.StreamHandler[TextIO]):
    """Drops a line where nobody takes it: a full pipe must not stop the loop."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line if there is room for it now."""
        if select.select([], [self.stream], [], 0)[1]:
            super().emit(record)


def become_realtime(cpu: int | None, priority: int = FIFO_PRIORITY) -> str:
    """Ask for SCHED_FIFO, locked memory and a core; freeze the garbage collector's heap.

    ``cpu`` None leaves the core to the scheduler. Returns what the machine refused, empty where
    it granted everything.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_TIMERSLACK, 1)
    refused = [_fifo(priority), _lock(libc), _pin(cpu)]
    gc.collect()
    gc.freeze()
    gc.disable()
    return "; ".join(what for what in refused if what)


def _fifo(priority: int) -> str:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError:
        log.warning("no SCHED_FIFO here (needs CAP_SYS_NICE or an rtprio limit): ticks may be late")
        return "no SCHED_FIFO"
    return ""


def _lock(libc: ctypes.CDLL) -> str:
    """Lock what is there, brought in now, and what will come, once it is touched."""
    if libc.mlockall(MCL_CURRENT) == 0 and libc.mlockall(MCL_FUTURE | MCL_ONFAULT) == 0:
        return ""
    why = os.strerror(ctypes.get_errno())
    log.warning("memory is not locked (%s): a page fault may make a tick late", why)
    return "memory is not locked"


def _pin(cpu: int | None) -> str:
    if cpu is None:
        return ""
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        log.warning("core %d cannot be had (%s): the scheduler chooses", cpu, error.strerror)
        return f"not on core {cpu}"
    return ""
