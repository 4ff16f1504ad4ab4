"""Arming a device that needs some seconds before it can be: it is asked again, and not given up."""

from __future__ import annotations

import time
from typing import Any

import pytest
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.rail import arming
from handrail_drivers.errors import (
    DeviceFault,
    DeviceSilent,
    HandrailError,
    NotArmed,
    NotReady,
    Refused,
)

HOMES = NotReady("machine drives to its limit switches.")
SILENT = DeviceSilent("machine did not answer in time.")


class Loops:
    """Loops whose arming goes as a test says; the last is how it goes on."""

    def __init__(self, *ends: HandrailError | None, mode: Mode = Mode.DISARMED) -> None:
        self.ends, self.mode, self.asked = list(ends), mode, 0

    def state(self) -> LoopState:
        return LoopState(time_ns=time.monotonic_ns(), mode=self.mode)

    async def arm(self, hold: Any) -> None:
        self.asked += 1
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if end is not None:
            raise end


class Others:
    """What arming asks besides."""

    async def hold_command(self, *_: Any) -> tuple[float, ...]:
        return ()

    def felt(self, _: Any) -> None:
        return None


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arming, "AGAIN", 0.0)


async def arm(loops: Loops) -> None:
    await arming.arm(loops, Others(), Others(), loops.arm)  # type: ignore[arg-type]  # stand-ins


async def test_a_machine_that_homes_is_armed_once_it_stands() -> None:
    """Meanwhile it is silent, its loop complains of that, and then it stands elsewhere."""
    complains, moved = NotArmed("26 reads failed"), Refused("x would jump by 0.057 m.")
    loops = Loops(HOMES, SILENT, complains, HOMES, moved, None)
    await arm(loops)
    assert loops.asked == 6


@pytest.mark.parametrize("error", [SILENT, NotArmed("x"), Refused("x would jump.")])
async def test_one_that_did_not_ask_for_time_gets_none(error: HandrailError) -> None:
    loops = Loops(error)
    with pytest.raises(type(error)):
        await arm(loops)
    assert loops.asked == 1


async def test_a_fault_while_it_homes_is_told_at_once() -> None:
    loops = Loops(HOMES, DeviceFault("machine is halted."), None)
    with pytest.raises(DeviceFault, match="halted"):
        await arm(loops)


async def test_a_stop_meanwhile_ends_the_waiting() -> None:
    loops = Loops(HOMES, NotArmed("The cell is stopped."), None, mode=Mode.STOPPED)
    with pytest.raises(NotArmed):
        await arm(loops)


async def test_one_that_homes_too_long_says_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arming, "READY", 0.0)
    with pytest.raises(NotReady, match="limit switches"):
        await arm(Loops(HOMES))
