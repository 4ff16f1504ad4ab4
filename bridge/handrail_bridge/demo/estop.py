"""How long a stop takes: from the client's call to the first changed setpoint on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import time

from handrail_sim.twin.launch import Twin

from handrail_bridge.bench.wire import latency
from handrail_bridge.client import Client
from handrail_bridge.reports import CellState, Receipt

SWING = 2.2  # rad each way: long enough for a stretch at constant speed
FROM, TO = 0.3, 0.7  # of the plan, where the speed is constant


async def stop_latency(rail: Client, twin: Twin, wire: str, joint: str, servo: int) -> float | None:
    """Stop a harmless swing of one joint; return the time [s] to the first changed setpoint.

    None where the stop could not be told from the motion.
    """
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
