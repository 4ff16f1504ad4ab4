"""A gripper that kept its power meets a loop that is new to it: it is armed, and it moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hand import TRAVEL, Hand
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import NotReady
from handrail_drivers.robotiq.driver import Robotiq, RobotiqSettings
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.verdict import Trajectory
from loop_rig import Rig, sweep

STAND = 0.02  # m
SETTINGS = RobotiqSettings(tcp="127.0.0.1:1", joint="gripper", activation="when armed")


@pytest.fixture
def hand() -> Hand:
    """One that another process has activated and brought to a place."""
    found = Hand()
    driver = opened(found)
    while True:
        try:
            driver.set_torque(True)
            break
        except NotReady:
            found.live(0.1)
    driver.write((STAND,))
    found.live(2.0)
    return found


def opened(hand: Hand) -> Robotiq:
    driver = Robotiq("hand", SETTINGS, hand, lambda: hand.now_ns)  # type: ignore[arg-type]
    driver.connect()
    return driver


@pytest.fixture
def rig(hand: Hand) -> Iterator[Rig]:
    cell = load_cell("desk_2f85")
    (config,) = (one for one in loop_configs(cell, {}) if one.device == "gripper_line")
    strict = config.model_copy(update={"late_reads": 3, "silence": 0.1, "rules": {}})
    one = Rig(strict, lambda: opened(hand), lambda passed_ns: hand.live(passed_ns * 1e-9))
    one.lease()
    yield one
    one.close()


def test_it_goes_where_it_is_told(rig: Rig, hand: Hand) -> None:
    assert hand.position == pytest.approx(STAND, abs=0.0005)
    rig.ask("arm", hold=[hand.position])
    rig.run(50)
    assert rig.state.mode == Mode.ARMED, rig.state.reason
    assert hand.position == pytest.approx(STAND, abs=0.0005), "arming moves nothing"
    rate, joints = rig.config.trajectory_rate, rig.config.joints
    rig.play(sweep(rig.state.setpoint, {0: 0.015}, 200, rate, joints))
    rig.until(lambda state: state.mode == Mode.MOVING)
    rig.until(lambda state: state.mode == Mode.ARMED)
    rig.run(50)
    assert hand.position == pytest.approx(STAND + 0.015, abs=0.0005)


def test_one_whose_fingers_move_still_is_armed_where_they_are(rig: Rig, hand: Hand) -> None:
    """The loop that began it is gone: nobody has checked the rest of that way again."""
    slow = SETTINGS.model_copy(update={"speed": 0.0})
    before = Robotiq("hand", slow, hand, lambda: hand.now_ns)  # type: ignore[arg-type]
    before.connect()
    before.set_torque(True)
    before.write((TRAVEL,))
    hand.live(0.5)
    there = hand.position
    assert STAND + 0.002 < there < TRAVEL - 0.01, "they move"
    rig.ask("arm", hold=[there])
    rig.run(100)
    assert rig.state.mode == Mode.ARMED, rig.state.reason
    assert hand.position == pytest.approx(there, abs=0.002)


def test_what_it_holds_it_goes_on_holding(rig: Rig, hand: Hand) -> None:
    hand.thing = STAND
    before = opened(hand)
    before.set_torque(True)
    before.write((0.0,))
    hand.live(1.0)
    rig.ask("arm", hold=[hand.position])
    rig.run(50)
    assert rig.state.setpoint == pytest.approx((0.0,), abs=0.001), "its goal lies behind the thing"
    assert hand.gripper.step((hand.position,), (0.0,), 0.002)[0] < 0


@pytest.fixture(scope="module")
def closing() -> Trajectory:
    """The gripper's part of a checked plan that closes it from home."""
    checker = Checker(load_cell("desk_2f85"))
    plan = Plan.model_validate({"steps": [{"tool": "gripper_set", "gap": 0.0}]})
    trajectory = checker.check(plan, checker.at_home()).trajectory
    assert trajectory is not None
    return trajectory.part(slice(5, 6))


def test_it_stays_within_its_tube(rig: Rig, closing: Trajectory) -> None:
    assert closing.band.max() <= 0.01
    rig.ask("arm", hold=[STAND])
    rig.play(closing)
    rig.until(lambda state: bool(state.ended_motion_id))
    assert (rig.state.mode, rig.state.ended_completed) == (Mode.ARMED, True)


def test_what_the_check_did_not_see_between_the_fingers_is_a_protective_stop(
    rig: Rig, hand: Hand, closing: Trajectory
) -> None:
    hand.thing = STAND - 0.005
    rig.ask("arm", hold=[STAND])
    rig.play(closing)
    rig.until(lambda state: bool(state.ended_motion_id))
    assert (rig.state.mode, rig.state.fault_code) == (Mode.FAULT, "tube_left")
    assert "gripper" in rig.state.reason
    assert " m from" in rig.state.reason
