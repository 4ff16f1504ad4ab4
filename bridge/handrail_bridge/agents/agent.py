"""One agent at one cell: its memory, its model, and how it works at one thing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handrail_drivers.errors import AuditBroken, BudgetSpent, ModelLost

from handrail_bridge.agents.budget import Budget, Limits
from handrail_bridge.agents.doubts import Doubt
from handrail_bridge.agents.history import History
from handrail_bridge.agents.memory import CUT_OFF, Act, Memory
from handrail_bridge.agents.model import Model
from handrail_bridge.agents.own_tools import tools_of
from handrail_bridge.agents.screen import Screen
from handrail_bridge.agents.session import Session
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.client import Client
from handrail_bridge.rail import audit
from handrail_bridge.run_dir import Bridge, state_dir

LAST = 2000  # entries of the audit log that are looked at


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session ended: ``code`` is done, or that of the error that ended it.

    ``said`` is the model's word; ``acts`` are what was done and measured, whatever it says.
    """

    code: str
    said: str
    budget: Budget
    acts: tuple[Act, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the model ended it by itself."""
        return self.code == "done"


@dataclass(frozen=True, slots=True)
class Task:
    """What a session is about.

    ``system`` is what the agent is told of its place, ``text`` what it is to do, ``own`` the
    objects whose tools it has beside the cell's, ``wake`` the number of what woke it.
    """

    system: str
    text: str
    own: Sequence[object] = ()
    wake: int = 0


class Agent:
    """One agent of a cell.

    Args:
        name: its own, and its lease's.
        bridge: of the cell.
        memory: its memory, open.
        model: what thinks for it.
        devices: which it may move; none named is all.
    """

    def __init__(
        self, name: str, bridge: Bridge, memory: Memory, model: Model, devices: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.bridge = bridge
        self.memory = memory
        self._model = model
        self._devices = tuple(devices)
        self.session: Session | None = None

    async def work(self, task: Task, limits: Limits, screen: Screen) -> Ended:
        """Work at one thing until the model is done, or an end comes; nothing of ours moves then.

        Raises:
            ProcessLost: the bridge does not answer.
            asyncio.CancelledError: it was cancelled; what it moved was stopped.
        """
        address, budget = self.bridge.address, Budget(limits)
        async with Client.connect(address) as mover, Client.connect(address) as watcher:
            toolset = await ToolSet.of(mover, self.name, devices=self._devices)
            own = [one for owner in task.own for one in tools_of(owner)]
            acts = self.memory.uncertain()
            known = cut_off(acts, state_dir(self.bridge.cell) / audit.NAME)
            unseen = {a.id: Doubt(a.tool, json.loads(a.arguments), known[a.id]) for a in acts}
            number = self.memory.begin_episode(task.wake)
            self.session = Session(
                watcher, toolset, own, self.memory, number, budget, screen, unseen
            )
            ended = Ended(CUT_OFF, CUT_OFF, budget)
            try:
                ended = await self._talk(self.session, task, _told(unseen, toolset))
            finally:
                self.session = None
                told = ended.said if ended.done else f"{ended.code}: {ended.said}"
                self.memory.end_episode(number, told, budget.tokens, budget.metres)
        return replace(ended, acts=tuple(self.memory.acts(number)))

    async def _talk(self, session: Session, task: Task, before: Sequence[str]) -> Ended:
        text = "\n\n".join([task.text, *before])
        history = History([{"type": "text", "text": text}])
        budget = session.budget
        try:
            async with asyncio.timeout(budget.limits.seconds):
                said = await self._model.talk(task.system, session.tools, history, session)
            return Ended("done", said, budget)
        except TimeoutError:
            spent = f"The budget of {budget.limits.seconds:g} seconds is spent."
            return Ended(BudgetSpent.code, spent, budget)
        except (BudgetSpent, ModelLost) as error:
            return Ended(error.code, error.message, budget)


def _told(unseen: Mapping[int, Doubt], toolset: ToolSet) -> list[str]:
    listed = toolset.observing.listed
    return [
        f"An earlier act was cut off, so look first ({one.look(listed)}): {one.sentence}"
        for one in unseen.values()
    ]


def cut_off(acts: Sequence[Act], log: Path) -> dict[int, str]:
    """Return what the bridge's audit log says of acts that were cut off, a sentence by act."""
    try:
        entries = audit.read(log, LAST) if acts else []
    except AuditBroken as error:
        return {act.id: f"{_named(act)}; {error.message}" for act in acts}
    return {act.id: f"{_named(act)}: {_found(act, entries)}" for act in acts}


def _named(act: Act) -> str:
    return f"{act.tool} {act.arguments}"


def _found(act: Act, entries: Sequence[audit.Entry]) -> str:
    if not act.plan_digest:
        return "nobody knows what became of it"
    begun = [
        entry.body["id"]
        for entry in entries
        if entry.event == "execute"
        and entry.body["plan_digest"] == act.plan_digest
        and entry.time >= act.began
    ]
    if not begun and not _spans(entries, act):
        return "the bridge's log has gone on since, or its clock was set: nobody knows if it moved"
    if not begun:
        return "the bridge's log has no such motion: nothing moved"
    for entry in entries:
        if entry.event == "receipt" and entry.body["id"] == begun[-1]:
            ended = "ran to its end" if entry.body["completed"] else entry.body["reason"]
            return f"the bridge's log says that it moved: {ended}"
        if entry.event == "refused" and entry.body["id"] == begun[-1]:
            return f"the bridge's log says that nothing moved: {entry.body['error']['message']}"
    return "the bridge's log says that it began to move, and not how it ended"


def _spans(entries: Sequence[audit.Entry], act: Act) -> bool:
    """Tell whether a motion of an act would be among these entries, and be known by its time."""
    times = [entry.time for entry in entries]
    reach_back = not entries or entries[0].number == 1 or times[0] <= act.began
    set_back = times != sorted(times) or time.time() < act.began
    return reach_back and not set_back
