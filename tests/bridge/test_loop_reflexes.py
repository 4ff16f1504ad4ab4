"""What a reflex that fired does: it slows or stops, is latched, and waits for a reset."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from handrail_bridge.loop.settings import GUARDS
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import VECTORS, LoopState, Mode
from handrail_drivers import plugins
from handrail_drivers.errors import BusLost, NotArmed, ServoSilent
from handrail_drivers.reflex import Rule
from handrail_sim.cell import RULES
from handrail_sim.cell_file import load_cell
from loop_rig import PlainBus, Rig, silent
from reflex_trial import BUTTON, Trial, config_with, too_hot


def test_a_slowing_reflex_leaves_a_part_of_the_speed_until_reset(
    trial: Callable[..., Trial],
) -> None:
    one = trial(
        {"warm": {"kind": "joint_temperature", "limit": 60, "act": "slow", "speed_scale": 0.3}}
    )
    one.begin()
    too_hot(one)
    one.rig.run(40)
    assert (one.rig.state.mode, one.rig.state.speed_scale) == (Mode.MOVING, 0.3)
    before = one.rig.state.row
    one.rig.run(100)
    assert one.rig.state.row - before == pytest.approx(30, abs=2)
    one.rig.tick.port.temperature = (30.0,) * 6
    one.rig.run(20)
    assert one.rig.state.speed_scale == 0.3, "it went faster without a reset"
    one.rig.until(lambda state: state.mode == Mode.ARMED, 3000)
    assert one.rig.state.ended_completed
    assert one.fired == {"warm"}
    one.reset()
    assert (one.rig.state.mode, one.rig.state.speed_scale, one.fired) == (Mode.ARMED, 1.0, set())


def test_a_hand_that_comes_near_slows_the_watched_desk_and_in_the_zone_stops_it(
    trial: Callable[..., Trial],
) -> None:
    rules = load_cell("desk_watched").reflexes
    one = trial({name: rule for name, rule in rules.items() if rule["kind"] == "perception"})
    one.signal(0.2, "eyes.hand")
    one.begin()
    assert one.rig.state.speed_scale == 1.0
    one.signal(0.03, "eyes.hand")
    one.rig.run(40)
    assert (one.rig.state.mode, one.rig.state.speed_scale) == (Mode.MOVING, 0.25)
    assert one.fired == {"hand_near"}
    one.signal(0.0, "eyes.hand")
    one.rig.run(1)
    assert one.rig.state.mode in (Mode.STOPPING, Mode.FAULT)
    assert one.fired == {"hand", "hand_near"}


def test_a_button_stops_and_its_release_resumes_nothing(trial: Callable[..., Trial]) -> None:
    one = trial({"emergency_stop": BUTTON})
    with pytest.raises(NotArmed, match="never reported"):
        one.begin()
    one.signal(1.0)
    one.begin()
    one.signal(0.0)
    one.rig.run(1)
    assert one.rig.state.mode in (Mode.FAULT, Mode.STOPPING)
    assert "box.stop reads false" in one.rig.state.reason
    one.signal(1.0)
    one.rig.run(200)
    assert (one.rig.state.mode, one.rig.state.motion_id) == (Mode.FAULT, 0)
    one.signal(0.0)
    one.reset()
    with pytest.raises(NotArmed, match="reads false"):
        one.rig.ask("arm", hold=one.bus.position)
    one.signal(1.0)
    one.rig.run(1)
    one.rig.ask("arm", hold=one.bus.position)


@pytest.mark.parametrize("category", [0, 1])
def test_a_category_takes_power_off_at_once_or_after_the_stop(
    trial: Callable[..., Trial], category: int
) -> None:
    one = trial({"emergency_stop": {**BUTTON, "category": category}})
    one.signal(1.0)
    one.begin()
    one.bus.calls.clear()
    one.signal(0.0)
    one.rig.run(1)
    assert ("torque False" in one.bus.calls) == (category == 0)
    one.rig.until(lambda state: state.mode == Mode.FAULT and state.motion_id == 0, 60)
    assert "torque False" in one.bus.calls
    moved = [
        call for call in one.bus.calls[one.bus.calls.index("torque False") :] if call == "write"
    ]
    assert moved == []
    assert not any(one.rig.state.torque_enabled)


def test_power_is_tried_again_where_a_servo_does_not_hear(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trial({"emergency_stop": {**BUTTON, "category": 0}})
    one.signal(1.0)
    one.begin()
    tries: list[bool] = []

    def deaf(enabled: bool) -> None:
        tries.append(enabled)
        if len(tries) < 3:
            raise ServoSilent("elbow_flex does not answer.", subject="elbow_flex")

    monkeypatch.setattr(one.bus, "set_torque", deaf)
    one.signal(0.0)
    one.rig.run(5)
    assert tries == [False] * 3


class Faulty:
    """A plugin that fails."""

    Settings = Rule

    def __init__(self, settings: object, surroundings: object) -> None:
        pass

    def look(self, sight: object) -> str | None:
        raise ZeroDivisionError("a bug")


def test_a_plugins_kind_is_used_like_ours_and_a_bug_in_it_stops(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = plugins.reflexes.one

    def one_of(name: str) -> type:
        return Faulty if name == "theirs" else ours(name)

    config = config_with({})
    monkeypatch.setattr(plugins.reflexes, "one", one_of)
    rules = {"foreign": {"kind": "theirs"}}
    bad = config.model_copy(update={"rules": rules, "reflexes": (*GUARDS, "foreign")})
    bus = PlainBus(bad.joints)
    rig = Rig(bad, lambda: bus)
    with pytest.raises(NotArmed, match="the reflex itself failed: ZeroDivisionError"):
        rig.ask("arm", hold=bus.position)
    rig.close()


def lose(one: Trial) -> None:
    """The port goes, and comes back two seconds later."""
    read = one.bus.on_read

    def gone() -> None:
        raise BusLost("unplugged")

    one.bus.on_read = gone
    one.rig.run(1)
    one.bus.on_read = read
    one.rig.run(500)


@pytest.mark.parametrize("category", [0, 1])
def test_power_that_is_to_go_goes_once_the_bus_is_back(
    trial: Callable[..., Trial], category: int
) -> None:
    one = trial({"emergency_stop": {**BUTTON, "category": category}})
    one.signal(1.0)
    one.begin()
    one.bus.calls.clear()
    lose(one)  # the button is silent meanwhile, which counts as pressed
    assert one.rig.state.fault_code == "bus_lost"
    assert one.bus.calls.count("torque False") == 1


def test_a_button_pressed_while_disarmed_takes_power_off_too(trial: Callable[..., Trial]) -> None:
    one = trial({"emergency_stop": {**BUTTON, "category": 0}})
    one.signal(1.0)
    one.rig.run(2)
    one.rig.ask("arm", hold=one.bus.position)
    one.rig.ask("disarm")
    one.bus.calls.clear()
    one.rig.run(3)
    assert "torque False" not in one.bus.calls
    one.signal(0.0)
    one.rig.run(10)
    assert one.bus.calls.count("torque False") == 1, "once, and not on every tick"


def test_a_software_stop_of_category_0_takes_power_off_after_a_fault_as_well(
    trial: Callable[..., Trial],
) -> None:
    one = trial({"emergency_stop": BUTTON}, stop_category=0)
    one.signal(1.0)
    one.begin()
    one.signal(0.0)
    one.rig.until(lambda state: state.mode == Mode.FAULT and state.motion_id == 0, 60)
    assert all(one.rig.state.torque_enabled), "the button's own stop holds"
    one.rig.control.raise_stop("enough")
    one.rig.run(2)
    assert not any(one.rig.state.torque_enabled)
    assert one.rig.tick.is_done


def test_contact_is_felt_while_slowed_down_and_with_late_readings(
    trial: Callable[..., Trial],
) -> None:
    contact = {"kind": "contact", "margin": 0.2}
    slow = {**BUTTON, "act": "slow", "speed_scale": 0.25}
    one = trial({"touch": contact, "slow": slow})
    one.signal(1.0)
    one.begin(effort=0.0)
    one.signal(0.0)
    one.rig.run(100)
    assert one.rig.state.speed_scale == 0.25
    assert one.fired == {"slow"}
    read = one.bus.read
    one.bus.read = lambda: replace(read(), effort=(3.0,) * 6)  # type: ignore[method-assign]
    late = itertools.cycle([False] * 9 + [True])
    one.bus.on_read = lambda: silent() if next(late) else None
    one.rig.until(lambda state: state.mode == Mode.FAULT, 100)
    assert "touch" in one.fired


def push(one: Trial, effort: float) -> None:
    """Have every joint report an effort [N.m] from now on."""
    one.bus.read = lambda: replace(  # type: ignore[method-assign]
        PlainBus.read(one.bus), effort=(effort,) * 6
    )


@pytest.mark.parametrize("effort", [0.25, -0.25])
def test_an_effort_that_stays_out_of_its_tube_stops_without_any_rule(
    trial: Callable[..., Trial], effort: float
) -> None:
    one = trial({})
    one.begin(effort=0.0)
    push(one, effort)
    one.rig.until(lambda state: state.mode == Mode.FAULT, 40)
    assert one.fired == {"effort"}
    assert one.rig.state.fault_code == "tube_left"
    assert "shoulder_pan pushes with" in one.rig.state.reason


def test_who_does_not_measure_efforts_is_not_held_to_them(trial: Callable[..., Trial]) -> None:
    one = trial({}, measures_effort=False)
    one.begin(effort=0.0)
    push(one, 5.0)
    one.rig.run(60)
    assert one.rig.state.mode == Mode.MOVING


def test_a_jolt_is_not_out_of_the_tube_and_neither_is_what_lies_within(
    trial: Callable[..., Trial],
) -> None:
    one = trial({})
    one.begin(effort=0.0)
    for effort in (1.0, 0.19) * 3:
        push(one, effort)
        one.rig.run(20)
    assert one.rig.state.mode == Mode.MOVING
    assert not one.fired


def test_the_last_rule_that_a_cell_may_have_fits_into_the_state() -> None:
    shared = Shared.create(1, 250)
    last = 1 << (len(GUARDS) + RULES - 1)
    numbers = dict.fromkeys(VECTORS, (0.0,))
    shared.publish(LoopState(mode=Mode.FAULT, fired=last, torque_enabled=(True,), **numbers))
    found = shared.state()
    assert found is not None
    assert found.fired == last
    shared.close()
