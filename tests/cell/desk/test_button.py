"""The emergency button of a cell that runs: pressed, unplugged, and with a dead poller."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import psutil
import pytest
from handrail_bridge.agents.missing import SIGN
from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import Receipt
from handrail_drivers.errors import HandrailError, NotArmed, StaleReading
from running_cell import RunningCell, assert_stood_at_once, midway, sweep
from waiting import until, until_async

BUTTON, STOP = "button", "emergency_stop"
AGE = 0.4  # s, the rule's, in the cell file


def poller(cell: RunningCell) -> psutil.Process:
    """Return the process that polls the button."""
    (found,) = (
        process
        for process in psutil.Process(cell.process.pid).children()
        if "handrail_bridge.loop.inputs" in process.cmdline()
    )
    return found


@pytest.fixture(autouse=True)
async def let_go(cell: RunningCell) -> AsyncIterator[None]:
    """After a test the button is plugged, released and read."""
    yield
    cell.truth.plug(BUTTON)
    cell.truth.release(BUTTON, STOP)
    if cell.bridge is not None:
        await until_it_reads(cell, level=True)


async def until_it_reads(cell: RunningCell, level: bool) -> None:
    async with cell.agent() as rail:

        async def so() -> bool:
            return await reads(rail) is level

        await until_async(so)


async def reads(rail: Client) -> bool | None:
    """Return what an agent is told of the button: None where nobody knows."""
    with contextlib.suppress(StaleReading):
        return bool((await rail.call("button_read_inputs"))[STOP]["level"])
    return None


async def missing(rail: Client) -> list[str]:
    """Return which devices an agent is told are not there."""
    notices = (await rail.cell()).notices
    return [one.split(":")[0] for one in notices if SIGN in one]


async def interrupted(
    cell: RunningCell, act: Callable[[], object], noticed: float = 0.0
) -> Receipt:
    """Do something in the middle of a sweep; the arm stands at once. Return the receipt."""
    async with cell.armed() as rail:
        running = await midway(rail, cell)
        since = time.monotonic()
        act()
        receipt = await running
        await asyncio.to_thread(assert_stood_at_once, cell, since, noticed)  # heartbeats go on
        return receipt


async def assert_latched(cell: RunningCell, receipt: Receipt) -> None:
    """The stop is named in the receipt and in the state, and lasts."""
    assert not receipt.completed
    assert receipt.reflexes == (STOP,)
    assert receipt.fault_code == "digital_input"
    assert receipt.reason.startswith(f"{STOP}: {BUTTON}.{STOP} ")
    async with cell.agent() as rail:
        state = await rail.state()
        assert state.mode == Mode.FAULT
        assert state.reflexes == (STOP,)
        assert state.reason == receipt.reason


async def test_pressed_in_mid_motion_it_stops_the_arm_until_an_operator_says_otherwise(
    cell: RunningCell,
) -> None:
    receipt = await interrupted(cell, lambda: cell.truth.press(BUTTON, STOP))
    await assert_latched(cell, receipt)
    assert "reads false" in receipt.reason

    pressed = time.monotonic()
    async with cell.operator() as operator:
        assert (await operator.reset()).mode == Mode.DISARMED
        with pytest.raises(NotArmed, match=f"{BUTTON}.{STOP} reads false"):
            await operator.arm()
        cell.truth.release(BUTTON, STOP)
        await until_it_reads(cell, level=True)
        assert (await operator.state()).mode == Mode.DISARMED
    assert cell.moved_since(pressed) < 0.002, "a released button moved something"
    async with cell.armed() as rail:
        assert (await sweep(rail, cell)).completed


async def test_releasing_it_without_a_reset_resumes_nothing(cell: RunningCell) -> None:
    await interrupted(cell, lambda: cell.truth.press(BUTTON, STOP))
    stood = time.monotonic()
    cell.truth.release(BUTTON, STOP)
    await until_it_reads(cell, level=True)
    async with cell.operator() as operator:
        assert (await operator.state()).mode == Mode.FAULT
        with pytest.raises(NotArmed, match=STOP):
            await operator.arm()
    async with cell.agent() as rail, rail.lease("test"):
        with pytest.raises(NotArmed):
            await sweep(rail, cell)
    assert cell.moved_since(stood) < 0.002


async def test_a_tap_is_enough(cell: RunningCell) -> None:
    """Pressed for as long as it takes to be read once."""

    def tap() -> None:
        cell.truth.press(BUTTON, STOP)
        until(lambda: asyncio.run(reads_once(cell)) is False)
        cell.truth.release(BUTTON, STOP)

    async with cell.armed():
        await asyncio.to_thread(tap)
        async with cell.agent() as rail:
            assert (await rail.state()).reflexes == (STOP,)


async def reads_once(cell: RunningCell) -> bool | None:
    async with cell.agent() as rail:
        return await reads(rail)


async def test_unplugged_in_mid_motion_it_stops_the_arm_and_comes_back_by_itself(
    cell: RunningCell,
) -> None:
    receipt = await interrupted(cell, lambda: cell.truth.pull(BUTTON), AGE)
    await assert_latched(cell, receipt)
    assert f"{AGE} s are allowed" in receipt.reason
    async with cell.agent() as rail:
        assert await reads(rail) is None
        assert await missing(rail) == [BUTTON]
    cell.truth.plug(BUTTON)
    await until_it_reads(cell, level=True)
    async with cell.armed() as rail:
        assert await missing(rail) == []
        assert (await sweep(rail, cell)).completed


async def test_a_poller_that_hangs_stops_the_arm(cell: RunningCell) -> None:
    process = poller(cell)
    try:
        receipt = await interrupted(cell, process.suspend, AGE)
    finally:
        process.resume()
    await assert_latched(cell, receipt)
    assert "last reported" in receipt.reason


async def test_a_dead_poller_stops_the_arm_until_a_bridge_is_started_that_has_its_button(
    cell: RunningCell,
) -> None:
    receipt = await interrupted(cell, poller(cell).kill, AGE)
    await assert_latched(cell, receipt)
    async with cell.operator() as operator:
        await operator.reset()
        with pytest.raises(NotArmed, match="last reported"):
            await operator.arm()
    assert cell.down() == 0
    cell.truth.pull(BUTTON)
    with pytest.raises(HandrailError, match=f"no port {cell.twin.links[BUTTON]}"):
        cell.up()
    assert cell.down() != 0
    cell.truth.plug(BUTTON)
    cell.up()
    async with cell.armed():
        assert await reads_once(cell)
