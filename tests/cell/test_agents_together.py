"""Two agents on one cell: each moves its own devices, and is told where the other is in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from agent_rig import Recorder, Step, employed, turn
from handrail_bridge.agents.agent import Ended, Task
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.prompts import RAIL
from running_cell import RunningCell, twin_and_wires
from scripted_model import Request, Script, plays, reply, say, use
from waiting import until

SLOW = 0.05  # of the full speed


@pytest.fixture(scope="module")
def wires() -> Iterator[RunningCell]:
    """The line: an arm, and a conveyor on a bus of its own."""
    with twin_and_wires(cell="line") as cell:
        yield cell


def belt(to: float) -> Step:
    return {"tool": "arm_move_joints", "positions": {"belt": to}}


def run(request: Request) -> Any:
    return reply(use("plan_run", plan=request.answer["plan"]))


def persistent(step: Step) -> Script:
    """Check a plan until nothing else runs, run it, and end."""

    def script(request: Request) -> Any:
        if request.turn and "completed" in request.answer:
            return reply(say("Done."))
        if request.turn and "plan" in request.answer:
            return run(request)
        return reply(use("plan_check", steps=[step]))

    return script


async def at_work(
    cell: RunningCell, script: Script, name: str, devices: tuple[str, ...]
) -> tuple[Ended, Recorder]:
    screen = Recorder()
    async with employed(cell, script, name, devices) as (agent, _):
        return await agent.work(Task(RAIL, "move yours"), Limits(), screen), screen


@pytest.mark.long
async def test_two_agents_move_their_own_and_are_told_of_each_other(cell: RunningCell) -> None:
    await cell.home()
    arm = at_work(cell, persistent(turn(0.9, SLOW)), "armist", ("arm_bus",))
    conveyor = at_work(cell, persistent(belt(0.05)), "belter", ("belt_drive",))
    (first, _), (second, _) = await asyncio.gather(arm, conveyor)
    for ended in (first, second):
        assert ended.done, ended.said
        assert ended.acts[-1].outcome.startswith("ran to its end")
    assert cell.joints()["shoulder_pan"] == pytest.approx(0.9, abs=0.06)


@pytest.mark.long
async def test_who_moves_what_is_not_his_is_told_whose_it_is(cell: RunningCell) -> None:
    await cell.home()
    lent = asyncio.Event()
    loop = asyncio.get_running_loop()

    def greedy(request: Request) -> Any:
        asyncio.run_coroutine_threadsafe(lent.wait(), loop).result(60.0)
        return run(request)

    async with cell.agent() as other:
        working = asyncio.create_task(
            at_work(cell, plays(reply(use("plan_check", steps=[turn(1.0)])), greedy), "two", ())
        )
        async with other.lease("one", devices=["arm_bus"]):
            lent.set()
            _, screen = await working
    assert screen.codes == ["lease_refused"]
    assert "'one' holds the lease on arm_bus" in screen.results[-1].text

    script = plays(reply(use("plan_check", steps=[turn(1.0)])), run)
    _, screen = await at_work(cell, script, "belter", ("belt_drive",))
    assert screen.codes == ["lease_refused"]
    assert "moves arm_bus, which the lease does not hold" in screen.results[-1].text
    await asyncio.to_thread(until, cell.stands)
    assert cell.joints()["shoulder_pan"] == pytest.approx(1.2, abs=0.06)
