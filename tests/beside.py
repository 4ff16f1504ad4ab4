"""Runs a command in real time, and meanwhile another one with what it leaves of the machine.

``python tests/beside.py REST COMMAND AGAIN``: ``REST`` runs in the kernel's idle class, which gives
way to everything; what it said comes once both have ended. Where tests failed in it, they may have
starved: ``AGAIN`` runs, with the machine to itself. Exits with 0 where both halves ended well.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LEAST = 19  # nice, of a session as a whole
END = 10.0  # s
TESTS_FAILED = 1  # pytest's exit status; another one tells of what no second try mends


def main(rest: str, command: str, again: str) -> int:
    """Run them; return the exit status of the first that failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryFile() as said:
        beside = _start(rest, stdout=said, stderr=said, preexec_fn=_yield)
        first = _start(command)
        try:
            status = first.wait()
            print(f"--- beside it: {rest}", flush=True)
            beside.wait()
        finally:
            _end(first)
            _end(beside)
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout.buffer)
    sys.stdout.flush()
    left = beside.returncode
    if left == TESTS_FAILED:
        print(f"--- once more, alone: {again}", flush=True)
        left = subprocess.run(again, shell=True, check=False).returncode
    return status or left


def _start(command: str, **more: Any) -> subprocess.Popen[bytes]:
    """Begin a command that ends, with all that it starts, by one signal to its group."""
    return subprocess.Popen(command, shell=True, start_new_session=True, **more)


def _yield() -> None:
    """Have this process, and all that it starts, run where nobody else wants to."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with contextlib.suppress(OSError):  # where the kernel shares out by session (autogroup)
        Path("/proc/self/autogroup").write_text(str(LEAST))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it has started, where it has not ended by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(END)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
