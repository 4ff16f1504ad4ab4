"""What somebody moves while a plan runs: seen, it ends the plan; what the plan moves does not."""

from __future__ import annotations

import asyncio
from typing import Any

from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.rail.motion import WORLD
from handrail_bridge.reports import CellState, Receipt
from running_cell import RunningCell
from waiting import until_async

SLOWLY: dict[str, Any] = {
    "steps": [
        {"tool": "arm_home"},
        {"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.7}, "speed": 0.06},
    ]
}


async def looked_at_meanwhile(cell: RunningCell, rail: Client, moved: bool) -> Receipt:
    """Run a plan; look for as long as it moves, after somebody has moved a cube or nobody has."""
    seen = (await rail.call("look"))["objects"]["blue_cube"]
    assert seen["source"] == "seen"
    x, y, _ = seen["position"]
    moving = asyncio.Event()

    def on_state(state: CellState) -> None:
        if state.progress > 0.2:
            moving.set()

    running = asyncio.create_task(rail.run(SLOWLY, on_state))
    await asyncio.wait_for(moving.wait(), 20)
    if moved:
        cell.truth.put("blue_cube", x - 0.05, y + 0.05)
    looks = 0
    while not running.done():
        await rail.call("look")
        looks += 1
    assert looks > 1, "the first may have been too late"
    return await running


async def test_a_thing_seen_elsewhere_ends_the_plan(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.run({"steps": [{"tool": "arm_home"}]})
        receipt = await looked_at_meanwhile(cell, rail, moved=True)
        assert not receipt.completed
        assert receipt.fault_code == WORLD
        assert receipt.reason.startswith("blue_cube was seen ")
        await until_async(cell.stands)
        assert cell.joints()["shoulder_pan"] > 0.75, "it had gone on to its end"
        assert (await rail.state()).mode == Mode.ARMED, "the next plan may run"


async def test_a_look_at_an_unchanged_world_ends_nothing(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.run({"steps": [{"tool": "arm_home"}]})
        receipt = await looked_at_meanwhile(cell, rail, moved=False)
    assert receipt.completed, receipt.reason
