"""What fails while the loop moves, in virtual time, judged by every write on the bus."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from handrail_bridge.loop.control import HEARTBEAT
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import Mode
from handrail_drivers.api import JointState
from handrail_drivers.errors import (
    BusLost,
    NotArmed,
)
from handrail_sim.verdict import Trajectory
from loop_rig import RAMP, ROWS, TRAVEL, PlainBus, Rig, on_path, played, silent, sweep


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
    assert on_path(played(bus, RAMP), path), "the stop needs no reading"
    assert armed.state.ended_motion_id == 1


def test_a_joint_that_was_silent_is_held_where_it_is_found(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    armed.run(80)
    bus.read = lambda: silent()  # type: ignore[method-assign,assignment,return-value]  # a fault
    armed.run(armed.config.late_reads + RAMP + 2)
    bus.writes.clear()
    armed.run(20)
    assert not bus.writes, "what nobody hears may not hear us: told the path's end, it would jump"
    del bus.__dict__["read"]
    bus.stuck = {"shoulder_pan": -0.05}
    found = bus.position[0] - 0.05
    armed.run(2)
    assert [write[0] for write in bus.writes] == pytest.approx([found, found])


@pytest.mark.parametrize("vector", ["position", "velocity", "effort"])
def test_what_is_no_number_is_no_reading(
    armed: Rig, bus: PlainBus, path: Trajectory, monkeypatch: pytest.MonkeyPatch, vector: str
) -> None:
    armed.play(path)
    armed.run(50)
    read = bus.read
    nothing = (0.0, 0.0, math.nan, 0.0, 0.0, 0.0)
    monkeypatch.setattr(bus, "read", lambda: replace_part(read(), vector, nothing))
    armed.run(armed.config.late_reads + RAMP)
    assert (armed.state.mode, armed.state.fault_code) == (Mode.FAULT, "servo_garbled")
    assert np.isfinite(bus.writes).all()


def replace_part(state: JointState, vector: str, values: tuple[float, ...]) -> JointState:
    return replace(state, **{vector: values})


def test_a_joint_that_was_silent_again_and_again_does_not_creep(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    armed.run(ROWS + 5)
    held = bus.writes[-1]
    bus.stuck = {"shoulder_pan": -0.02}  # a load error
    for _ in range(30):
        bus.read = lambda: silent()  # type: ignore[method-assign,assignment,return-value]  # a fault
        armed.run(armed.config.late_reads + 2)
        del bus.__dict__["read"]
        armed.run(3)
    assert bus.writes[-1] == held


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
    assert state.peak_following_error > config.tube[0]


@pytest.mark.parametrize(
    ("part", "mode"), [(0.0, Mode.MOVING), (0.6, Mode.MOVING), (1.2, Mode.FAULT)]
)
def test_after_missed_ticks_a_joint_may_be_where_it_went_meanwhile(
    armed: Rig, bus: PlainBus, path: Trajectory, part: float, mode: Mode
) -> None:
    """And no farther: 6 ticks were missed; it has gone so large a part of its lead."""
    lead = np.gradient(path.hold, 1 / 250, axis=0) * armed.config.settling
    lead[0] = 0.0
    band = path.band.copy()
    band[100:] = 0.02
    armed.play(replace(path, lead=lead, band=band))
    armed.run(101)
    bus.stuck = {"shoulder_pan": float(lead[100, 0]) * (part - 1), "wrist_flex": -lead[100, 3]}
    due = armed.clock.now_ns() + 7 * armed.config.period_ns
    armed.clock.sleep_until(due)
    armed.control.set_word(HEARTBEAT, due)
    armed.tick.run_once(due)
    assert armed.state.overruns == 6
    assert armed.state.mode == mode, armed.state.reason


def test_the_gripper_may_press_where_the_check_saw_it_grip(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    bus.stuck = {"gripper": 0.4}
    armed.run(5)
    assert armed.state.mode == Mode.ARMED, "at rest it gives way with what it holds"
    path.band[:, 5] = math.inf
    armed.play(path)
    armed.until(lambda state: state.mode != Mode.MOVING)
    assert armed.state.ended_completed, armed.state.ended_reason


def test_a_gripper_that_meets_what_the_check_did_not_see_leaves_its_tube(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    armed.run(50)
    bus.stuck = {"gripper": 0.4}
    armed.run(2)
    assert (armed.state.mode, armed.state.fault_code) == (Mode.FAULT, "tube_left")
    assert "gripper is 0.400 rad" in armed.state.reason


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
