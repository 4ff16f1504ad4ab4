"""No orphans: a process that asks the kernel to be told of its parent's death."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send a signal to this process when the thread that started it ends.

    Args:
        parent: process id of the parent, which may have died before this call.
        number: the signal; SIGTERM where there is something to clean up.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        raise SystemExit("The parent died before this process started.")
