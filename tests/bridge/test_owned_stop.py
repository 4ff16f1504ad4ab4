"""A stop of a device that the bridge owns: what fails is made good, and nothing comes after it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from handrail_bridge.devices.owned import OwnedDevice
from handrail_drivers.api import Effect, tool
from handrail_drivers.errors import DeviceFault, DeviceSilent, MotionStopped, NotArmed, Refused
from waiting import until

DEADLINE = 20.0  # s


class Heater:
    """A plugin's driver: ``troubles`` are raised by what it is asked next."""

    transport = "none"

    def __init__(self, name: str, settings: object, transport: object) -> None:
        self.on = False
        self.troubles: list[Exception] = []
        self.entered, self.free = threading.Event(), threading.Event()
        self.free.set()

    def connect(self) -> None:
        self._fail()

    def stop(self) -> None:
        self._fail()
        self.on = False

    def close(self) -> None:
        self.on = False

    @tool(Effect.CONFIGURE)
    def set_power(self, on: bool) -> None:
        """Switch it."""
        self.on = on

    @tool(Effect.CONFIGURE)
    async def set_power_later(self, on: bool) -> None:
        """Switch it, as a driver that waits would."""
        self.on = on

    @tool(Effect.OBSERVE)
    def read_slowly(self) -> bool:
        """Look whether it is on."""
        self.entered.set()
        assert self.free.wait(DEADLINE)
        return self.on

    def _fail(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)


@pytest.fixture
def stopped() -> list[bool]:
    return [False]


@pytest.fixture
def device(stopped: list[bool]) -> Iterator[OwnedDevice]:
    found = OwnedDevice("heater", Heater, None, lambda: stopped[0])
    found.start()
    until(lambda: found.notice is None)
    yield found
    found.close()


@pytest.mark.parametrize("trouble", [DeviceSilent("no answer."), ValueError("a plugin's")])
def test_one_that_fails_is_said_and_made_good(device: OwnedDevice, trouble: Exception) -> None:
    device.set_power(on=True)
    device._driver.troubles = [trouble] * 2
    with pytest.raises(DeviceFault, match=r"heater has not got its safe values: stop \("):
        device.stop()
    until(lambda: not device._driver.on)


def test_nothing_is_configured_while_one_is_owed(device: OwnedDevice) -> None:
    device._driver.troubles = [DeviceSilent("no answer.")] * 10_000
    with pytest.raises(DeviceFault):
        device.stop()
    with pytest.raises(Refused, match="until it has"):
        device.set_power(on=True)
    assert device.read_slowly() is False, "looking is free"
    device._driver.troubles.clear()
    until(lambda: not device._safe.owed)
    device.set_power(on=True)
    assert device._driver.on


async def test_a_latched_stop_holds(device: OwnedDevice, stopped: list[bool]) -> None:
    stopped[0] = True
    with pytest.raises(NotArmed, match="The cell is stopped"):
        device.set_power(on=True)
    with pytest.raises(NotArmed):
        await device.set_power_later(on=True)
    assert not device._driver.on
    assert device.read_slowly() is False
    stopped[0] = False
    await device.set_power_later(on=True)
    assert device._driver.on


def test_a_call_that_waits_while_a_stop_waits_too_is_not_made(
    device: OwnedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the two has its turn first."""
    turn, waits = device._turn, threading.Event()
    device._driver.free.clear()
    with ThreadPoolExecutor(3) as threads:
        looking = threads.submit(device.read_slowly)
        assert device._driver.entered.wait(DEADLINE)
        monkeypatch.setattr(device, "_turn", lambda: (waits.set(), turn())[1])
        switching = threads.submit(device.set_power, on=True)
        assert waits.wait(DEADLINE)
        stopping = threads.submit(device.stop)
        until(lambda: device._safe.stops == 1)
        device._driver.free.set()
        assert looking.result(DEADLINE) is False
        with pytest.raises(MotionStopped, match="was stopped before"):
            switching.result(DEADLINE)
        stopping.result(DEADLINE)
    assert not device._driver.on


async def test_a_plugin_that_breaks_is_found_all_the_same(stopped: list[bool]) -> None:
    found = OwnedDevice("heater", Heater, None, lambda: stopped[0])
    found._driver.troubles = [ValueError("a plugin's")]
    found.start()
    try:
        await asyncio.to_thread(until, lambda: found.notice is None)
    finally:
        found.close()
