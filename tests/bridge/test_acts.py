"""What the operator does is done whole or not at all, and is on record."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.rail import arming
from handrail_bridge.rail.audit import read
from handrail_bridge.rail.receipts import Receipts
from handrail_drivers.errors import NotReady, Refused
from rail_rig import began

AT_REST = ("disarm", "reset", "remove_torque")


def noted(road: SimpleNamespace) -> list[str]:
    return [entry.body["what"] for entry in read(road.log, 50) if entry.event == "note"]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("act", AT_REST)
async def test_no_bus_is_asked_while_a_plan_moves_any(road: SimpleNamespace, act: str) -> None:
    """The arm's own loop stands where a plan moves a belt: it would do it."""
    motion = await began(road)
    await until(lambda: road.rail.running is not None)
    with pytest.raises(Refused, match="A motion is running"):
        await getattr(road.rail.acts, act)()
    assert road.loop.asked == []
    assert not any("torque" in what for what in noted(road))
    road.loop.ended = 1
    await motion


async def test_what_has_just_ended_has_its_receipt_before_the_act(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, writes = Receipts.end, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(self: Receipts, *given: Any) -> None:
        loop.call_soon_threadsafe(writes.set)
        end(self, *given)

    monkeypatch.setattr(Receipts, "end", slowly)
    motion = await began(road)
    await until(lambda: road.rail.running is not None)
    road.loop.ended = 1
    await asyncio.wait_for(writes.wait(), 10.0)
    await road.rail.acts.disarm()
    assert motion.done()
    assert [entry.event for entry in read(road.log, 2)] == ["receipt", "note"]


@pytest.mark.parametrize("act", ["arm", *AT_REST])
async def test_an_act_goes_on_and_is_written_down_though_its_client_leaves(
    road: SimpleNamespace, act: str
) -> None:
    road.loop.answers.clear()
    asked = asyncio.ensure_future(getattr(road.rail.acts, act)())
    await until(lambda: act in road.loop.asked)
    asked.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asked
    before = noted(road)
    road.loop.answers.set()
    await until(lambda: noted(road) != before)


async def test_who_leaves_before_a_device_is_ready_does_not_have_it_armed_later(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def homes(_: object) -> None:
        road.loop.asked.append("arm")
        raise NotReady("It drives to its limit switches.")

    monkeypatch.setattr(arming, "AGAIN", 0.0)
    monkeypatch.setattr(road.loop, "arm", homes)
    asked = asyncio.ensure_future(road.rail.acts.arm())
    await until(lambda: len(road.loop.asked) > 1)
    asked.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asked
    for _ in range(10):  # what was on its way ends
        await asyncio.sleep(0)
    before = len(road.loop.asked)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(road.loop.asked) == before
    assert noted(road) == []


async def test_torque_goes_once_that_is_on_the_disk(road: SimpleNamespace) -> None:
    road.loop.answers.clear()
    asked = asyncio.ensure_future(road.rail.acts.remove_torque())
    await until(lambda: bool(road.loop.asked))
    assert noted(road) == ["torque is about to be removed"]
    road.loop.answers.set()
    await asked
    assert noted(road)[1:] == ["torque removed"]


async def test_torque_stays_where_nobody_could_write_that_down(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Refused("The audit log cannot be written.")

    monkeypatch.setattr(Receipts, "note", full)
    with pytest.raises(Refused, match="audit log"):
        await road.rail.acts.remove_torque()
    assert road.loop.asked == []
    await road.rail.acts.disarm()  # what only makes safe waits for no disk
