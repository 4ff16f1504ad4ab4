"""One session of an agent: its tools, what it spends, and a record of every act.

An act is a call that can change the world. It is in the memory's log before it is done, and again
afterwards. One whose answer was lost has no end there: like one of before that was cut off, it
forbids every further act until somebody has looked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from handrail_drivers.api import Effect
from handrail_drivers.errors import HandrailError, MotionStopped, Refused, UnknownName

from handrail_bridge.agents.budget import Budget
from handrail_bridge.agents.doubts import Doubt, Doubts
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.missing import Missing
from handrail_bridge.agents.results import (
    LONGEST,
    NOTHING_DONE,
    AgentTool,
    Hooks,
    Progress,
    Result,
    Waiting,
    failure,
    refusal,
)
from handrail_bridge.agents.screen import Screen
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.client import Client

CALLS = 16  # of one reply that are run
READ = 120_000  # characters of all their results together that the model reads
LEAST = 2000  # characters of each, whatever the others are
WATCH = 20.0  # Hz at which the way is measured
LOOK = 1.0  # s at least between two looks at which devices are there
T = TypeVar("T")
log = logging.getLogger(__name__)
FREE = ("stop",)  # needs neither a budget nor a record of ours: the bridge's log has it


class Session:
    """The tools of one agent while it works at one thing, counted and written down.

    Args:
        rail: measures the way; not the client of ``toolset``.
        toolset: the cell's tools.
        own: further tools, which move nothing.
        memory: where acts are written.
        episode: the number of this session's episode in it.
        budget: what it may spend.
        screen: who is shown what happens.
        unseen: earlier acts of which nobody knows the end: first of all it has to look.
    """

    def __init__(
        self,
        rail: Client,
        toolset: ToolSet,
        own: Sequence[AgentTool],
        memory: Memory,
        episode: int,
        budget: Budget,
        screen: Screen,
        unseen: Mapping[int, Doubt] | None = None,
    ) -> None:
        self._rail = rail
        self._toolset = toolset
        self._own = {tool.name: tool for tool in own}
        self._memory = memory
        self.episode = episode
        self.budget = budget
        self.screen = screen
        self._doubts = Doubts(memory, unseen or {})
        self._calls = 0  # of the present reply
        self._left = READ  # characters, of its results
        self._missing = Missing()
        self._looked = 0.0  # s, monotonic, at what is missing
        self.leaving = False  # a person ends it: whoever says so cancels it, too

    @property
    def tools(self) -> list[AgentTool]:
        """All tools: the cell's first."""
        return [*self._toolset.tools.values(), *self._own.values()]

    @property
    def moving(self) -> bool:
        """Whether a plan of this session runs; one that waits for a person does not."""
        return any(plan.status == "running" for plan in self._toolset.plans)

    # --- what the model calls back --------------------------------------------------------------

    async def run(self, name: str, arguments: Mapping[str, Any]) -> Result:
        """Run one tool. Errors of ours come back as results; cancelling stops what it moves."""
        self._calls += 1
        doubted = self._doubts.acts()
        result = await self._permitted(name, arguments)
        if news := await self._hardware():
            result = replace(result, data={**result.data, "hardware": news})
        if doubted and not result.failed:
            listed = self._toolset.observing.listed
            self._doubts.looked(doubted, name, arguments, result.data, listed)
        result = replace(result, room=min(LONGEST, max(self._left, LEAST)))
        self._left -= len(result.told)
        self.screen.answered(result)
        if self.leaving:  # the model is not asked once more
            await asyncio.Event().wait()
        return result

    async def _hardware(self) -> list[str]:
        """Return what has vanished or come back since the last call, where that is to be known."""
        if time.monotonic() - self._looked < LOOK:
            return []
        self._looked = time.monotonic()
        with contextlib.suppress(HandrailError):
            return self._missing.news((await self._rail.cell()).notices)
        return []

    def said(self, piece: str) -> None:
        """Show a piece of what the model says."""
        self.screen.said(piece)

    def calls(self, tool: str, arguments: Any) -> None:
        """Show a call, before it is run."""
        self.screen.calls(tool, arguments)

    def retries(self, why: str) -> None:
        """Show that the model is asked once more."""
        self.screen.retries(why)

    def turn_over(self, tokens: int) -> None:
        """Count one reply of the model.

        Raises:
            BudgetSpent: it was the last.
        """
        self._calls, self._left = 0, READ
        self.budget.turn(tokens)
        self._memory.spend(self.episode, self.budget.tokens, self.budget.metres)
        self.budget.require()

    # --- acts -------------------------------------------------------------------------------------

    async def _permitted(self, name: str, arguments: Mapping[str, Any]) -> Result:
        if name in FREE:
            return await self._toolset.call(name, arguments)
        if self._calls > CALLS:
            most = f"One reply may call {CALLS} tools; this call was not run."
            return refusal(Refused(most, limit=CALLS, hint="read the results first"))
        tool = self._own.get(name) or self._toolset.tools.get(name)
        if tool is None:
            return refusal(UnknownName("tool", name, [one.name for one in self.tools], "name"))
        try:
            self.budget.require()
            if tool.effect != Effect.OBSERVE:
                return await self._act(tool, arguments)
            return await self._call(tool, arguments, Hooks())
        except HandrailError as error:
            return refusal(error)

    async def _act(self, tool: AgentTool, arguments: Mapping[str, Any]) -> Result:
        """Do what can change the world, between two entries of the log.

        Raises:
            Refused: nobody has looked since an act whose end is not known.
            HandrailError: it was stopped.
        """
        if tool.name not in self._own:
            self._doubts.require_none(tool.name, self._toolset.observing.listed)
        act = self._memory.begin_act(self.episode, tool.name, arguments, self._digest(arguments))
        # Cancelled, it has no end here: nobody has measured what became of it.
        result = await self._ended(act, tool, arguments)
        if result.unknown:
            self._doubts.add(act, tool.name, arguments, result.data["unknown"]["message"])
        else:
            self._memory.end_act(act, outcome(result))
        return result

    async def _ended(self, act: int, tool: AgentTool, arguments: Mapping[str, Any]) -> Result:
        """Do it, and write down what stopped it; where only its answer is lost, nothing ends it."""
        try:
            return await self._measured(tool, arguments)
        except HandrailError as error:
            if not isinstance(error, NOTHING_DONE):
                return failure(error)
            self._memory.end_act(act, f"stopped: {error.code}: {error.message}")
            raise
        except Exception as error:  # ours: it may have come after the act
            log.exception("%s failed", tool.name)
            return failure(HandrailError(f"{tool.name} failed by a fault of ours: {error!r}"))

    def _digest(self, arguments: Mapping[str, Any]) -> str:
        """Return the digest of the plan that a handle stands for; empty where it is none."""
        handle = arguments.get("plan")
        known = {plan.handle: plan for plan in self._toolset.plans}
        plan = known.get(handle) if isinstance(handle, str) else None
        return plan.check.verdict.plan_digest if plan else ""

    async def _measured(self, tool: AgentTool, arguments: Mapping[str, Any]) -> Result:
        """Call a tool and count the way meanwhile; where that gets too long, the arm is stopped."""
        hooks = Hooks(self._progress, self._approve)
        if tool.effect != Effect.MOVE:
            return await self._call(tool, arguments, hooks)
        async with (
            _owned(self._call(tool, arguments, hooks)) as call,
            _owned(self._follow(self._digest(arguments))) as way,
        ):
            await asyncio.wait({call, way}, return_when=asyncio.FIRST_COMPLETED)
            if call.done():
                return call.result()
            begun = self.moving
            call.cancel()
            await asyncio.wait({call})
            why = _why(way)
            raise MotionStopped(f"It was stopped on its way: {why.message}") if begun else why

    async def _call(self, tool: AgentTool, arguments: Mapping[str, Any], hooks: Hooks) -> Result:
        if tool.name in self._own:
            return await tool.call(arguments, hooks)
        return await self._toolset.call(tool.name, arguments, hooks)

    async def _follow(self, plan_digest: str) -> None:
        """Count the way while this plan runs, and nobody else's."""
        async with contextlib.aclosing(self._rail.watch(WATCH)) as states:
            async for state in states:
                if state.plan_digest == plan_digest:
                    self.budget.moved_to(state.tcp_position)
                else:
                    self.budget.rests()
                self.budget.require()

    async def _progress(self, progress: Progress) -> None:
        self.screen.progress(progress)

    async def _approve(self, what: Waiting) -> None:
        self.screen.waits(what)


@contextlib.asynccontextmanager
async def _owned(what: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run a coroutine as a task that does not outlive the block."""
    task = asyncio.create_task(what)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _why(way: asyncio.Task[None]) -> HandrailError:
    """Return what ended the watching of a motion; raises what is a fault of ours."""
    try:
        way.result()
    except HandrailError as error:
        return error
    return Refused("The state could not be watched, so the arm was stopped.")


def outcome(result: Result) -> str:
    """Return what an act gave, in a line for the log."""
    if result.refused:
        told = result.data["refused"]
        return f"not done: {told['code']}: {told['message']}"
    if "completed" in result.data:
        ended = "ran to its end" if result.data["completed"] else f"ended: {result.data['reason']}"
        met = "goal met" if result.data["goal_met"] else "goal NOT met"
        return f"{ended}; {met}; receipt {result.data['receipt']}"
    return f"done: {result.text}"
