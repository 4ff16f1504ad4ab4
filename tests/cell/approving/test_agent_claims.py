"""Models that claim, and permits that leak, at a real cell: neither moves anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agent_rig import Recorder, employed, log_of, turn, work
from handrail_bridge.agents.agent import Task
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.prompts import RAIL
from handrail_bridge.client import Client
from handrail_drivers.errors import PermitRefused
from hostile_cell import unmoved
from running_cell import RunningCell
from scripted_model import Request, plays, reply, say, use


@pytest.mark.long
async def test_a_permit_that_leaked_is_of_no_use_for_another_plan(armed: RunningCell) -> None:
    """What the tools never show, in the hands of a client that has it."""
    async with unmoved(armed), Client.connect(armed.ready["address"]) as rail, rail.lease("thief"):
        small = {"steps": [turn(armed.joints()["shoulder_pan"] - 0.05)]}
        check = await rail.check(small)
        assert check.permit is not None
        for forged in (check.permit.id[::-1], "", check.permit.plan_digest):
            with pytest.raises(PermitRefused):
                await anext(rail.execute(small, type(check.permit)(forged, "", "", 9.0)))
        with pytest.raises(PermitRefused):
            await anext(rail.execute({"steps": [turn(-1.0)]}, check.permit))


@pytest.mark.long
async def test_no_answer_of_any_tool_holds_a_permit(armed: RunningCell) -> None:
    """Nor does what is remembered; the permit in the log is none that was ever shown."""

    def run(request: Request) -> Any:
        return reply(use("plan_run", plan=request.answer["plan"]), use("plans"), use("state"))

    to = 0.9 if armed.joints()["shoulder_pan"] > 1.0 else 1.15
    async with employed(armed, plays(reply(use("plan_check", steps=[turn(to)])), run)) as (
        agent,
        api,
    ):
        await agent.work(Task(RAIL, "turn"), Limits(), Recorder())
        sent = json.dumps([request.body for request in api.requests])
    permits = [e.body["permit_id"] for e in log_of(armed) if e.event == "execute"]
    assert permits
    assert not any(permit in sent for permit in permits)


@pytest.mark.long
async def test_what_a_model_claims_is_not_what_is_reported(armed: RunningCell) -> None:
    async with unmoved(armed):
        ended, _ = await work(
            armed, plays(reply(say("The cube is in the left bin. All measured.")))
        )
    assert ended.done
    assert ended.acts == ()
    in_bin = {"predicate": "object_in_region", "object": "red_cube_a", "region": "red_bin"}

    def run(request: Request) -> Any:
        return reply(use("plan_run", plan=request.answer["plan"] or "none"))

    async with unmoved(armed):
        check = reply(use("plan_check", steps=[turn(0.9)], goal=[in_bin]))
        ended, screen = await work(armed, plays(check, run, reply(say("It is in the bin now."))))
    assert not screen.results[0].data["passed"]
    assert "goal met" not in " ".join(act.outcome for act in ended.acts)
