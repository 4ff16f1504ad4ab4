"""How each fault is caused and ended. A strike returns its moment [s, monotonic]."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from handrail_drivers.errors import BusLost, ProcessLost

from handrail_bridge.rig import END, Rig, announcement

MOVING = "shoulder_pan"  # the joint that the trials move
IDLE = "wrist_roll"  # one that stands meanwhile and bears no load
GIVEN = 0.01  # s that a starved loop may run between two stops
ENDLESS = 1_000_000  # frames

Strike = Callable[[Rig], float]
Mend = Callable[[Rig], None]


def nothing(rig: Rig) -> None:
    """Leave the cell as it is: this fault ends by itself."""


def stop(rig: Rig) -> float:
    """No fault: somebody asks for a stop."""
    at = time.monotonic()
    rig.operate("stop")
    return at


def pull(rig: Rig) -> float:
    """Close the terminal of the arm's bus."""
    return rig.truth.pull(rig.bus) * 1e-9


def plug(rig: Rig) -> None:
    """Open it again."""
    rig.truth.plug(rig.bus)


def inject(fault: str, joint: str = MOVING, count: int = 1) -> Strike:
    """Have the twin fail."""

    def strike(rig: Rig) -> float:
        at = time.monotonic()
        rig.truth.inject(fault, joint, count)
        return at

    return strike


def cease(fault: str) -> Mend:
    """Have the twin end a fault."""
    return lambda rig: rig.truth.inject(fault, MOVING, 0)


def kill_bridge(rig: Rig) -> float:
    """SIGKILL to the bridge."""
    at = time.monotonic()
    rig.down(signal.SIGKILL)
    return at


def restart(rig: Rig) -> None:
    """Start a bridge anew, whatever is left of the one before."""
    if rig.bridge is not None:
        rig.down()
    rig.up()


def send(number: signal.Signals, whom: Callable[[Rig], int]) -> Strike:
    """Send a signal to one process of the cell."""

    def strike(rig: Rig) -> float:
        at = time.monotonic()
        psutil.Process(whom(rig)).send_signal(number)
        return at

    return strike


def resume(whom: Callable[[Rig], int]) -> Mend:
    """Let a stopped process go on."""
    return lambda rig: psutil.Process(whom(rig)).resume()


def hang_loop(seconds: float, times: int = 1) -> Strike:
    """Stop the loop for a while, several times in a row with hardly a tick between."""

    def strike(rig: Rig) -> float:
        at = time.monotonic()
        loop = rig.loop
        for _ in range(times):
            _freeze([loop], seconds)
            time.sleep(GIVEN)
        return at

    return strike


def suspend_host(seconds: float) -> Strike:
    """Stop the cell, its world and its client alike; the moment is that of waking."""

    def strike(rig: Rig) -> float:
        roots = [psutil.Process(pid) for pid in (rig.process.pid, rig.twin.pid, rig.mover.pid)]
        _freeze([part for root in roots for part in (root, *root.children(True))], seconds)
        return time.monotonic()

    return strike


def start_second_bridge(rig: Rig) -> float:
    """Start another bridge on the same port, as another user of the machine would.

    Raises:
        ProcessLost: it was not refused.
    """
    at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hr-") as folder:
        second = rig.start_bridge(Path(folder))
        try:
            announcement(second)
        except BusLost:
            return at
        finally:
            second.kill()
            second.communicate(timeout=END)
    raise ProcessLost("A second bridge runs on the same port.")


def _freeze(processes: Sequence[psutil.Process], seconds: float) -> None:
    for process in processes:
        process.suspend()
    time.sleep(seconds)
    for process in processes:
        process.resume()
