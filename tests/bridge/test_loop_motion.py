"""The state machine: what is latched stays latched, and every motion gets its end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.reflexes import Stop, Trip
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import Mode
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Trajectory
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from loop_rig import sweep, wide_tube

CONFIG: LoopConfig = loop_configs(load_cell("desk"), {})[0]
REST = [0.1] * 6
ON_PATH = Trip("servo_fault", "servo_fault", "gripper reports overload.")
AT_ONCE = Trip("tube", "tube_left", "shoulder_pan is far out.", Stop.WHERE_IT_IS)


def path(start: list[float], rows: int = 200) -> Trajectory:
    hold = np.tile(start, (rows, 1))
    hold[:, 0] += np.linspace(0.0, 0.5, rows)
    lead = np.full_like(hold, 0.03)
    return wide_tube(250, CONFIG.joints, hold, lead, hold.copy(), (0, rows))


@pytest.fixture
def moving() -> Motion:
    motion = Motion(CONFIG)
    motion.arm(list(REST), REST)
    motion.play(path(REST), 1, 7)
    for _ in range(60):
        motion.advance()
    return motion


def settle(motion: Motion) -> None:
    for _ in range(100):
        motion.advance()


def test_a_stop_during_an_abort_ends_latched(moving: Motion) -> None:
    moving.abort("cancelled")
    moving.advance()
    moving.stop("a person said so")
    assert moving.mode == Mode.STOPPING
    settle(moving)
    assert (moving.mode, moving.reason) == (Mode.STOPPED, "a person said so")
    assert moving.ended.reason == "a person said so"


def test_a_stop_without_a_reason_is_latched_too(moving: Motion) -> None:
    moving.stop("")
    settle(moving)
    assert moving.mode == Mode.STOPPED


def test_an_abort_during_a_stop_changes_nothing(moving: Motion) -> None:
    moving.stop("enough")
    moving.abort("cancelled")
    settle(moving)
    assert (moving.mode, moving.ended.reason) == (Mode.STOPPED, "enough")


@pytest.mark.parametrize("begin", ["stop", "abort"])
@pytest.mark.parametrize("trip", [ON_PATH, AT_ONCE])
def test_a_fault_while_it_slows_down_stays_a_fault(moving: Motion, begin: str, trip: Trip) -> None:
    getattr(moving, begin)("first")
    moving.advance()
    moving.trip(trip, REST)
    moving.stop("later")
    settle(moving)
    assert (moving.mode, moving.fault_code, moving.reason) == (Mode.FAULT, trip.code, trip.reason)
    assert moving.at_rest
    assert moving.ended.motion_id == 1


def test_a_second_stop_does_not_begin_the_ramp_again(moving: Motion) -> None:
    ticks = 0
    while not moving.at_rest:
        moving.stop("again")
        moving.advance()
        ticks += 1
    assert ticks <= CONFIG.stop_time * CONFIG.rate + 1


def test_the_first_fault_names_it(moving: Motion) -> None:
    moving.trip(ON_PATH, REST)
    moving.trip(AT_ONCE, REST)
    assert moving.reason == ON_PATH.reason


def test_what_lies_out_of_the_tube_during_a_fault_stop_is_held_there(moving: Motion) -> None:
    """The stop on the path began; then the arm is pushed off it."""
    moving.trip(ON_PATH, REST)
    moving.advance()
    moving.trip(AT_ONCE, [0.9] * 6)
    assert moving.fault_code == ON_PATH.code
    assert moving.at_rest
    assert moving.setpoint is not None
    assert moving.setpoint[:5] == pytest.approx([0.9] * 5, abs=1e-6)


def test_holding_where_it_is_keeps_what_carries_the_load() -> None:
    motion = Motion(CONFIG)
    motion.arm([0.15] * 6, REST)  # 0.05 rad of load compensation
    motion.trip(AT_ONCE, [0.4] * 6)
    assert motion.setpoint is not None
    assert motion.setpoint[:5] == pytest.approx([0.45] * 5)
    assert motion.setpoint[5] == 0.15, "what the jaw presses against is not let go"


@pytest.mark.parametrize("ends", [Motion.stop, Motion.abort])
def test_a_motion_that_has_not_begun_does_not_begin(ends: Callable[[Motion, str], None]) -> None:
    motion = Motion(CONFIG)
    motion.arm(list(REST), REST)
    motion.play(sweep(REST, {0: 0.8}, 100, CONFIG.rate, CONFIG.joints), 1, 7, begin_ns=10)
    ends(motion, "enough")
    assert motion.at_rest
    assert (motion.ended.motion_id, motion.ended.completed) == (1, False)
    motion.advance(20)
    assert motion.setpoint == list(REST)


def test_a_lost_bus_ends_everything(moving: Motion) -> None:
    moving.stop("enough")
    moving.lose("bus_lost", "arm_bus is gone")
    settle(moving)
    assert (moving.mode, moving.fault_code) == (Mode.FAULT, "bus_lost")
    assert moving.setpoint is None
    assert moving.ended.reason == "arm_bus is gone"


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.motion = Motion(CONFIG)
        self.played = 0
        self.latched_since = ""

    @precondition(lambda self: self.motion.mode == Mode.DISARMED)
    @rule()
    def arm(self) -> None:
        self.motion.arm(list(REST), REST)

    @precondition(lambda self: self.motion.mode == Mode.ARMED and self.motion.setpoint)
    @rule(rows=st.sampled_from([1, 2, 30, 200]))
    def play(self, rows: int) -> None:
        self.played += 1
        self.motion.play(path(self.motion.setpoint or REST, rows), self.played, 7)

    @rule(ticks=st.sampled_from([1, 2, 37, 300]))
    def tick(self, ticks: int) -> None:
        before = self.motion.mode
        for _ in range(ticks):
            self.motion.advance()
        if before in (Mode.STOPPED, Mode.FAULT, Mode.DISARMED):
            assert self.motion.mode == before
        if ticks == 300:
            assert self.motion.at_rest
            assert self.motion.ended.motion_id == self.played

    @rule()
    def stop(self) -> None:
        before = self.motion.mode
        self.motion.stop("stop")
        self.after_a_stop(before, Mode.STOPPED)

    @rule(trip=st.sampled_from([ON_PATH, AT_ONCE]))
    def fault(self, trip: Trip) -> None:
        before = self.motion.mode
        self.motion.trip(trip, REST)
        assert self.motion.mode == (Mode.DISARMED if before == Mode.DISARMED else Mode.FAULT)

    @rule()
    def lose(self) -> None:
        self.motion.lose("bus_lost", "gone")
        assert self.motion.mode == Mode.FAULT

    @rule()
    def abort(self) -> None:
        self.motion.abort("abort")

    @precondition(lambda self: self.motion.latched and self.motion.at_rest)
    @rule()
    def reset(self) -> None:
        self.motion.disarm("reset")

    def after_a_stop(self, before: Mode, ends: Mode) -> None:
        for _ in range(40):
            self.motion.advance()
        assert self.motion.mode == (Mode.FAULT if before == Mode.FAULT else ends)

    @invariant()
    def agrees_with_itself(self) -> None:
        motion = self.motion
        assert motion.at_rest == (motion.mode not in (Mode.MOVING, Mode.STOPPING)) or (
            motion.mode == Mode.FAULT  # slowing down
        )
        assert (motion.setpoint is None) == (motion.expected is None)
        if motion.mode in (Mode.ARMED, Mode.MOVING, Mode.STOPPING):
            assert motion.setpoint is not None
        if motion.mode == Mode.FAULT:
            assert motion.reason
            assert motion.fault_code
            assert motion.at_rest or motion.slowing


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30)


@pytest.mark.parametrize("category", [0, 1])
def test_a_stop_that_takes_power_off_says_so_when_it_may(category: int) -> None:
    motion = Motion(CONFIG.model_copy(update={"stop_category": category}))
    motion.arm(list(REST), REST)
    motion.play(path(REST), 1, 7)
    motion.advance()
    motion.stop("a person said so")
    assert motion.wants_power_off == (category == 0)
    if category == 1:
        settle(motion)
        assert motion.wants_power_off
    motion.power_is_off()
    assert not motion.wants_power_off
    assert (motion.mode, motion.setpoint) == (Mode.STOPPED, None)
    assert motion.ended.reason == "a person said so"


def test_the_graver_stop_stands(moving: Motion) -> None:
    moving.trip(ON_PATH, REST)
    moving.trip(Trip("door", "digital_input", "door: open.", Stop.POWER_OFF), REST)
    assert moving.wants_power_off
    assert moving.reason == ON_PATH.reason, "the first fault names it"


def test_slowed_down_it_stays_slow_until_reset_and_so_does_the_next_motion(moving: Motion) -> None:
    moving.slow(0.4)
    moving.slow(0.7)
    for _ in range(100):
        moving.advance()
    assert moving.player is not None
    assert moving.player.speed_scale == 0.4
    settle(moving)
    while moving.player is not None:
        moving.advance()
    assert moving.mode == Mode.ARMED
    moving.play(path(moving.setpoint or REST), 2, 7)
    assert moving.player is not None
    assert moving.player.speed_scale == 0.4
