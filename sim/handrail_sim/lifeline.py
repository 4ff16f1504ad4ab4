"""No orphans: a process is told of its parent's death, and a parent ends what it has started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from typing import Any

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


def end(process: subprocess.Popen[Any], timeout: float) -> None:
    """End a process of ours, by force where that takes longer than a timeout [s].

    Its pipes are closed; may be called again.
    """
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
