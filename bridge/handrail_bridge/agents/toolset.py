"""The tool set: what every agent is given, over the client and nothing else.

::

    async with Client.connect() as rail:
        tools = await ToolSet.of(rail, holder="my agent")
        checked = await tools.call("plan_check", {"steps": [{"tool": "arm_home"}]})
        receipt = await tools.call("plan_run", {"plan": checked.data["plan"]})

The list is flat and short whatever the cell has; ``each`` gives one tool per operation instead.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Self

from handrail_drivers.api import Effect
from handrail_drivers.errors import HandrailError, Refused, UnknownName

from handrail_bridge.agents.moving import Moving
from handrail_bridge.agents.observing import Observing
from handrail_bridge.agents.plans import Plans
from handrail_bridge.agents.results import NOBODY, AgentTool, Hooks, Result, failure, refusal
from handrail_bridge.client import Client
from handrail_bridge.reports import Tool

AGAIN = 1.0  # s before a bridge that is gone is asked again
AT_ONCE = 16  # calls of one agent at a time; a stop is never one too many


class ToolSet:
    """The tools of one agent. Its plans are its own, and nobody else knows their handles."""

    def __init__(self, rail: Client, moving: Moving, each: bool) -> None:
        self.observing = Observing(rail, {})
        self.moving = moving
        self.tools: dict[str, AgentTool] = {}
        self._rail = rail
        self._each = each
        self._made: frozenset[str] = frozenset()  # names out of the bridge's list
        self._running = 0

    @classmethod
    async def of(
        cls, rail: Client, holder: str, each: bool = False, devices: Sequence[str] = ()
    ) -> Self:
        """Return the tools of the bridge that a client is connected to.

        Args:
            rail: a client that nobody else uses: the lease is one of its own.
            holder: who moves things, for people: name of the lease, 80 characters at most.
            each: one tool per operation of the cell, in the place of the flat set.
            devices: which the agent may move; none named is all.

        Raises:
            UnknownName: the cell moves nothing by one of the devices.
            ProcessLost: the bridge does not answer.
        """
        await require_movers(rail, devices)
        found = cls(rail, Moving(rail, holder, devices), each)
        await found.renew()
        return found

    async def renew(self) -> None:
        """Take the tools that the bridge has now: a board may have been flashed meanwhile.

        Raises:
            ProcessLost: the bridge does not answer.
        """
        self.observing.listed = listed = await self._rail.tools()
        if self._each:
            made = _each(self.observing, self.moving, listed)
        else:
            made = [*self.observing.tools(), *self.moving.tools(listed)]
        others = {name: tool for name, tool in self.tools.items() if name not in self._made}
        self.tools = {tool.name: tool for tool in made} | others
        self._made = frozenset(tool.name for tool in made)

    async def renewals(self) -> AsyncGenerator[None, None]:
        """Take the bridge's tools whenever they have changed, and yield; wait where it is gone."""
        while True:
            with contextlib.suppress(HandrailError):
                async with contextlib.aclosing(self._rail.tool_lists()) as lists:
                    async for _ in lists:
                        await self.renew()
                        yield
            await asyncio.sleep(AGAIN)

    @property
    def plans(self) -> Plans:
        """The plans that were checked, for who serves the agent: permits are in there."""
        return self.moving.plans

    async def call(self, name: str, arguments: Mapping[str, Any], hooks: Hooks = NOBODY) -> Result:
        """Call a tool. Errors of ours come back as results; cancelling stops what it moves."""
        try:
            if name not in self.tools or name == "cell_describe":  # which tells what there is
                await self.renew()
        except HandrailError as error:
            return refusal(error)
        tool = self.tools.get(name)
        if tool is None:
            return refusal(UnknownName("tool", name, self.tools, "name"))
        if name == "stop":
            return await tool.call(arguments, hooks)
        if self._running >= AT_ONCE:
            return refusal(
                Refused(f"{AT_ONCE} calls are running already.", limit=AT_ONCE, hint="wait a bit")
            )
        self._running += 1
        try:
            return await tool.call(arguments, hooks)
        finally:
            self._running -= 1

    async def run(self, handle: str, hooks: Hooks = NOBODY) -> Result:
        """Run a checked plan, or make a call that waited, whatever tool it came by."""
        try:
            held = self.observing.held.find(handle)
            if held is not None:
                return await self.observing.held.go_on(held, hooks)
            return await self.moving.run(self.plans.find(handle), hooks)
        except HandrailError as error:
            return failure(error)


async def require_movers(rail: Client, devices: Sequence[str]) -> None:
    """Refuse a name that no lease could be had for, before anything is planned with it."""
    if devices:
        arm = (await rail.cell()).cell["arm"]
        own = {arm["device"], arm["gripper_device"] or arm["device"], *arm["external"].values()}
        for one in devices:
            if one not in own:
                raise UnknownName("device", one, own, "devices")


def _each(observing: Observing, moving: Moving, listed: Mapping[str, Tool]) -> list[AgentTool]:
    """Return the cell's own tools, and what no tool of the cell does."""
    own = [
        moving.step_tool(tool) if tool.effect == Effect.MOVE else observing.cell_tool(tool)
        for tool in listed.values()
    ]
    return [*own, observing.picture_tool(), observing.state_tool(), moving.stop_tool()]
