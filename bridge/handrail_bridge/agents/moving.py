"""The agents' tools that lead to motion: check, run, stop. The road of everything that moves."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from handrail_drivers.api import Effect
from handrail_drivers.errors import MotionStopped, ProcessLost
from handrail_sim.plan import Plan
from handrail_sim.strict import Strict
from pydantic import Field

from handrail_bridge.agents.plans import CheckedPlan, Plans
from handrail_bridge.agents.reports import (
    CheckReport,
    PlansReport,
    RunReport,
    StopReport,
    told_run,
)
from handrail_bridge.agents.results import NOTHING_DONE, AgentTool, Hooks, Progress, Result, refusal
from handrail_bridge.agents.schemas import NoArguments, arguments_of, as_text, schema_of
from handrail_bridge.client import Client
from handrail_bridge.reports import Permit, Receipt, Tool
from handrail_bridge.rpc.plan_messages import refusal as plan_refusal

TOLD = 0.5  # s between two reports of progress


class RunArguments(Strict):
    """Which plan."""

    plan: Annotated[str, Field(description="the handle that plan_check gave", max_length=100)]


class StopArguments(Strict):
    """Why."""

    reason: Annotated[str, Field(description="for the log", max_length=200)] = ""


class Moving:
    """One agent's plans and what it may do with them.

    Args:
        rail: a client that nobody else uses: the lease is one of its own.
        holder: who moves things, for people.
        devices: which it may move; none named is all.
    """

    def __init__(self, rail: Client, holder: str, devices: Sequence[str] = ()) -> None:
        self._rail = rail
        self.holder = holder
        self._devices = tuple(devices)
        self.plans = Plans()

    def tools(self, listed: Mapping[str, Tool]) -> list[AgentTool]:
        """Return the tools; ``listed`` are the cell's own, for their limits."""
        return [
            AgentTool(
                "plan_check",
                "Check a plan in the physics twin from the measured state; nothing moves. Where "
                "it passes, the answer has a handle under `plan`, good once and for a short "
                "while. Where it does not, `violations` say what is wrong, by how much, and what "
                "to try: mend the plan and check it again. Numbers are SI (m, rad, s); put what "
                "depends on something not yet seen into the next plan.",
                Effect.OBSERVE,
                _plan_schema(listed),
                schema_of(CheckReport),
                self._check,
            ),
            AgentTool(
                "plan_run",
                "Run a plan that plan_check has passed, by its handle. Waits until the motion has "
                "ended, and, where the cell demands it, until a person has approved it. The answer "
                "is the receipt: judge by `completed` and `goal_met`, which are measured. "
                "Cancelling the call stops the arm. Whatever has changed since the check makes "
                "the handle worthless: check again.",
                Effect.MOVE,
                schema_of(RunArguments),
                schema_of(RunReport),
                self._run,
            ),
            AgentTool(
                "plans",
                "List the plans of this session: which handles are good, which waits for a "
                "person, what became of the others.",
                Effect.OBSERVE,
                schema_of(NoArguments),
                schema_of(PlansReport),
                self._plans,
                idempotent=True,
            ),
            self.stop_tool(),
        ]

    def stop_tool(self) -> AgentTool:
        """Return the tool that everybody may call at any time."""
        return AgentTool(
            "stop",
            "Bring everything in the cell to a held stop at once. Use it whenever something looks "
            "wrong. It is latched: only an operator can reset and arm the cell again.",
            Effect.CONFIGURE,
            schema_of(StopArguments),
            schema_of(StopReport),
            self._stop,
            idempotent=True,
        )

    def step_tool(self, tool: Tool) -> AgentTool:
        """Return one of the cell's moving tools: called, it is a plan of one step."""

        async def act(arguments: Mapping[str, Any], hooks: Hooks) -> Result:
            plan = {"steps": [{**arguments, "tool": tool.name}]}
            # The same call again runs what a person has approved meanwhile.
            checked = self.plans.asking(as_text(plan)) or await self._checked(plan)
            if checked.check.permit is None:
                verdict = checked.told().model_dump(mode="json")
                return refusal(plan_refusal(checked.check.verdict), verdict=verdict)
            return await self.run(checked, hooks)

        return AgentTool(
            tool.name,
            f"{tool.description}\n\nIt is checked first, as a plan of one step, and only then run.",
            Effect.MOVE,
            tool.input_schema,
            schema_of(RunReport),
            act,
        )

    async def run(self, plan: CheckedPlan, hooks: Hooks) -> Result:
        """Run a checked plan, holding the lease meanwhile.

        Raises:
            ProcessLost, MotionStopped: the answer was lost; it may have moved.
            HandrailError: another one; nothing has moved.
        """
        with self.plans.moving(plan):
            permit = await self._approved(plan, hooks)
            async with self._rail.lease(self.holder, devices=self._devices):
                receipt = await self._play(plan, permit, hooks)
            self.plans.ended(plan, receipt)
        return Result(told_run(receipt).model_dump(mode="json"))

    async def _approved(self, plan: CheckedPlan, hooks: Hooks) -> Permit:
        permit = plan.permit
        if not permit.asks or permit.approver:
            return permit
        if hooks.progress is not None:
            await hooks.progress(Progress(0.0, f"waits for a person: {permit.asks[0]}"))
        if hooks.approve is not None:
            await hooks.approve(plan)
        return await self._rail.approval(permit)

    async def _play(self, plan: CheckedPlan, permit: Permit, hooks: Hooks) -> Receipt:
        plan.status = "running"
        digest, begun, told = plan.check.verdict.plan_digest, False, 0.0
        try:
            async with contextlib.aclosing(self._rail.execute(plan.plan, permit)) as events:
                async for event in events:
                    if isinstance(event, Receipt):
                        return event
                    begun = begun or event.plan_digest == digest
                    now = time.monotonic()
                    if hooks.progress is not None and now - told >= TOLD:
                        told = now
                        await hooks.progress(Progress(event.progress, event.mode.name.lower()))
        except NOTHING_DONE as error:
            if begun:  # what the error's class says is not so any more
                raise MotionStopped(f"It had begun to move: {error.message}") from error
            raise
        raise ProcessLost("The bridge ended the execution without a receipt.")

    async def _check(self, arguments: Mapping[str, Any], _: Hooks) -> Result:
        checked = await self._checked(arguments)
        return Result(checked.told().model_dump(mode="json"))

    async def _checked(self, plan: Mapping[str, Any]) -> CheckedPlan:
        text = as_text(plan)
        return self.plans.add(text, await self._rail.check(json.loads(text)))

    async def _run(self, arguments: Mapping[str, Any], hooks: Hooks) -> Result:
        handle = arguments_of(RunArguments, arguments).plan
        return await self.run(self.plans.find(handle), hooks)

    async def _plans(self, arguments: Mapping[str, Any], _: Hooks) -> Result:
        arguments_of(NoArguments, arguments)
        report = PlansReport(plans=[plan.summary() for plan in self.plans])
        return Result(report.model_dump(mode="json"))

    async def _stop(self, arguments: Mapping[str, Any], _: Hooks) -> Result:
        reason = arguments_of(StopArguments, arguments).reason
        mode = await self._rail.stop(f"{self.holder}: {reason}" if reason else self.holder)
        return Result(StopReport(mode=mode.name.lower()).model_dump(mode="json"))


def _plan_schema(listed: Mapping[str, Tool]) -> dict[str, Any]:
    """Return the schema of a plan with the joint limits of this cell."""
    schema = schema_of(Plan)
    for definition in schema["$defs"].values():
        properties = definition.get("properties", {})
        name = properties.get("tool", {}).get("const")
        if name in listed and "positions" in properties:
            properties["positions"] = listed[name].input_schema["properties"]["positions"]
    return schema
