"""The state told to many: read once in a moment, at the same moments for all of one rate."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.bench.tools import instrument
from handrail_bridge.bench.tools.door import Standing
from handrail_bridge.client import Client
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.reports import CellState
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService
from handrail_bridge.server.telling import Telling, until_next
from handrail_drivers.errors import ProcessLost


class Counting(Standing):
    """A state that knows when it was read [s]."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def state(self) -> CellState:
        self.asked.append(time.monotonic())
        return super().state()


def test_it_is_read_once_for_all_who_ask_in_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    rail, now = Counting(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    telling = Telling(rail.state)
    for now[0] in (100.0, 100.001, 100.0039, 100.005, 100.006, 200.0):
        telling.now()
    assert rail.asked == [100.0, 100.005, 200.0]


@pytest.mark.parametrize("now", [0.0, 0.001, 0.0199, 1234.567])
def test_watchers_of_one_rate_wake_together(now: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: now)
    woken = (now + until_next(50.0)) * 50.0
    assert woken == pytest.approx(round(woken), abs=1e-6)
    assert 0 < until_next(50.0) <= 0.02


async def test_all_of_one_rate_get_one_message_and_never_before_its_moment() -> None:
    rail = Counting()
    telling = Telling(rail.state)
    for _ in range(3):
        asked, due = len(rail.asked), time.monotonic() + until_next(50.0)
        told = [telling.next(50.0) for _ in range(20)]
        told[0].cancel()  # who leaves takes nothing from the others
        first, *others = await asyncio.gather(*told[1:])
        assert all(other is first for other in others)
        assert len(rail.asked) == asked + 1
        assert rail.asked[-1] >= due


async def test_a_state_that_cannot_be_read_is_said_to_all_who_wait() -> None:
    def lost() -> CellState:
        raise ProcessLost("The loop is gone.")

    telling = Telling(lost)
    told = await asyncio.gather(*(telling.next(100.0) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in told] == [ProcessLost] * 3


async def test_watchers_that_come_and_go_are_told_on(tmp_path: Path) -> None:
    standing: Any = Standing()
    mailbox = Mailbox(tmp_path)
    server = Server(RailService(standing, instrument.tools(), {}, tuple), standing, mailbox)
    await server.start("127.0.0.1:0", tmp_path / "o")

    async def watched(count: int) -> list[int]:
        times: list[int] = []
        async with (
            Client.connect(server.address) as rail,
            contextlib.aclosing(rail.watch(100.0)) as states,
        ):
            async for state in states:
                times.append(state.time_ns)
                if len(times) == count:
                    break
        return times

    for times in await asyncio.gather(watched(1), watched(3), watched(10), watched(10)):
        assert times == sorted(set(times)), "the same state twice"
    await server.close()
    mailbox.close()
