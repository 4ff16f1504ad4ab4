"""An agent that stays: it sleeps without a token, and wakes for a schedule, a trigger or a mail."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from handrail_drivers.errors import (
    BudgetSpent,
    DeviceFault,
    HandrailError,
    InvalidRequest,
    ProcessLost,
    Refused,
)

from handrail_bridge import run_dir
from handrail_bridge.agents.agent import Agent, Ended, Task
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.discovering import OPERATOR, Discovering
from handrail_bridge.agents.own_tools import Mailing, Remembering
from handrail_bridge.agents.prompts import RAIL, STAYING
from handrail_bridge.agents.screen import Screen
from handrail_bridge.agents.wakes import ATTEMPTS, Trigger, Wake, Wakes
from handrail_bridge.client import Client

TICK = 1.0  # s between two evaluations of triggers
LONG = 5.0  # s that one wait for mail lasts: then it looks whether devices are gone, or back
LOOK = 5.0  # s between two pictures for triggers
DAY = 86400.0  # s
ROUNDS = 500  # of mail at most, before it looks at anything else
NOTES = 20  # newest, that a wake is told
BRIEF = 200  # characters of a schedule or a trigger in it; memory_list has all of them
GONE = 30.0  # s at most between two looks for a bridge that has gone
AT_ONCE = 16  # predicates of one evaluation
OF_THINGS = ("object", "support")  # what a predicate names that only a look can know
LONGEST = 8000  # characters of a mail of ours
STALE = "told_of_trigger"  # begins the facts that hold which triggers the operator knows of
TOLD = "told_of_day"  # the fact that holds when the operator was last told of the day's budget


class Stay:
    """The life of one agent beside its cell.

    Args:
        agent: whose.
        limits: what each wake may spend.
        day: tokens that it may spend in a day.
        screen: who is shown what happens.
    """

    def __init__(self, agent: Agent, limits: Limits, day: int, screen: Screen) -> None:
        self._agent = agent
        self._memory = agent.memory
        self._wakes = Wakes(agent.memory)
        self._limits = limits
        self._day = day
        self._screen = screen
        self._looked = 0.0  # s, monotonic
        # Fewer tokens than a tenth of a session's end it at its first reply, and its wake in vain.
        self._worthwhile = min(limits.tokens, day) / 10

    async def run(self) -> None:
        """Live until cancelled; a bridge that goes away is waited for."""
        while True:
            try:
                async with Client.connect(self._agent.bridge.address) as rail:
                    while True:
                        await self.once(rail)
            except HandrailError as error:  # a bridge that ends cuts calls off in several ways
                self._screen.retries(error.message)
                await self._find_bridge()

    async def once(self, rail: Client) -> Ended | None:
        """Deal with one wake, or sleep a while; return how the wake's session ended.

        Raises:
            ProcessLost: the bridge has gone.
        """
        await self._see(rail)
        wake = self._wakes.next(time.time())
        left = 0 if wake is None else await self._left(rail)
        if wake is None or left < self._worthwhile:
            await self._sleep(rail)
            return None
        return await self._live(rail, wake, left)

    # --- asleep -----------------------------------------------------------------------------------

    async def _see(self, rail: Client) -> None:
        """Write down what has come to pass: schedules, triggers, mail."""
        self._wakes.due(time.time())
        await self._evaluate(rail)
        self._wakes.hardware((await rail.cell()).notices)
        for _ in range(ROUNDS):  # a flood hides nothing that came after it
            mails = await rail.mail(self._agent.name, self._wakes.last_read())
            if not mails:
                return
            self._wakes.received(mails)

    async def _sleep(self, rail: Client) -> None:
        longest = TICK if self._wakes.triggers() else LONG
        wait = min(longest, self._wakes.soonest(time.time()) or TICK)
        self._wakes.received(await rail.mail(self._agent.name, self._wakes.last_read(), wait=wait))

    async def _evaluate(self, rail: Client) -> None:
        triggers = self._wakes.triggers()
        if any(name in OF_THINGS for one in triggers for name in _names(one.predicate)):
            await self._look(rail)
        with contextlib.suppress(DeviceFault):  # nothing fresh to evaluate; no trigger changes
            for at in range(0, len(triggers), AT_ONCE):
                await self._evaluate_all(rail, triggers[at : at + AT_ONCE])

    async def _evaluate_all(self, rail: Client, triggers: Sequence[Trigger]) -> None:
        """Evaluate so many at once; where one is refused, each by itself and not that one."""
        try:
            found = await rail.call("evaluate", predicates=[one.predicate for one in triggers])
        except InvalidRequest as error:  # the cell is another one now
            if len(triggers) == 1:
                await self._tell_stale(rail, triggers[0], error)
            else:
                for one in triggers:
                    await self._evaluate_all(rail, [one])
        else:
            for trigger, result in zip(triggers, found["results"], strict=True):
                self._wakes.saw(trigger, result["met"], result["sentence"], time.time())

    async def _tell_stale(self, rail: Client, trigger: Trigger, error: HandrailError) -> None:
        """Tell the operator once of a trigger that the cell, as it is now, cannot evaluate."""
        known = f"{STALE} {trigger.id} {json.dumps(trigger.predicate)}"
        if self._memory.fact(known):
            return
        text = f"My trigger {trigger.id} ({trigger.text}) cannot be evaluated any more: {error}"
        self._screen.retries(text)
        await rail.send_mail(self._agent.name, OPERATOR, text[:LONGEST])
        self._memory.remember(known, "told")

    async def _look(self, rail: Client) -> None:
        """Look for the triggers, now and then; where that is refused, the last look counts."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        if not await self._is_busy(rail):
            with contextlib.suppress(Refused, DeviceFault):
                await rail.call("look")

    async def _is_busy(self, rail: Client) -> bool:
        return bool((await rail.state()).plan_digest)

    async def _left(self, rail: Client) -> int:
        """Return the tokens that the day has left; the operator is told once where it has none."""
        now = time.time()
        spent = self._memory.tokens_since(now - DAY)
        left = self._day - spent
        if left < self._worthwhile and now - float(self._memory.fact(TOLD, "0")) > DAY:
            self._memory.remember(TOLD, str(now))
            text = (
                f"I have spent {spent} of {self._day} tokens in a day, and sleep until it is less."
            )
            await rail.send_mail(self._agent.name, OPERATOR, text)
        return left

    async def _find_bridge(self) -> None:
        """Wait until the cell has a bridge again; it may have another address."""
        pause = TICK
        while True:
            await asyncio.sleep(pause)
            with contextlib.suppress(ProcessLost):
                self._agent.bridge = run_dir.running(self._agent.bridge.cell)
                return
            pause = min(2 * pause, GONE)

    # --- awake ------------------------------------------------------------------------------------

    async def _live(self, rail: Client, wake: Wake, left: int) -> Ended | None:
        """Have a session for a wake, of no more tokens than the day has left."""
        if len(wake.earlier) >= ATTEMPTS:  # the last one was cut off before it could be counted
            await self._give_up(rail, wake, f"{ATTEMPTS} sessions, and the last was cut off")
            return None
        own = (
            Remembering(self._memory, self._wakes, rail),
            Mailing(rail, self._agent.name),
            Discovering(self._memory, rail, self._agent.name),
        )
        task = Task(f"{RAIL}\n{STAYING}", self._opening(wake), own, wake.id)
        self._screen.said(f"\n[{time.strftime('%F %T')}] woken by {wake.cause}: {wake.text}\n")
        limits = replace(self._limits, tokens=min(self._limits.tokens, left))
        ended = await self._agent.work(task, limits, self._screen)
        await self._settle(rail, wake, ended)
        return ended

    async def _settle(self, rail: Client, wake: Wake, ended: Ended) -> None:
        """Close a wake, unless it is to come again: so it is while an act's end is not known."""
        unsure = self._wakes.unsure(wake)
        if ended.done and not unsure:
            self._wakes.over(wake)
            return
        spent = ended.code == BudgetSpent.code and not unsure
        if (spent and not self._day_is_over(ended)) or not self._wakes.again(wake, time.time()):
            doubts = [f"nobody knows what became of {act}" for act in unsure]
            await self._give_up(rail, wake, "; ".join([*doubts, ended.said]))

    def _day_is_over(self, ended: Ended) -> bool:
        """Tell whether a session had less than a wake's own tokens, and spent them."""
        had = ended.budget.limits.tokens
        return had < self._limits.tokens and ended.budget.tokens >= had

    async def _give_up(self, rail: Client, wake: Wake, why: str) -> None:
        self._wakes.over(wake)
        with contextlib.suppress(HandrailError):
            text = f"I gave up on what woke me ({wake.cause}): {why}\n{wake.text}"
            await rail.send_mail(self._agent.name, OPERATOR, text[:LONGEST])

    def _opening(self, wake: Wake) -> str:
        """What an agent is told when it wakes."""
        when = time.strftime("%F %T", time.localtime(wake.time))
        lines = [
            f"You are {self._agent.name!r}. It is {time.strftime('%F %T, %A')}.",
            f"What woke you, {when} ({wake.cause}):\n{wake.text}",
        ]
        if goals := self._memory.goals():
            lines.append(_listed("Your open goals:", (f"{n}: {text}" for n, text in goals.items())))
        if schedules := self._wakes.schedules():
            told = (f"{row['id']}: {row['cron']}: {row['text'][:BRIEF]}" for row in schedules)
            lines.append(_listed("Your schedules:", told))
        if triggers := self._wakes.triggers():
            seen = ((one, json.dumps(one.predicate)) for one in triggers)
            told = (f"{one.id}: {what[:BRIEF]}: {one.text[:BRIEF]}" for one, what in seen)
            lines.append(_listed("Your triggers:", told))
        if notes := self._memory.notes(NOTES):
            lines.append(_listed("Your newest notes:", iter(notes)))
        for episode in wake.earlier:
            acts = (f"{a.tool} {a.arguments}: {a.became}" for a in self._memory.acts(episode))
            lines.append(_listed("An earlier episode of this was cut off. It did:", acts))
        return "\n\n".join(lines)


def _listed(title: str, items: Iterator[str]) -> str:
    return "\n".join([title, *(f"- {item}" for item in items)])


def _names(predicate: Any) -> Iterator[str]:
    """Return the keys of a predicate, and of those in it."""
    if isinstance(predicate, dict):
        for name, part in predicate.items():
            if part is not None:
                yield name
                yield from _names(part)
    elif isinstance(predicate, list):
        for part in predicate:
            yield from _names(part)
