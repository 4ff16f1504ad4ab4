"""What else the machine does meanwhile: nothing, or a whole cell with clients at it."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
from collections.abc import Iterator

from handrail_drivers.errors import ProcessLost

from handrail_bridge.bench.loop.load import INFERENCE
from handrail_bridge.bench.loop.load import NAMES as LOADS
from handrail_bridge.rig import END, Rig

IDLE = "idle"
NAMES = (IDLE, *LOADS)
CELL, WATCHED = "desk", "desk_watched"
BEGIN = 60.0  # s


@contextlib.contextmanager
def loaded(name: str) -> Iterator[None]:
    """Have a machine that is loaded so while the block runs.

    Raises:
        HandrailError: the load did not begin, or has ended.
    """
    if name == IDLE:
        yield
        return
    with Rig.running(WATCHED if name == INFERENCE else CELL) as rig:
        command = [sys.executable, "-m", "handrail_bridge.bench.loop.load", name]
        load = subprocess.Popen([*command, rig.ready["address"]], stdout=subprocess.PIPE, text=True)
        try:
            _await_begun(load)
            yield
            if load.poll() is not None:
                raise ProcessLost(f"The load {name} ended early, with status {load.returncode}.")
        finally:
            load.kill()
            load.communicate(timeout=END)


def _await_begun(load: subprocess.Popen[str]) -> None:
    if load.stdout is None or not select.select([load.stdout], [], [], BEGIN)[0]:
        raise ProcessLost("The load did not begin.")
    if not load.stdout.readline():
        raise ProcessLost("The load ended at its start.")
