"""The classes of faults: what is done, who notices it, by when the arm must stand."""

from __future__ import annotations

from dataclasses import dataclass
from signal import SIGKILL, SIGSTOP

from handrail_sim.cell import Cell

from handrail_bridge.bench.faults import strikes
from handrail_bridge.bench.faults.strikes import Mend, Strike
from handrail_bridge.bench.faults.watched_cell import PICTURE
from handrail_bridge.loop.state import Mode
from handrail_bridge.rig import Rig

SETTLE = 0.5  # s: what the arm swings after its last setpoint, as its plain stop shows
HEALTH = 1.5  # s: six servos are asked for their health in turn, one every 0.25 s
SWING = 0.25  # rad: what a joint swings on and back after its last setpoint
BY_ITSELF = 0.02  # rad: more than an arm that holds shifts; less than any motion
SHORT = 0.2  # rad: an arm that was stopped ends at least so far from where it was to go
SLOW = 0.25  # of full speed, where a fault takes long to be noticed
SLOWEST = 0.5  # rad/s at which a plan's setpoint runs away from a joint that stands
HANG = 0.3  # s of the loop: more than it may overlook
HICCUP = 0.03  # s of the loop: a few ticks
STARVED = 20
SUSPENDED = 2.0  # s
TUBE = ("tube", "effort")  # of positions, and of efforts


@dataclass(frozen=True)
class Fault:
    """One class. ``strike`` causes it in mid-motion, ``mend`` ends it."""

    name: str
    injected: str
    noticed: str  # by whom, and how
    notice: float  # s, longest until that
    strike: Strike
    mend: Mend = strikes.nothing
    mode: Mode = Mode.FAULT  # after the mend: latched, where somebody is left to latch it
    reflexes: tuple[str, ...] = ()  # by which rule of the loop, or one of which, it is noticed
    shift: float = BY_ITSELF  # rad that the arm may move by itself once the fault is over
    overruns: int = 0  # at least so many are counted
    is_borne: bool = False  # the motion goes on to its end
    is_slow: bool = False  # it takes so long that the motion must be slow

    def deadline(self, cell: Cell) -> float:
        """Return by when [s] after the fault the arm must stand."""
        return self.notice + cell.loop.stop_time + SETTLE

    def travel(self, cell: Cell) -> float:
        """Return how far [rad] the arm may go after the fault: at its speed until it stands."""
        speed = cell.arm.limits[strikes.MOVING].velocity * (SLOW if self.is_slow else 1.0)
        return speed * (self.notice + cell.loop.stop_time) + SWING


def plain_stop(cell: Cell, is_slow: bool) -> Fault:
    """Return the reference: somebody's own stop during the same motion."""
    return Fault(
        "plain stop, slow" if is_slow else "plain stop",
        "stop()",
        "the loop reads the stop flag",
        1 / cell.loop.rate,
        strikes.stop,
        mode=Mode.STOPPED,
        is_slow=is_slow,
    )


def faults(cell: Cell) -> tuple[Fault, ...]:
    """Return every class for a cell, with times from its settings."""
    return (
        *_of_the_bus(cell),
        *_of_the_arm(cell),
        *_of_the_bridge(cell),
        *_of_who_looks_and_asks(cell),
        *_of_the_loop(cell),
    )


def _of_the_bus(cell: Cell) -> tuple[Fault, ...]:
    period = 1 / cell.loop.rate
    late = max(cell.loop.silence, cell.loop.late_reads * period)
    failed = "reads in a row failed"
    return (
        Fault(
            "bus pulled",
            "the terminal is closed",
            "the next read or write fails",
            3 * period,
            strikes.pull,
            strikes.plug,
        ),
        Fault(
            "servo silent",
            "the moving servo neither hears nor answers",
            failed,
            late,
            strikes.inject("silent"),
            strikes.cease("speaking"),
            reflexes=("late_reads",),
        ),
        Fault(
            "frames corrupted",
            "every answer is garbled",
            failed,
            late,
            strikes.inject("garble", count=strikes.ENDLESS),
            strikes.cease("garble"),
            reflexes=("late_reads",),
        ),
    )


def _of_the_arm(cell: Cell) -> tuple[Fault, ...]:
    tube = cell.loop.tube / SLOWEST
    return (
        Fault(
            "moving servo browned out",
            "its torque and RAM registers are gone",
            "the tube is left",
            tube,
            strikes.inject("brownout"),
            reflexes=TUBE,
        ),
        Fault(
            "tube left",
            "the moving servo has a tenth of its strength",
            "the tube is left",
            tube,
            strikes.inject("weak"),
            strikes.cease("strong"),
            reflexes=TUBE,
            shift=0.1,  # what is strong again lifts what it let hang
        ),
        Fault(
            "idle servo browned out",
            "the same, of a joint that stands",
            "the servo's next health read",
            HEALTH,
            strikes.inject("brownout", strikes.IDLE),
            reflexes=("torque_gone",),
            is_slow=True,
        ),
        Fault(
            "joint jammed",
            "the moving joint is held by force",
            "the tube is left",
            tube,
            strikes.inject("jammed"),
            strikes.cease("free"),
            reflexes=TUBE,
        ),
    )


def _of_the_bridge(cell: Cell) -> tuple[Fault, ...]:
    period = 1 / cell.loop.rate
    return (
        Fault(
            "bridge killed",
            "SIGKILL",
            "the loop's pipe is closed",
            period,
            strikes.kill_bridge,
            strikes.restart,
            mode=Mode.DISARMED,
        ),
        Fault(
            "bridge stopped",
            "SIGSTOP, later SIGCONT",
            "the loop has no heartbeat",
            cell.loop.heartbeat,
            strikes.send(SIGSTOP, _bridge),
            strikes.resume(_bridge),
            reflexes=("heartbeat",),
        ),
        Fault(
            "second bridge",
            "another one starts on the same port",
            "it cannot lock the port, and says so",
            0.0,
            strikes.start_second_bridge,
            mode=Mode.ARMED,
            is_borne=True,
            is_slow=True,
        ),
    )


def _of_who_looks_and_asks(cell: Cell) -> tuple[Fault, ...]:
    period = 1 / cell.loop.rate
    return (
        Fault(
            "perception stalled",
            "SIGSTOP to the camera's process",
            "a reflex of the cell: its picture is too old",
            PICTURE,
            strikes.send(SIGSTOP, _camera),
            strikes.resume(_camera),
            reflexes=("eyes",),
            is_slow=True,
        ),
        Fault(
            "client killed",
            "SIGKILL",
            "the stream of its lease ends",
            period,
            strikes.send(SIGKILL, _client),
            mode=Mode.ARMED,
        ),
        Fault(
            "client stopped",
            "SIGSTOP, later SIGCONT",
            "its lease lapses",
            cell.permits.lease_heartbeat,
            strikes.send(SIGSTOP, _client),
            strikes.resume(_client),
            mode=Mode.ARMED,
            is_slow=True,
        ),
    )


def _of_the_loop(cell: Cell) -> tuple[Fault, ...]:
    period = 1 / cell.loop.rate
    woke = "its last tick is too long ago"
    missed = int(HICCUP / period) - 1
    return (
        Fault(
            "loop killed",
            "SIGKILL",
            "the bridge sees it dead; no setpoint comes any more",
            0.0,
            strikes.send(SIGKILL, lambda rig: rig.loop.pid),
        ),
        Fault(
            "loop stopped",
            f"SIGSTOP for {HANG:g} s",
            woke,
            HANG,
            strikes.hang_loop(HANG),
            reflexes=("loop_stall",),
        ),
        Fault(
            "loop overrun",
            f"SIGSTOP for {HICCUP:g} s",
            "missed ticks are skipped and counted",
            0.0,
            strikes.hang_loop(HICCUP),
            mode=Mode.ARMED,
            overruns=missed,
            is_borne=True,
        ),
        Fault(
            "loop starved",
            f"the same, {STARVED} times with hardly a tick between",
            "missed ticks are skipped and counted",
            0.0,
            strikes.hang_loop(HICCUP, STARVED),
            mode=Mode.ARMED,
            overruns=STARVED * missed,
            is_borne=True,
        ),
        Fault(
            "host suspended",
            f"all processes stopped for {SUSPENDED:g} s, from waking",
            woke,
            period,
            strikes.suspend_host(SUSPENDED),
            reflexes=("loop_stall",),
        ),
    )


def _camera(rig: Rig) -> int:
    return rig.camera.pid


def _bridge(rig: Rig) -> int:
    return rig.process.pid


def _client(rig: Rig) -> int:
    return rig.mover.pid
