"""How long a stop takes: from the client's call to the first changed setpoint on the wire.

The twin's wire log says when each frame arrived. On a stretch of constant speed setpoints
lie on a line; the first that leaves it by more than the rounding is the stop's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import numpy as np
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.truth_port import WireEvent

from handrail_bridge.client import Client
from handrail_bridge.reports import CellState, Receipt

SWING = 2.2  # rad each way: long enough for a stretch at constant speed
FROM, TO = 0.3, 0.7  # of the plan, where the speed is constant
LINE = 24  # setpoints that give the line
OFF = 1.3  # counts: rounding makes one


async def stop_latency(rail: Client, twin: Twin, joint: str, servo: int) -> float | None:
    """Stop a harmless swing of one joint; return the time [s] to the first changed setpoint.

    None where the stop could not be told from the motion.
    """
    wire = next(iter(twin.wires))
    async with rail.lease("stop trial"):
        await rail.run(_swing(joint, -SWING))
        plan = _swing(joint, SWING)
        check = await rail.check(plan)
        if check.permit is None:
            return None
        called = 0
        async with contextlib.aclosing(rail.execute(plan, check.permit)) as events:
            async for event in events:
                if isinstance(event, Receipt):
                    break
                if not called and _constant(event):
                    called = time.monotonic_ns()
                    await rail.stop("the demo measures its stop")
    log = await asyncio.to_thread(twin.truth.wire_log, wire, called - 1_000_000_000)
    return latency(log, called, servo) if called else None


def _swing(joint: str, target: float) -> dict[str, object]:
    return {"steps": [{"tool": "arm_move_joints", "positions": {joint: target}}]}


def _constant(state: CellState) -> bool:
    return FROM < state.progress < TO


def latency(log: Sequence[WireEvent], called_ns: int, servo: int) -> float | None:
    """Return the time [s] from ``called_ns`` to the first setpoint off the line before it."""
    goals = _goals(log, servo)
    before = [(at, count) for at, count in goals if at < called_ns][-LINE:]
    after = [(at, count) for at, count in goals if at >= called_ns]
    if len(before) < LINE:
        return None
    # By number and not by time: a setpoint's place on the path is its tick's.
    slope, offset = np.polyfit(range(-LINE, 0), [count for _, count in before], 1)
    for tick, (at, count) in enumerate(after):
        if abs(count - (offset + slope * tick)) > OFF:
            return (at - called_ns) * 1e-9
    return None


def _goals(log: Sequence[WireEvent], servo: int) -> list[tuple[int, int]]:
    """Return time [ns] and goal count of every sync write of goals to a servo."""
    goals = []
    parser = codec.Parser()
    for event in log:
        if event.direction != "in":
            continue
        for frame in parser.feed(event.data):
            if frame.code == codec.Instruction.SYNC_WRITE:
                goals += [(event.time_ns, count) for count in _goal(frame.parameters, servo)]
    return goals


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
