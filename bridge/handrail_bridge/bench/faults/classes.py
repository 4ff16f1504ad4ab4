"""The classes of faults: how each is caused, how it ends, and by when the arm must stand."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from handrail_sim.cell import Cell

from handrail_bridge.bench.faults.rig import Rig
from handrail_bridge.loop.state import Mode

JOINT = "shoulder_pan"  # the one that moves
SETTLE = 0.5  # s: what an arm swings after its last setpoint, as its plain stop shows
HANG = 0.3  # s, of the loop: more than it may overlook
HICCUP = 0.03  # s, of the loop: a few ticks
SUSPENDED = 2.0  # s
ENDLESS = 1_000_000  # frames


def _nothing(rig: Rig) -> None:
    """There is nothing to bring back."""


@dataclass(frozen=True)
class Fault:
    """One class. ``strike`` causes it in mid-motion and returns when [s, monotonic]."""

    name: str
    injected: str
    noticed: str  # by whom, and how
    strike: Callable[[Rig], float]
    notice: float  # s, longest until the loop knows
    mend: Callable[[Rig], None] = _nothing
    mode: Mode = Mode.FAULT  # after the mend: latched, where somebody is left to latch it
    is_borne: bool = False  # the motion goes on to its end
    speed: float = 1.0  # of the motion, as the plan's
    travel: tuple[float, float] = (0.6, 1.2)  # rad from the start, where it strikes

    def deadline(self, cell: Cell) -> float:
        """Return by when [s] after the fault the arm must stand."""
        return self.notice + cell.loop.stop_time + SETTLE


def plain_stop(cell: Cell) -> Fault:
    """Return the reference: an operator's own stop during the same motion."""
    return Fault(
        "plain stop",
        "a client calls stop()",
        "the loop: the stop flag",
        strike=_stop,
        notice=1 / cell.loop.rate,
        mode=Mode.STOPPED,
    )


def faults(cell: Cell) -> tuple[Fault, ...]:
    """Return every class of fault for a cell, with times from its settings."""
    period = 1 / cell.loop.rate
    late = max(cell.loop.silence, cell.loop.late_reads * period)
    return (
        Fault(
            "bus pulled",
            "the terminal is closed",
            "the loop, at its next read or write",
            strike=lambda rig: rig.truth.pull(rig.bus) * 1e-9,
            notice=3 * period,
            mend=_plug,
        ),
        Fault(
            "servo silent",
            "the moving servo answers nothing",
            "the loop: reads in a row failed",
            strike=_inject("silent"),
            notice=late,
            mend=lambda rig: rig.truth.inject("speaking", JOINT),
        ),
        Fault(
            "frames corrupted",
            "every answer is garbled",
            "the loop: reads in a row failed",
            strike=_inject("garble", ENDLESS),
            notice=late,
            mend=lambda rig: rig.truth.inject("garble", count=0),
        ),
        Fault(
            "servo browned out",
            "the moving servo loses torque and RAM registers",
            "the loop: the tube is left, or the health read",
            strike=_inject("brownout"),
            notice=1.5,
        ),
        Fault(
            "bridge killed",
            "SIGKILL",
            "the loop: its mailbox is closed",
            strike=_kill_bridge,
            notice=period,
            mend=_restart,
            mode=Mode.DISARMED,
        ),
        Fault(
            "bridge stopped",
            "SIGSTOP, later SIGCONT",
            "the loop: no sign of life from the bridge",
            strike=lambda rig: _signal(rig.process.pid, signal.SIGSTOP),
            notice=cell.loop.heartbeat,
            mend=lambda rig: rig.process.send_signal(signal.SIGCONT),
        ),
        Fault(
            "loop killed",
            "SIGKILL",
            "the bridge; the servos hold their last setpoint",
            strike=lambda rig: _signal(rig.loop.pid, signal.SIGKILL),
            notice=0.0,
            mend=_restart,
            mode=Mode.DISARMED,
        ),
        Fault(
            "loop hangs",
            f"SIGSTOP for {HANG:g} s",
            "the loop itself, as it wakes",
            strike=lambda rig: _suspend([rig.loop.pid], HANG),
            notice=HANG,
        ),
        Fault(
            "loop overrun",
            f"SIGSTOP for {HICCUP:g} s",
            "the loop counts the missed ticks and goes on",
            strike=lambda rig: _suspend([rig.loop.pid], HICCUP),
            notice=0.0,
            mode=Mode.ARMED,
            is_borne=True,
        ),
        Fault(
            "client killed",
            "SIGKILL",
            "the bridge: the stream of its lease breaks",
            strike=lambda rig: _signal(rig.mover.pid, signal.SIGKILL),
            notice=period,
            mode=Mode.ARMED,
        ),
        Fault(
            "client hangs",
            "SIGSTOP",
            "the bridge: its lease lapses",
            strike=lambda rig: _signal(rig.mover.pid, signal.SIGSTOP),
            notice=cell.permits.lease_heartbeat,
            mend=lambda rig: rig.mover.send_signal(signal.SIGCONT),
            mode=Mode.ARMED,
            speed=0.25,
            travel=(0.2, 0.4),
        ),
        Fault(
            "host suspended",
            f"every process stopped for {SUSPENDED:g} s, counted from waking",
            "the loop: its last tick is long ago",
            strike=_suspend_host,
            notice=period,
        ),
    )


def _stop(rig: Rig) -> float:
    at = time.monotonic()
    rig.operate("stop")
    return at


def _inject(fault: str, count: int = 1) -> Callable[[Rig], float]:
    def strike(rig: Rig) -> float:
        at = time.monotonic()
        rig.truth.inject(fault, JOINT, count)
        return at

    return strike


def _signal(pid: int, number: signal.Signals) -> float:
    at = time.monotonic()
    psutil.Process(pid).send_signal(number)
    return at


def _suspend(pids: list[int], seconds: float) -> float:
    """Stop processes for a while; return when it began."""
    began = time.monotonic()
    for pid in pids:
        psutil.Process(pid).suspend()
    time.sleep(seconds)
    for pid in pids:
        psutil.Process(pid).resume()
    return began


def _suspend_host(rig: Rig) -> float:
    """Stop the cell with its world and its client; return when all wake."""
    roots = [psutil.Process(pid) for pid in (rig.process.pid, rig.twin.pid, rig.mover.pid)]
    pids = [child.pid for root in roots for child in (root, *root.children(recursive=True))]
    return _suspend(pids, SUSPENDED) + SUSPENDED


def _kill_bridge(rig: Rig) -> float:
    at = time.monotonic()
    rig.down(signal.SIGKILL)
    return at


def _plug(rig: Rig) -> None:
    rig.truth.plug(rig.bus)


def _restart(rig: Rig) -> None:
    """Start a bridge anew, whatever is left of the one before."""
    if rig.bridge is not None:
        rig.down()
    rig.up()
