"""Devices that vanish and come back: an agent is told once of each, in a session and asleep."""

from __future__ import annotations

import contextlib
import time
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
from handrail_bridge.devices.hardware import Hardware
from handrail_bridge.devices.inputs import Inputs
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.settings import InputConfig
from handrail_drivers.reflex import Signal

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


class Poller:
    """The process that reads a device of inputs."""

    def __init__(self) -> None:
        self.code: int | None = None  # once it has died

    def poll(self) -> int | None:
        return self.code


@pytest.fixture
def button() -> Iterator[tuple[Inputs, Control, Poller]]:
    signals = {"stop": 3, "door": 4}
    config = InputConfig(device="button", driver="none", settings={}, rate=100, signals=signals)
    control, poller = Control.create(), Poller()
    process: Any = poller
    yield Inputs(config, control, process), control, poller
    control.close()


def cell_with(inputs: Inputs) -> Hardware:
    """A cell of which one device of every kind is not there, but for the inputs."""

    def gone(name: str) -> Any:
        return SimpleNamespace(notices=lambda: (f"{name}: not connected, x",))

    loops: Any = SimpleNamespace(missing=gone("arm").notices)
    others = (gone("scale"), gone("tower"), gone("supply"))
    return Hardware(None, loops, contextlib.ExitStack(), {"button": inputs}, *others)


def test_a_cell_tells_of_every_kind_of_device_that_is_not_there(
    button: tuple[Inputs, Control, Poller],
) -> None:
    inputs, control, poller = button
    missing, cell = Missing(), cell_with(inputs)

    def read(*numbers: int) -> None:
        for number in numbers:
            control.put_signal(number, Signal(1.0, time.monotonic_ns()))

    read(3, 4)
    assert [one.split()[0] for one in missing.news(cell.notices())] == [
        "arm", "scale", "tower", "supply"
    ]  # fmt: skip
    control.put_signal(4, Signal(1.0, 1))  # one of its levels is not read any more
    (gone,) = missing.news(cell.notices())
    assert gone.startswith("button is not there: button.door has not been read")
    read(3, 4)
    (back,) = missing.news(cell.notices())
    assert back.startswith("button is there again")
    poller.code = -9
    (dead,) = missing.news(cell.notices())
    assert dead == "button is not there: its poller has died: restart the bridge"
