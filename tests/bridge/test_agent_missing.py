"""Devices that vanish and come back: an agent is told once of each, in a session and asleep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.agents import session as sessions
from handrail_bridge.agents.budget import Budget, Limits
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.missing import Missing
from handrail_bridge.agents.results import Result
from handrail_bridge.agents.session import Session
from handrail_bridge.agents.wakes import Wakes

GONE = "scale: not connected, it does not answer"
STANDING = "arm_bus: realtime: yes."


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    memory = Memory(tmp_path, "ada")
    yield memory
    memory.close()


def test_what_vanishes_and_what_returns_is_told_once() -> None:
    missing = Missing()
    assert missing.news([STANDING]) == []
    assert missing.news([STANDING, GONE]) == ["scale is not there: it does not answer"]
    assert missing.news([STANDING, "scale: not connected, for another reason"]) == []
    (back,) = missing.news([STANDING])
    assert back.startswith("scale is there again")
    assert missing.news([STANDING]) == []


def test_asleep_it_is_woken_and_a_restart_forgets_nothing(memory: Memory) -> None:
    Wakes(memory).hardware([GONE])
    Wakes(memory).hardware([GONE])  # another life
    wakes = Wakes(memory)
    wake = wakes.next(2e9)
    assert wake is not None
    assert (wake.cause, wake.text) == ("hardware", "scale is not there: it does not answer")
    wakes.over(wake)
    assert wakes.next(2e9) is None
    wakes.hardware([])
    again = wakes.next(2e9)
    assert again is not None
    assert "scale is there again" in again.text


class Rail:
    """A client of a cell whose notices a test sets."""

    def __init__(self) -> None:
        self.notices: tuple[str, ...] = ()

    async def cell(self) -> Any:
        return SimpleNamespace(notices=self.notices)


class Tools:
    """A tool set in which every tool answers."""

    def __init__(self) -> None:
        self.tools: dict[str, Any] = {}
        self.plans: tuple[Any, ...] = ()

    async def call(self, *_: Any) -> Result:
        return Result({"answer": 1})


async def test_at_work_it_is_told_with_the_next_result(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LOOK", 0.0)
    rail: Any = Rail()
    tools: Any = Tools()
    screen: Any = SimpleNamespace(answered=lambda _: None)
    session = Session(rail, tools, (), memory, memory.begin_episode(0), Budget(Limits()), screen)
    assert (await session.run("stop", {})).data == {"answer": 1}
    rail.notices = (GONE,)
    told = (await session.run("stop", {})).data
    assert told == {"answer": 1, "hardware": ["scale is not there: it does not answer"]}
    assert (await session.run("stop", {})).data == {"answer": 1}
