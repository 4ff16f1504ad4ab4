"""One trial of one fault: move, strike, watch the world, bring the cell back."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from handrail_drivers.errors import HandrailError, NotArmed, PlanRefused, ProcessLost
from handrail_sim.cell import Cell

from handrail_bridge.bench.faults.classes import SHORT, SLOW, Fault
from handrail_bridge.bench.faults.standstill import QD, STILL, Rows, Standstill, standstill
from handrail_bridge.bench.faults.strikes import MOVING, restart
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState
from handrail_bridge.rig import COMMAND, Rig

END = 1.2  # rad: the base swings between plus and minus that
WHERE, WHERE_SLOW = (0.4, 0.8), (0.2, 0.4)  # rad from the start, between which it strikes
WATCH = 0.5  # s of the world's time that the arm has to stay where it stands
TRIES = 3
POLL = 0.005  # s
BACK = 20.0  # s for a cell to come back


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one fault did. ``after`` is the state after its end, before any reset."""

    stop: Standstill
    by: float  # s, the deadline
    resumed: float  # rad that the arm moved by itself once the fault was over
    after: CellState
    completed: bool  # the motion ran to its end
    short: float  # rad, from where the arm stood to where it was to go
    overruns: int  # that the loop counted meanwhile; a new loop counts anew
    runs_again: bool  # a plan ran after reset and arm

    @property
    def stood(self) -> bool:
        """Whether the arm stood by the deadline."""
        return self.stop.seconds <= self.by

    def is_meant(self, fault: Fault) -> bool:
        """Tell whether it ended as its class says, by the world's word and the loop's."""
        return (
            self.after.mode == fault.mode
            and self.completed == fault.is_borne
            and (self.short < SHORT) == fault.is_borne
            and (not fault.overruns or self.overruns >= fault.overruns)
            and (not fault.reflexes or any(one in self.after.reflexes for one in fault.reflexes))
            and self.runs_again
        )


def trial(rig: Rig, cell: Cell, fault: Fault, at: random.Random, patience: float = 0.0) -> Outcome:
    """Strike an armed cell in mid-motion and return what came of it.

    Args:
        rig: the cell, running.
        cell: its file.
        fault: what to cause.
        at: draws the moment of the strike.
        patience: s to add to the deadline, for a machine that has other things to do.

    Raises:
        ProcessLost: the arm never came to the place of the strike, or the cell not back.
    """
    before = rig.operate().loop.overruns
    target = _swing(rig, fault, at)
    struck = fault.strike(rig)
    by = fault.deadline(cell) + patience
    receipt = rig.finish() if fault.is_borne else {}
    _until(lambda: _world(rig) > struck + by or _stood(rig, struck))
    stop = standstill(_history(rig, struck), struck)
    mended = time.monotonic()
    fault.mend(rig)
    back = time.monotonic()
    _until(lambda: _world(rig) > back + WATCH)
    receipt = receipt or rig.finish()
    resumed = standstill(_history(rig, mended), mended).travel
    short, after = abs(target - _position(rig)), rig.operate()
    recover(rig)
    return Outcome(
        stop,
        by,
        resumed,
        after,
        receipt.get("completed", False),
        short,
        after.loop.overruns - before,
        _to_end(rig),
    )


def _swing(rig: Rig, fault: Fault, at: random.Random) -> float:
    """Begin a swing and return in its midst where it goes; where the machine failed, again."""
    travel = at.uniform(*(WHERE_SLOW if fault.is_slow else WHERE))
    for _ in range(TRIES):
        start = _position(rig)
        target = -END if start > 0 else END
        swing = {MOVING: target}
        client = rig.begin("arm_move_joints", positions=swing, speed=SLOW if fault.is_slow else 1)
        _until(lambda: abs(_position(rig) - start) > travel or client.poll() is not None)  # noqa: B023  called at once
        if client.poll() is None:
            return target
        answer = rig.finish()
        recover(rig)
        _to_end(rig)
    raise ProcessLost(f"The motion ended before the fault: {answer}")


def recover(rig: Rig) -> None:
    """Reset and arm as soon as the cell can be, with a new bridge where that is what it takes.

    Raises:
        HandrailError: it cannot be.
    """
    deadline = time.monotonic() + BACK
    while (mode := rig.operate().mode) != Mode.ARMED:
        try:
            rig.operate(*(["reset"] if mode in (Mode.STOPPED, Mode.FAULT) else []), "arm")
        except ProcessLost:  # its loop is gone for good
            restart(rig)
        except HandrailError:  # the bus or the camera may not be back yet
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL)


def _to_end(rig: Rig) -> bool:
    """Swing to the nearer end; return whether that plan ran."""
    end = END if _position(rig) > 0 else -END
    for _ in range(TRIES):
        with contextlib.suppress(NotArmed, PlanRefused):
            if rig.move("arm_move_joints", positions={MOVING: end}).completed:
                return True
        recover(rig)
    return False


def _position(rig: Rig) -> float:
    return float(rig.truth.snapshot()["joints"][MOVING]["position"])


def _history(rig: Rig, since: float) -> Rows:
    history: Rows = rig.truth.history(time.monotonic() - since + 1.0)
    return history


def _world(rig: Rig) -> float:
    """The world's own time [s, monotonic]."""
    return float(rig.truth.history(POLL)[-1, 1])


def _stood(rig: Rig, since: float) -> bool:
    """Whether the arm has stood for a while since a moment [s, monotonic]."""
    rows = rig.truth.history(WATCH)
    return bool(rows[0, 1] > since and np.abs(rows[:, QD]).max() < STILL)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + COMMAND
    while not true():
        if time.monotonic() > deadline:
            raise ProcessLost("The twin or the arm is stuck.")
        time.sleep(POLL)
