"""Taking torque and giving it back, in virtual time, judged by every write on the bus."""

from __future__ import annotations

import pytest
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import Mode
from handrail_drivers.api import JointState
from handrail_drivers.errors import (
    NotArmed,
    Refused,
)
from handrail_sim.verdict import Trajectory
from loop_rig import PlainBus, Rig, silent


def test_goals_are_written_before_torque(rig: Rig, bus: PlainBus) -> None:
    bus.calls.clear()
    bus.goal = [9.0] * 6  # what the registers hold after power came on
    hold = [p + 0.03 for p in bus.position]
    rig.ask("arm", hold=hold)
    assert bus.calls[:3] == ["connect", "write", "torque True"], "limits, goals, torque"
    assert bus.writes[0] == tuple(hold)
    rig.run(5)
    assert set(bus.writes) == {tuple(hold)}


def test_one_late_reply_does_not_keep_it_from_being_armed(
    rig: Rig, bus: PlainBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, late = bus.read, [False, True, True]  # the tick's own, then the arming's

    def sometimes() -> JointState:
        return silent() if late and late.pop(0) else read()

    monkeypatch.setattr(bus, "read", sometimes)
    rig.ask("arm", hold=bus.position)
    assert (rig.state.mode, late) == (Mode.ARMED, [])
    assert rig.state.setpoint == tuple(bus.position), "what it holds is said with the answer"


def test_a_bus_that_stays_silent_is_not_armed(
    rig: Rig, bus: PlainBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "read", silent)
    with pytest.raises(NotArmed, match="elbow_flex"):
        rig.ask("arm", hold=bus.position)
    assert (rig.state.mode, bus.writes) == (Mode.DISARMED, [])


def test_arming_under_torque_keeps_the_goals_that_hold_the_arm(rig: Rig, bus: PlainBus) -> None:
    bus.torque = [True] * 6
    bus.goal = [p + 0.05 for p in bus.position]
    bus.goal[5] = bus.position[5] - 0.3  # the jaw presses on what it holds
    goal = tuple(bus.goal)
    rig.ask("arm", hold=bus.position)
    assert rig.state.setpoint == goal, "known once it is answered: a plan may start from it"
    rig.run(5)
    assert set(bus.writes) == {goal}
    assert bus.calls.count("torque True") == 1, "its driver may not know yet that it has power"


def test_a_hold_that_would_jump_is_refused(rig: Rig, bus: PlainBus) -> None:
    hold = list(bus.position)
    for value in (hold[1] + 0.2, float("nan")):
        with pytest.raises(Refused, match="shoulder_lift would jump"):
            rig.ask("arm", hold=[hold[0], value, *hold[2:]])
    assert bus.writes == []
    assert not any(bus.torque)
    assert rig.state.mode == Mode.DISARMED


def test_torque_is_removed_only_at_rest(armed: Rig, bus: PlainBus, path: Trajectory) -> None:
    armed.play(path)
    armed.run(10)
    for act in ("remove_torque", "disarm", "reset"):
        with pytest.raises(Refused):
            armed.ask(act)
    armed.until(lambda state: state.mode == Mode.ARMED)
    armed.ask("remove_torque")
    armed.run(1)
    assert not any(bus.torque)
    assert armed.state.mode == Mode.DISARMED
    assert not any(armed.state.torque_enabled)
    before = len(bus.writes)
    armed.run(20)
    assert len(bus.writes) == before


def test_health_is_read_in_turn_in_the_slack(rig: Rig, bus: PlainBus) -> None:
    asked: list[str] = []
    read = bus.read_health
    bus.read_health = lambda joint: (asked.append(joint), read(joint))[1]  # type: ignore[method-assign]
    rig.run(6 * 63)
    assert asked[:6] == list(bus.joints)
    assert rig.state.temperature == (30.0,) * 6


def test_arming_that_takes_long_is_no_stall(
    rig: Rig, bus: PlainBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    give = bus.set_torque

    def slowly(enabled: bool) -> None:
        rig.clock.sleep_until(rig.clock.now_ns() + int(2e9 * rig.config.heartbeat))
        give(enabled)

    monkeypatch.setattr(bus, "set_torque", slowly)
    rig.ask("arm", hold=bus.position)
    rig.run(5)
    assert rig.state.mode == Mode.ARMED, rig.state.reason


@pytest.mark.parametrize("torque", [True, False])
def test_a_joint_beyond_its_limits_is_refused_and_not_brought_back_at_once(
    rig: Rig, bus: PlainBus, config: LoopConfig, torque: bool
) -> None:
    """The clamp would have it at the limit within one tick."""
    bus.torque = [torque] * 6
    bus.position[1] = bus.goal[1] = config.high[1] + 0.4
    bus.writes.clear()
    with pytest.raises(Refused, match=r"shoulder_lift would jump by -0\.400 rad") as refused:
        rig.ask("arm", hold=bus.position)
    assert "beyond its limits" in refused.value.hint
    assert (bus.writes, rig.state.mode) == ([], Mode.DISARMED)
