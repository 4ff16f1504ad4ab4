"""A plan as an agent has it: a handle in the place of a permit, good once, and for nothing else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from handrail_bridge.agents.results import Hooks, Progress
from handrail_bridge.agents.toolset import ToolSet
from stand_in_rail import HOME, SECRET, StandInRail, checked, code, over


@pytest.fixture
async def rail() -> StandInRail:
    return StandInRail()


@pytest.fixture
async def tools(rail: StandInRail) -> ToolSet:
    return await over(rail)


@pytest.mark.parametrize("handle", ["plan-00000000", SECRET, "", "../plan", "plan-\u200b"])
async def test_a_forged_handle_moves_nothing(
    tools: ToolSet, rail: StandInRail, handle: str
) -> None:
    good = await checked(tools)
    answer = await tools.call("plan_run", {"plan": handle})
    assert code(answer) == "unknown_name"
    assert answer.data["refused"]["choices"] == [good]
    assert rail.executed == []


async def test_a_handle_is_good_once(tools: ToolSet, rail: StandInRail) -> None:
    handle = await checked(tools)
    assert not (await tools.call("plan_run", {"plan": handle})).refused
    again = await tools.call("plan_run", {"plan": handle})
    assert "good no more" in again.data["refused"]["message"]
    assert len(rail.executed) == 1


async def test_a_plan_changed_after_its_check_runs_as_it_was_checked(
    tools: ToolSet, rail: StandInRail
) -> None:
    plan: dict[str, Any] = json.loads(json.dumps(HOME))
    handle = (await tools.call("plan_check", plan)).data["plan"]
    plan["steps"][0]["tool"] = "arm_rest"
    assert code(await tools.call("plan_run", {"plan": handle, **plan})) == "invalid_value"
    await tools.call("plan_run", {"plan": handle})
    assert [sent for sent, _ in rail.executed] == [HOME]


async def test_a_refused_plan_has_no_handle_and_says_what_to_mend(tools: ToolSet) -> None:
    answer = await tools.call("plan_check", {**HOME, "note": "bad"})
    assert not answer.refused
    assert answer.data["plan"] is None
    (hit,) = answer.data["violations"]
    assert (hit["kind"], hit["limit"], hit["unit"], hit["hint"]) == (
        "collision",
        0.004,
        "m",
        "Lift.",
    )


async def test_two_plans_at_once_are_one(tools: ToolSet, rail: StandInRail) -> None:
    first, second = await checked(tools), await checked(tools)
    rail.go.clear()
    running = asyncio.create_task(tools.call("plan_run", {"plan": first}))
    await rail.moving.wait()
    refused = await tools.call("plan_run", {"plan": second})
    assert "one at a time" in refused.data["refused"]["message"]
    rail.go.set()
    assert (await running).data["completed"]
    assert not (await tools.call("plan_run", {"plan": second})).refused


async def test_leaving_a_call_ends_the_motion_and_the_lease(
    tools: ToolSet, rail: StandInRail
) -> None:
    handle = await checked(tools)
    rail.go.clear()
    running = asyncio.create_task(tools.call("plan_run", {"plan": handle}))
    await rail.moving.wait()
    assert rail.leases == ["me"]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (rail.cut, rail.leases) == (1, [])
    assert "cancelled" in (await tools.call("plan_run", {"plan": handle})).text


async def test_a_plan_that_needs_a_person_says_so_and_waits(
    tools: ToolSet, rail: StandInRail
) -> None:
    rail.asks = ("It is fast.",)
    told: list[Progress] = []

    async def progress(one: Progress) -> None:
        told.append(one)

    answer = await tools.call("plan_check", HOME)
    assert answer.data["needs_approval"] == ["It is fast."]
    run = tools.call("plan_run", {"plan": answer.data["plan"]}, Hooks(progress))
    running = asyncio.create_task(run)
    while not told:
        await asyncio.sleep(0)
    assert "It is fast." in told[0].message
    assert rail.executed == []
    assert (await tools.call("plans", {})).data["plans"][0]["status"] == "waiting"
    rail.said.set()
    assert (await running).data["completed"]


async def test_a_no_ends_the_plan(tools: ToolSet, rail: StandInRail) -> None:
    rail.asks, rail.refused = ("It is fast.",), True
    rail.said.set()
    handle = await checked(tools)
    for _ in range(2):
        answer = await tools.call("plan_run", {"plan": handle})
        assert "refused by Ada" in answer.data["refused"]["message"]
    assert rail.executed == []


async def test_what_asks_a_person_may_end_the_call_and_the_plan_lives(
    tools: ToolSet, rail: StandInRail
) -> None:
    rail.asks = ("It is fast.",)

    async def later(_: object) -> None:
        raise KeyError("later")

    handle = await checked(tools)
    with pytest.raises(KeyError):
        await tools.call("plan_run", {"plan": handle}, Hooks(approve=later))
    rail.said.set()
    assert not (await tools.run(handle)).refused
