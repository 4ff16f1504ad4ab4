"""The processes of a demo: a twin, and a bridge on its wires, started and ended together."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
from handrail_drivers.errors import ProcessLost
from handrail_sim.lifeline import end
from handrail_sim.twin.launch import Twin

START = 90.0  # s
STOP = 15.0  # s
SAMPLE = 1.0  # s between two looks at the memory


@dataclass(frozen=True, slots=True)
class Stage:
    """A running cell: its twin, the agents' address, the operator's socket."""

    twin: Twin
    address: str
    operator_socket: str


@contextlib.contextmanager
def stage(cell: str, seed: int) -> Iterator[Stage]:
    """Start a twin and a bridge for the block; everything is gone afterwards.

    The bridge gets a run directory of its own, so that it does not meet a bridge that runs.

    Raises:
        ProcessLost: one of them did not start; its own words are on standard error.
    """
    folder = tempfile.mkdtemp(prefix="hr-")  # short: a Unix socket's path has 107 bytes
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        twin = stack.enter_context(Twin.start(cell, seed=seed))
        bridge = _bridge(cell, twin, folder)
        stack.callback(end, bridge, STOP)
        ready = _ready(bridge)
        yield Stage(twin, ready["address"], ready["operator_socket"])


def _bridge(cell: str, twin: Twin, folder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "handrail_bridge.cli.main", "up", cell, "--json"]
    command += ["--parent", str(os.getpid())]
    for name, path in twin.links.items():
        command += ["--wire", f"{name}={path}"]
    for name, url in twin.urls.items():
        if name != "view":
            command += ["--camera", f"{name}={url}"]
    own = {"XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env={**os.environ, **own}
    )


def _ready(bridge: subprocess.Popen[bytes]) -> dict[str, str]:
    if bridge.stdout is None:
        raise ProcessLost("The bridge has no standard output.")
    ready, _, _ = select.select([bridge.stdout], [], [], START)
    line = bridge.stdout.readline() if ready else b""
    if not line:
        raise ProcessLost(f"The bridge did not start within {START:.0f} s, or ended.")
    told: dict[str, str] = json.loads(line)
    if "error" in told:
        raise ProcessLost(f"The bridge did not start: {told['error']}")
    return told


class Memory:
    """Samples the memory of this process and all below it. Use as a context manager."""

    def __init__(self) -> None:
        self.peak = 0  # bytes, proportional set size
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(SAMPLE):
            self.peak = max(self.peak, _family_pss())


def _family_pss() -> int:
    me = psutil.Process()
    total = 0
    for process in (me, *me.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total
