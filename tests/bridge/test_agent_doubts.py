"""After an act whose answer was lost: only what tells of it closes the doubt, and not any look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from handrail_bridge.agents.budget import Budget, Limits
from handrail_bridge.agents.doubts import Doubt
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.own_tools import Mailing, tools_of
from handrail_bridge.agents.session import Session
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState, Mail, Permit, Receipt
from handrail_drivers.errors import HandrailError, ProcessLost, Refused
from stand_in_rail import HOME, StandInRail, over, state

TARE = {"tool": "scale_0_tare"}
SILENT = ProcessLost("The bridge did not answer within 15 s.")


class Losing(StandInRail):
    """A bridge that does what it is told, and whose answers to it are lost."""

    def __init__(self) -> None:
        super().__init__(scales=2)

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        if name.endswith("tare"):
            raise SILENT
        return await super().call(name, **arguments)

    async def execute(
        self, plan: Mapping[str, Any], permit: Permit
    ) -> AsyncGenerator[CellState | Receipt, None]:
        raise SILENT
        yield  # it is a generator

    async def watch(self, _: float) -> AsyncGenerator[CellState, None]:
        yield await self.state()

    async def send_mail(self, *_: Any) -> Any:
        raise SILENT

    async def mail(self, _recipient: str, after: int, *_: Any) -> list[Mail]:
        return [] if after else [Mail(1, 0.0, "ann", "bob", "Hello.")]


class Stopping(StandInRail):
    """A bridge at which a plan moves until something ends it."""

    def __init__(self, watch: HandrailError | None = None, run: HandrailError | None = None):
        super().__init__()
        self._ends_watch, self._ends_run = watch, run

    async def execute(
        self, plan: Mapping[str, Any], permit: Permit
    ) -> AsyncGenerator[CellState | Receipt, None]:
        self.moving.set()
        yield replace(state(Mode.MOVING), plan_digest="plan")
        if self._ends_run:
            raise self._ends_run
        await asyncio.Event().wait()

    async def watch(self, _: float) -> AsyncGenerator[CellState, None]:
        await self.moving.wait()
        yield replace(state(Mode.MOVING), plan_digest="plan")
        if self._ends_watch:
            raise self._ends_watch
        yield replace(state(Mode.MOVING), plan_digest="plan", tcp_position=(9.0, 0.0, 0.0))
        if not self._ends_run:
            return
        await asyncio.Event().wait()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    memory = Memory(tmp_path, "ada")
    yield memory
    memory.close()


async def session_of(
    memory: Memory, unseen: Mapping[int, Doubt] | None = None, rail: Any = None, metres: float = 99
) -> Session:
    rail = rail or Losing()
    screen: Any = Mock()
    own, episode = tools_of(Mailing(rail, "ada")), memory.begin_episode()
    budget = Budget(Limits(metres=metres))
    return Session(rail, await over(rail), own, memory, episode, budget, screen, unseen)


async def act(session: Session, what: str) -> None:
    """Do something whose answer is lost."""
    if what == "plan_run":
        arguments: dict[str, Any] = {"plan": (await session.run("plan_check", HOME)).data["plan"]}
    else:
        arguments = TARE if what == "configure" else {"to": "ann", "text": "Three."}
    assert (await session.run(what, arguments)).unknown


READ = ("read", {"tool": "scale_0_read_weight"})
OTHER = ("read", {"tool": "scale_1_read_weight"})
PICTURE = ("picture", {"camera": "overhead"})
LOOK, STATE = ("look", {}), ("state", {})
OWN_MAIL, OLD_MAIL = ("mail_list", {"after": 1}), ("mail_list", {"everybody": True})
MAIL = ("mail_list", {"everybody": True, "after": 1})


@pytest.mark.parametrize(
    ("what", "wrong", "right"),
    [
        ("configure", [PICTURE, LOOK, STATE, OTHER, MAIL], READ),
        ("plan_run", [PICTURE, READ, MAIL], LOOK),
        ("plan_run", [PICTURE, READ, MAIL], STATE),
        ("mail_send", [PICTURE, LOOK, STATE, READ, OWN_MAIL, OLD_MAIL], MAIL),
    ],
)
async def test_only_the_look_that_tells_of_an_act_closes_its_doubt(
    memory: Memory, what: str, wrong: list[tuple[str, Any]], right: tuple[str, Any]
) -> None:
    session = await session_of(memory)
    await act(session, what)
    for tool, arguments in wrong:
        assert not (await session.run(tool, arguments)).failed
        assert len(memory.uncertain()) == 1, f"{tool} {arguments} tells nothing of {what}"
    refused = (await session.run("configure", {"tool": "scale_1_tare"})).data["refused"]
    assert refused["hint"].startswith("look first")
    assert right[0] in refused["hint"]
    assert not (await session.run(*right)).failed
    assert memory.uncertain() == []
    assert (await session.run("configure", {"tool": "scale_1_tare"})).unknown, "it goes on"


async def test_a_device_that_does_not_answer_has_not_been_looked_at(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await session_of(memory)
    await act(session, "configure")

    async def silent(*_: Any, **__: Any) -> Any:
        raise SILENT

    monkeypatch.setattr(Losing, "call", silent)
    assert (await session.run(*READ)).failed
    assert len(memory.uncertain()) == 1


async def test_an_act_of_an_earlier_life_wants_the_same_look(memory: Memory) -> None:
    number = memory.begin_act(memory.begin_episode(), "configure", TARE)
    session = await session_of(memory, {number: Doubt("configure", TARE, "tare: nobody knows")})
    await session.run(*LOOK)
    assert len(memory.uncertain()) == 1
    await session.run(*READ)
    assert memory.uncertain() == []


async def test_what_nothing_can_be_read_of_is_looked_at_as_far_as_anything_shows_it(
    memory: Memory,
) -> None:
    """A device without a reading, or one that the cell has no more."""
    gone = {"tool": "pump_dispense"}
    number = memory.begin_act(memory.begin_episode(), "configure", gone)
    session = await session_of(memory, {number: Doubt("configure", gone, "nobody knows")})
    await session.run(*PICTURE)
    assert memory.uncertain() == []


# -- what is stopped on its way ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rail", "metres", "why"),
    [
        (Stopping, 0.1, "metres is spent"),
        (Stopping, 99.0, "could not be watched"),
        (partial(Stopping, watch=Refused("Too many watch already.")), 99.0, "Too many watch"),
        (partial(Stopping, run=Refused("The disk is full.")), 99.0, "The disk is full"),
    ],
)
async def test_a_motion_that_was_stopped_on_its_way_is_not_called_undone(
    memory: Memory, rail: Any, metres: float, why: str
) -> None:
    session = await session_of(memory, rail=rail(), metres=metres)
    checked = await session.run("plan_check", HOME)
    ended = await session.run("plan_run", {"plan": checked.data["plan"]})
    assert ended.unknown, ended.text
    assert why in ended.data["unknown"]["message"]
    assert len(memory.uncertain()) == 1


async def test_what_is_stopped_before_it_moves_is_a_refusal(memory: Memory) -> None:
    """A plan waits for a person; meanwhile nobody can watch."""
    rail = Stopping(watch=Refused("Too many watch already."))
    rail.asks = ("It is fast.",)
    rail.moving.set()  # what moves is another's
    session = await session_of(memory, rail=rail)
    checked = await session.run("plan_check", HOME)
    ended = await session.run("plan_run", {"plan": checked.data["plan"]})
    assert ended.refused
    assert memory.uncertain() == []
