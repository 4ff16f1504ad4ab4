"""What the twin's wire log says about a stop: when the first setpoint of it was on the wire."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_sim.twin.truth_port import WireEvent

LINE = 24  # setpoints that give the line
OFF = 1.3  # counts: rounding makes one

Goals = list[tuple[int, int]]  # time [ns, monotonic], goal [counts]


def latency(log: Sequence[WireEvent], called_ns: int, servo: int) -> float | None:
    """Return the time [s] from ``called_ns`` to the first setpoint off the line before it.

    On a stretch of constant speed setpoints lie on a line; the first that leaves it by more than
    the rounding is the stop's. None where the log does not show it.
    """
    sent = goals(log, servo)
    before = [(at, count) for at, count in sent if at < called_ns][-LINE:]
    after = [(at, count) for at, count in sent if at >= called_ns]
    if len(before) < LINE:
        return None
    # By number and not by time: a setpoint's place on the path is its tick's.
    slope, offset = np.polyfit(range(-LINE, 0), [count for _, count in before], 1)
    for tick, (at, count) in enumerate(after):
        if abs(count - (offset + slope * tick)) > OFF:
            return (at - called_ns) * 1e-9
    return None


def goals(log: Sequence[WireEvent], servo: int) -> Goals:
    """Return time [ns] and goal [counts] of every sync write of goals to a servo."""
    found: Goals = []
    parser = codec.Parser()
    for event in log:
        if event.direction != "in":
            continue
        for frame in parser.feed(event.data):
            if frame.code == codec.Instruction.SYNC_WRITE:
                found += [(event.time_ns, count) for count in _goal(frame.parameters, servo)]
    return found


def _goal(parameters: bytes, servo: int) -> list[int]:
    goal = reg.GOAL_POSITION
    if parameters[:2] != bytes((goal.address, goal.size)):
        return []
    rows = parameters[2:]
    return [
        goal.decode(int.from_bytes(rows[at + 1 : at + 3], "little"))
        for at in range(0, len(rows), 3)
        if rows[at] == servo
    ]
