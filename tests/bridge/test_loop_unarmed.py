"""What a loop does for a machine that nobody armed: it may move by itself, or be half armed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.process import GIVE_UP_NS, run
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import BusLost, DeviceFault, ServoSilent
from handrail_drivers.reflex import Rule
from handrail_sim.cell_file import load_cell
from loop_rig import PlainBus, Rig, raised, silent
from pydantic import ValidationError
from reflex_trial import BUTTON, Trial


def refuse(*_: object, **__: object) -> None:
    raise DeviceFault("one servo does not follow")


@pytest.mark.parametrize("category", [0, 1, 2])
def test_a_button_stops_what_homes_once_for_each_press(
    trial: Callable[..., Trial], category: int
) -> None:
    one = trial({"emergency_stop": {**BUTTON, "category": category}})
    one.signal(1.0)
    one.rig.run(2)
    assert one.rig.state.mode == Mode.DISARMED
    for _ in range(2):
        one.bus.calls.clear()
        for _ in range(10):
            one.signal(0.0)
            one.rig.run(1)
        assert one.bus.calls.count("stop") == 1
        one.signal(1.0)
        one.rig.run(2)


def test_a_machine_that_is_silent_while_it_homes_is_not_stopped_for_that(
    rig: Rig, bus: PlainBus
) -> None:
    bus.on_read = silent
    rig.run(20)
    assert "stop" not in bus.calls


def test_a_loop_leaves_once_its_driver_has_heard_the_stop(
    rig: Rig, bus: PlainBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = bus.stop
    monkeypatch.setattr(bus, "stop", refuse)
    rig.tick.flags.stop_wanted = True
    rig.run(1)
    assert not rig.tick.is_done
    monkeypatch.setattr(bus, "stop", stop)
    rig.run(1)
    assert rig.tick.is_done
    assert bus.calls.count("stop") == 1


def test_but_no_device_keeps_it_for_ever(
    rig: Rig, bus: PlainBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "stop", refuse)
    rig.tick.flags.stop_wanted = True
    began = rig.clock.now_ns()
    run(rig.tick, rig.clock, rig.config.period_ns, lambda: True)
    assert rig.clock.now_ns() - began == pytest.approx(GIVE_UP_NS, rel=0.01)


def test_a_bridge_that_dies_stops_what_moves_by_itself(rig: Rig, bus: PlainBus) -> None:
    rig.bridge.close()
    rig.run(3)
    assert bus.calls.count("stop") == 1
    assert rig.tick.is_done


def test_a_stop_after_a_half_failed_arming_takes_power_off(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trial({}, stop_category=0)

    def five_of_six(enabled: bool) -> None:
        one.bus.calls.append(f"torque {enabled}")
        one.bus.torque = [enabled] * 5 + [False]
        if enabled:
            refuse()

    monkeypatch.setattr(one.bus, "set_torque", five_of_six)
    one.rig.run(2)
    assert isinstance(raised(lambda: one.rig.ask("arm", hold=one.bus.position)), DeviceFault)
    one.rig.control.raise_stop("enough")
    one.rig.run(2)
    assert not any(one.bus.torque)


def test_removing_torque_that_fails_leaves_a_stop_wanting_it(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trial({}, stop_category=0)
    one.begin()
    follow = one.bus.set_torque
    monkeypatch.setattr(one.bus, "set_torque", refuse)
    one.rig.control.raise_stop("enough")
    one.rig.until(lambda state: state.motion_id == 0)
    assert isinstance(raised(lambda: one.rig.ask("remove_torque")), DeviceFault)
    monkeypatch.setattr(one.bus, "set_torque", follow)
    one.rig.run(2)
    assert not any(one.bus.torque)


def test_a_joint_that_tells_its_temperature_no_more_is_not_taken_for_cool(
    trial: Callable[..., Trial],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = trial({"warm": {"kind": "joint_temperature", "limit": 60}})
    one.rig.run(2)
    one.rig.ask("arm", hold=one.bus.position)

    def unheard(joint: str) -> Any:
        raise ServoSilent(f"{joint} did not answer.")

    monkeypatch.setattr(one.bus, "read_health", unheard)
    one.rig.until(lambda state: state.mode == Mode.FAULT, 3000)
    assert {"warm", "torque_gone"} <= one.fired
    assert any(math.isnan(degrees) for degrees in one.rig.state.temperature)


class Bus:
    """The link of a loop that does what it is asked, or fails in it."""

    def __init__(self, fails: Exception | None = None) -> None:
        self._fails = fails
        self.asked: list[str] = []

    async def arm(self, _: object) -> None:
        await self._act("arm")

    async def disarm(self) -> None:
        await self._act("disarm")

    async def reset(self) -> None:
        await self._act("reset")

    async def remove_torque(self) -> None:
        await self._act("remove_torque")

    async def close(self) -> None:
        """End."""

    async def _act(self, what: str) -> None:
        self.asked.append(what)
        if self._fails:
            raise self._fails


async def of_two(first: Bus, second: Bus) -> Loops:
    links: Any = [first, second]
    return Loops(loop_configs(load_cell("desk_2f85"), {}), Control.create(), links)


@pytest.mark.parametrize("act", ["remove_torque", "disarm", "reset"])
async def test_what_is_asked_of_all_is_asked_of_every_bus_that_is_there(act: str) -> None:
    ill, well = Bus(BusLost("unplugged")), Bus()
    loops = await of_two(ill, well)
    with pytest.raises(BusLost):
        await getattr(loops, act)()
    assert well.asked == [act]
    await loops.close()


async def test_where_one_bus_cannot_be_armed_none_is() -> None:
    well, ill = Bus(), Bus(DeviceFault("it does not follow"))
    loops = await of_two(well, ill)
    with pytest.raises(DeviceFault):
        await loops.arm([0.0] * 7)
    assert well.asked == ["arm", "disarm"]
    await loops.close()


@pytest.mark.parametrize("scale", [0.0, 0.0004, 1.0])
def test_a_part_of_the_speed_is_one_that_every_bus_can_be_told(scale: float) -> None:
    with pytest.raises(ValidationError):
        Rule(kind="contact", act="slow", speed_scale=scale)
