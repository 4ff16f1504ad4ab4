"""The tick in virtual time, judged by every write on the bus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import numpy as np
import pytest
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.api import JointState
from handrail_drivers.errors import (
    BusLost,
    LeaseRefused,
    NotArmed,
    PermitRefused,
    Refused,
    ServoSilent,
)
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Trajectory
from loop_rig import PlainBus, Rig, sweep, wide_tube

TRAVEL = {0: 0.8, 3: -0.4}  # rad: two joints, so that leaving the path shows
ROWS = 200
RAMP = 38  # ticks: 0.15 s at 250 Hz


@pytest.fixture(scope="module")
def config() -> LoopConfig:
    strict = {"late_reads": 3, "silence": 0.015, "rules": {}}
    return loop_configs(load_cell("desk"), {})[0].model_copy(update=strict)


@pytest.fixture
def bus(config: LoopConfig) -> PlainBus:
    return PlainBus(config.joints)


@pytest.fixture
def rig(config: LoopConfig, bus: PlainBus) -> Iterator[Rig]:
    def factory() -> PlainBus:
        bus.on_read()
        return bus

    rig = Rig(config, factory)
    bus.now = rig.clock.now_ns
    rig.lease()
    yield rig
    rig.close()


@pytest.fixture
def armed(rig: Rig, bus: PlainBus) -> Rig:
    rig.ask("arm", hold=bus.position)
    return rig


@pytest.fixture
def path(bus: PlainBus, config: LoopConfig) -> Trajectory:
    return sweep(bus.position, TRAVEL, ROWS, config.rate, config.joints)


def played(bus: PlainBus, rows: int) -> np.ndarray:
    return np.array(bus.writes[-rows:])


def on_path(writes: np.ndarray, path: Trajectory) -> bool:
    """Both joints at the same place of the same path, whatever the lead adds to each."""
    done = (writes[:, [0, 3]] - path.hold[0, [0, 3]]) / np.array([TRAVEL[0], TRAVEL[3]])
    return bool(np.abs(done[:, 0] - done[:, 1]).max() < 1e-9)


def test_nothing_is_written_before_it_is_armed(rig: Rig, bus: PlainBus) -> None:
    rig.run(50)
    assert bus.writes == []
    assert rig.state.mode == Mode.DISARMED


def test_every_number_is_played_once_and_exactly(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    bus.writes.clear()
    armed.run(ROWS)
    assert np.array_equal(np.array(bus.writes), path.hold + path.lead)
    state = armed.state
    assert (state.mode, state.ended_motion_id, state.ended_completed) == (Mode.ARMED, 1, True)
    assert state.clamps == state.overruns == state.late_reads == 0
    armed.run(10)
    assert set(bus.writes[ROWS:]) == {tuple(path.hold[-1])}, "the last setpoint stands"


@pytest.mark.parametrize("at", [0, 1, 2, 77, 120, ROWS - 2])
def test_a_stop_raised_during_any_read_slows_the_very_next_write(
    armed: Rig, bus: PlainBus, path: Trajectory, at: int
) -> None:
    armed.play(path)
    armed.run(at)
    full = path.hold[at] + path.lead[at]
    before = len(bus.writes)
    bus.on_read = lambda: armed.control.raise_stop("a test")
    armed.run(1)
    bus.on_read = lambda: None
    first = bus.writes[before]
    if 2 < at < ROWS - 2:  # at its ends the path moves less than a slowing can show
        assert 0 < (first[0] - path.hold[at - 1, 0]) < full[0] - path.hold[at - 1, 0]
        assert first != tuple(full)
    took = armed.until(lambda state: state.mode == Mode.STOPPED)
    assert took <= RAMP
    armed.run(20)
    writes = np.array(bus.writes[before:])
    assert on_path(writes, path)
    assert len(set(map(tuple, writes[-20:]))) == 1
    assert writes[-1, 0] <= path.hold[min(at + RAMP // 2 + 1, ROWS - 1), 0]
    assert (np.diff(writes[:, 0]) > -0.02).all(), "only the lead is taken back"
    assert armed.state.ended_reason == "a test"
    assert not armed.state.ended_completed


def test_a_stop_is_latched_until_reset_and_begins_disarmed(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.control.raise_stop("enough")
    armed.run(1)
    assert (armed.state.mode, armed.state.reason) == (Mode.STOPPED, "enough")
    with pytest.raises(NotArmed):
        armed.play(path)
    with pytest.raises(NotArmed):
        armed.ask("arm", hold=bus.position)
    held = bus.writes[-1]
    armed.run(5)
    assert bus.writes[-1] == held, "a held stop goes on holding"
    armed.ask("reset")
    before = len(bus.writes)
    armed.run(5)
    assert armed.state.mode == Mode.DISARMED
    assert len(bus.writes) == before
    assert all(bus.torque)
    armed.ask("arm", hold=bus.position)
    assert armed.state.mode == Mode.ARMED


def test_a_stop_while_disarmed_keeps_it_from_being_armed(rig: Rig, bus: PlainBus) -> None:
    rig.control.raise_stop("a hand is in there")
    rig.run(1)
    since = rig.state.mode_since_ns
    assert (rig.state.mode, since) == (Mode.STOPPED, rig.clock.now_ns())
    with pytest.raises(NotArmed, match="a hand is in there"):
        rig.ask("arm", hold=bus.position)
    assert (rig.state.mode_since_ns, bus.writes, any(bus.torque)) == (since, [], False)
    rig.ask("reset")
    rig.ask("arm", hold=bus.position)
    assert rig.state.mode == Mode.ARMED
    assert rig.state.mode_since_ns > since


def test_an_abort_ends_that_motion_alone(armed: Rig, bus: PlainBus, path: Trajectory) -> None:
    armed.play(path, motion_id=4)
    armed.run(100)
    armed.abort(4)
    armed.until(lambda state: state.mode == Mode.ARMED)
    state = armed.state
    assert (state.ended_motion_id, state.ended_completed) == (4, False)
    assert "cancelled" in state.ended_reason
    assert on_path(played(bus, RAMP), path)
    onward = sweep(bus.writes[-1], {0: 0.1}, 50, 250, armed.config.joints)
    armed.play(onward, motion_id=5)
    armed.run(50)
    assert armed.state.ended_completed


def test_an_abort_that_came_before_its_motion_ends_it(armed: Rig, path: Trajectory) -> None:
    armed.abort(4)
    armed.play(path, motion_id=4)
    armed.until(lambda state: state.mode == Mode.ARMED, ticks=RAMP + 1)
    assert armed.state.ended_motion_id == 4


def test_the_end_of_the_lease_ends_what_ran_under_it(armed: Rig, path: Trajectory) -> None:
    armed.play(path)
    armed.run(100)
    armed.lease(8)
    armed.until(lambda state: state.mode == Mode.ARMED, ticks=RAMP + 1)
    assert "lease" in armed.state.ended_reason
    for token in (7, 0):
        with pytest.raises(LeaseRefused):
            armed.play(path, motion_id=2, token=token)


def test_what_was_not_checked_is_not_played(armed: Rig, bus: PlainBus, path: Trajectory) -> None:
    before = list(bus.writes)[-1]
    far = sweep([0.1 + p for p in bus.position], TRAVEL, ROWS, 250, armed.config.joints)
    empty = wide_tube(250, path.joints, *(np.zeros((0, 6)),) * 3, (0,))
    fast = wide_tube(500, path.joints, path.hold, path.lead, path.predicted, path.step_rows)
    holed = sweep(bus.position, TRAVEL, ROWS, 250, armed.config.joints)
    holed.predicted[50, 2] = np.nan
    with pytest.raises(PermitRefused, match="not those that were checked"):
        armed.play(path, digest="0" * 64)
    with pytest.raises(PermitRefused, match="not those that were checked"):
        armed.play(path, rows=ROWS - 1)
    with pytest.raises(PermitRefused, match="not those that were checked"):
        armed.play(fast)
    with pytest.raises(PermitRefused, match="no number"):
        armed.play(holed)
    with pytest.raises(PermitRefused, match="no number"):
        armed.play(empty)
    with pytest.raises(PermitRefused, match="shoulder_pan would start"):
        armed.play(far)
    assert armed.state.mode == Mode.ARMED
    assert set(bus.writes) == {before}


def test_later_writes_to_the_memory_do_not_reach_a_running_motion(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    bus.writes.clear()
    armed.shared.put_trajectory(sweep([1.0] * 6, {}, ROWS, 250, armed.config.joints))
    armed.run(ROWS)
    assert np.array_equal(np.array(bus.writes), path.hold + path.lead)


def silent() -> NoReturn:
    raise ServoSilent("elbow_flex does not answer.", subject="elbow_flex")


def test_a_late_read_holds_and_is_counted(armed: Rig, bus: PlainBus, path: Trajectory) -> None:
    armed.play(path)
    bus.writes.clear()
    armed.run(80)
    held = bus.writes[-1]
    for _ in range(armed.config.late_reads - 1):
        bus.read = lambda: silent()  # type: ignore[method-assign,assignment,return-value]  # a fault
        armed.run(1)
        del bus.__dict__["read"]
        assert bus.writes[-1] == held
    armed.run(ROWS - 80)
    assert armed.state.late_reads == armed.config.late_reads - 1
    assert armed.state.ended_completed
    fresh = bus.writes[:80] + bus.writes[80 + armed.config.late_reads - 1 :]
    assert np.array_equal(np.array(fresh), path.hold + path.lead)


def test_late_reads_that_are_not_in_a_row_stop_nothing(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    for _ in range(20):
        bus.read = lambda: silent()  # type: ignore[method-assign,assignment,return-value]  # a fault
        armed.run(2)
        del bus.__dict__["read"]
        armed.run(1)
    assert armed.state.late_reads == 40
    assert armed.state.mode == Mode.MOVING


def test_late_reads_in_a_row_make_a_protective_stop_that_names_the_joint(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    armed.run(80)
    bus.read = lambda: silent()  # type: ignore[method-assign,assignment,return-value]  # a fault
    armed.run(armed.config.late_reads)
    state = armed.state
    assert (state.mode, state.fault_code) == (Mode.FAULT, "servo_silent")
    assert "elbow_flex" in state.reason
    armed.run(RAMP + 2)
    assert on_path(played(bus, RAMP), path)
    assert len(set(bus.writes[-3:])) == 1, "the stop needs no reading"
    assert armed.state.ended_motion_id == 1


def test_leaving_the_tube_holds_the_arm_where_it_is(
    armed: Rig, bus: PlainBus, path: Trajectory, config: LoopConfig
) -> None:
    armed.play(path)
    armed.run(100)
    measured = bus.position[0] - 0.2
    bus.stuck = {"shoulder_pan": -0.2}
    armed.run(1)
    state = armed.state
    assert state.mode == Mode.FAULT
    assert "shoulder_pan" in state.reason
    armed.run(10)
    assert bus.writes[-1][0] == pytest.approx(measured, abs=0.02)
    assert (state.ended_motion_id, state.ended_completed) == (1, False)
    assert state.peak_following_error > config.tube


def test_the_gripper_may_press(armed: Rig, bus: PlainBus, path: Trajectory) -> None:
    bus.stuck = {"gripper": 0.4}
    armed.play(path)
    armed.run(ROWS)
    assert armed.state.ended_completed


def complain(rig: Rig, bus: PlainBus) -> None:
    bus.complaints = {"wrist_flex": ("overload",)}


def fall_silent(rig: Rig, bus: PlainBus) -> None:
    rig.beating = False


def brown_out(rig: Rig, bus: PlainBus) -> None:
    bus.torque[2] = False


def die(rig: Rig, bus: PlainBus) -> None:
    rig.bridge.close()


def hang(rig: Rig, bus: PlainBus) -> None:
    rig.clock.sleep_until(rig.clock.now_ns() + 1_000_000_000)


@pytest.mark.parametrize(
    ("cause", "says", "ticks"),
    [
        (complain, "wrist_flex reports overload", 1),
        (fall_silent, "bridge has given no sign of life", 64),
        (brown_out, "elbow_flex lost torque", 400),
        (die, "bridge died", 2),
        (hang, "loop stood still", 1),
    ],
)
def test_faults_end_motion_on_the_path(
    armed: Rig, bus: PlainBus, config: LoopConfig, cause, says: str, ticks: int
) -> None:
    path = sweep(bus.position, TRAVEL, 800, config.rate, config.joints)
    armed.play(path)
    armed.run(100)
    cause(armed, bus)
    took = armed.until(lambda state: state.mode in (Mode.FAULT, Mode.STOPPING), ticks + 1)
    assert took <= ticks
    assert says in armed.state.reason
    armed.until(lambda state: state.ended_motion_id == 1, RAMP)
    assert on_path(played(bus, RAMP), path)
    assert armed.tick.motion.latched
    assert armed.state.row < 799


def test_what_a_disarmed_loop_sees_is_said_and_latches_nothing(rig: Rig, bus: PlainBus) -> None:
    rig.beating = False
    rig.run(100)
    assert rig.state.reason == ""
    bus.complaints = {"gripper": ("overheat",)}
    rig.run(1)
    assert (rig.state.mode, rig.state.reason) == (Mode.DISARMED, "gripper reports overheat.")
    with pytest.raises(NotArmed, match="reflex would stop the cell at once: gripper"):
        rig.ask("arm", hold=bus.position)
    bus.complaints = {}
    rig.run(1)
    assert (rig.state.reason, rig.state.fired) == ("", 0)


def test_the_clamp_is_the_last_line_and_counts(
    armed: Rig, bus: PlainBus, config: LoopConfig
) -> None:
    jump = sweep(bus.position, {0: 0.01}, 10, config.rate, config.joints)
    jump.hold[5:, 0] += 1.0
    jump.hold[6:, 4] = 9.0
    jump.predicted[:] = bus.position
    armed.play(jump)
    armed.run(8)
    writes = np.array(bus.writes)
    assert np.abs(np.diff(writes[:, 0])).max() <= 2.0 * config.velocity[0] / config.rate + 0.0101
    assert writes[:, 4].max() <= config.high[4]
    assert armed.state.clamps > 0


def test_goals_are_written_before_torque(rig: Rig, bus: PlainBus) -> None:
    bus.calls.clear()
    bus.goal = [9.0] * 6  # what the registers hold after power came on
    hold = [p + 0.03 for p in bus.position]
    rig.ask("arm", hold=hold)
    assert bus.calls[:2] == ["write", "torque True"]
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
    assert "torque True" not in bus.calls


def test_a_hold_that_would_jump_is_refused(rig: Rig, bus: PlainBus) -> None:
    hold = list(bus.position)
    for value in (hold[1] + 0.2, float("nan")):
        with pytest.raises(Refused, match="shoulder_lift would jump"):
            rig.ask("arm", hold=[hold[0], value, *hold[2:]])
    assert bus.writes == []
    assert not any(bus.torque)
    assert rig.state.mode == Mode.DISARMED


def test_a_lost_bus_is_latched_at_once_and_comes_back_disarmed(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    def gone() -> None:
        raise BusLost("The port /dev/x is gone: Input/output error.", subject="/dev/x")

    armed.play(path)
    armed.run(90)
    bus.on_read = gone
    armed.run(1)
    state = armed.state
    assert (state.mode, state.fault_code) == (Mode.FAULT, "bus_lost")
    assert "arm_bus" in state.reason
    assert (state.ended_motion_id, state.ended_completed) == (1, False)
    with pytest.raises(BusLost, match="arm_bus"):
        armed.ask("reset")
    assert armed.state.reason == state.reason
    armed.run(300)
    written = len(bus.writes)
    stood = tuple(bus.goal)
    bus.on_read = lambda: None
    armed.until(lambda _: armed.tick.port.bus is not None, ticks=300)
    armed.run(20)
    assert armed.state.mode == Mode.FAULT
    armed.ask("reset")
    armed.run(20)
    assert armed.state.mode == Mode.DISARMED
    assert len(bus.writes) == written, "nothing was written until it was armed"
    armed.ask("arm", hold=[p + 0.01 for p in bus.position])
    armed.run(5)
    assert set(bus.writes[written:]) == {stood}


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
