"""What the servo's registers do, and what they do not take, in virtual time."""

from __future__ import annotations

import math

import pytest
from handrail_drivers.feetech import registers as reg
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.servo_joint import COUNT, DT, Joint


@pytest.fixture
def joint():
    joint = Joint()
    joint.put(reg.P_GAIN, 16)
    return joint


def test_at_power_on_the_torque_limit_is_the_lasting_one(joint):
    joint.put(reg.LOCK, 0)
    joint.put(reg.MAX_TORQUE, 500)
    joint.put(reg.TORQUE_LIMIT, 900)
    joint.servo.power_cycle()
    assert joint.get(reg.TORQUE_LIMIT) == 500


def test_after_a_factory_reset_torque_alone_moves_nothing(joint):
    joint.drive(400)
    joint.run(2)
    joint.servo.stage(reg.GOAL_POSITION.address, b"\x00\x08")
    joint.servo.reset()
    joint.run(0.1)
    assert joint.get(reg.GOAL_POSITION) == joint.get(reg.PRESENT_POSITION)
    joint.servo.act()
    joint.put(reg.TORQUE_ENABLE, 1)
    joint.run(0.5)
    assert joint.position == pytest.approx(400 * COUNT, abs=2 * COUNT)


def test_the_homing_offset_moves_a_joint_under_torque(joint):
    joint.drive(0)
    joint.run(0.5)
    joint.put(reg.HOMING_OFFSET, 200)
    assert joint.get(reg.PRESENT_POSITION) == pytest.approx(2048 - 200, abs=1)
    joint.run(2)
    assert joint.position == pytest.approx(200 * COUNT, abs=2 * COUNT)


def test_calibrating_makes_this_position_the_centre_and_moves_nothing(joint):
    joint.position = -0.9
    joint.run(DT)
    joint.put(reg.TORQUE_ENABLE, 128)
    joint.run(DT)
    assert joint.get(reg.PRESENT_POSITION) == 2048
    assert joint.get(reg.TORQUE_ENABLE) == 0
    joint.put(reg.TORQUE_ENABLE, 1)
    joint.run(1)
    assert joint.position == pytest.approx(-0.9, abs=2 * COUNT)


def test_limits_bound_the_goal_and_equal_ones_do_not(joint):
    joint.put(reg.PHASE, 12 + 16)
    joint.put(reg.MIN_POSITION, 2000)
    joint.put(reg.MAX_POSITION, 2100)
    joint.drive(900)
    joint.run(2)
    assert joint.position == pytest.approx(52 * COUNT, abs=2 * COUNT)
    joint.put(reg.MIN_POSITION, 0)
    joint.put(reg.MAX_POSITION, 0)
    joint.drive(5000)  # more than a turn
    joint.run(4)
    assert joint.position == pytest.approx(5000 * COUNT, abs=2 * COUNT)
    assert joint.get(reg.PRESENT_POSITION) == pytest.approx(7048, abs=2)


def test_single_turn_feedback_wraps(joint):
    joint.position = 3.2
    joint.run(DT)
    assert joint.get(reg.PRESENT_POSITION) == round(3.2 / COUNT) + 2048 - 4096
    joint.put(reg.PHASE, 12 + 16)
    assert joint.get(reg.PRESENT_POSITION) == round(3.2 / COUNT) + 2048


def test_a_reversed_phase_turns_the_other_way(joint):
    joint.put(reg.PHASE, 12 + 129)
    joint.drive(300)
    joint.run(2)
    assert joint.position == pytest.approx(-300 * COUNT, abs=2 * COUNT)
    assert joint.get(reg.PRESENT_POSITION) == pytest.approx(2348, abs=2)


def test_the_phase_sets_the_unit_of_speed(joint):
    joint.put(reg.PHASE, 8)
    joint.put(reg.OPERATING_MODE, 1)
    joint.put(reg.GOAL_VELOCITY, 10)
    joint.put(reg.TORQUE_ENABLE, 1)
    joint.run(2)
    assert joint.velocity / COUNT == pytest.approx(500, abs=3)
    assert joint.get(reg.PRESENT_VELOCITY) == 10


@pytest.mark.parametrize("locked", [0, 1])
def test_the_lock_decides_what_a_power_cycle_keeps(joint, locked):
    joint.put(reg.LOCK, locked)
    joint.put(reg.D_GAIN, 40)
    joint.put(reg.ACCELERATION, 9)
    assert joint.get(reg.D_GAIN) == 40
    joint.servo.power_cycle()
    assert joint.get(reg.D_GAIN) == (32 if locked else 40)
    assert (joint.get(reg.ACCELERATION), joint.get(reg.LOCK)) == (0, 1)


# What LeRobot writes to the gripper of an SO-101: configure_motors, configure, calibration.
SO101_SET_UP = {
    reg.LOCK: 0,
    reg.RETURN_DELAY: 0,
    reg.MAX_ACCELERATION: 254,
    reg.ACCELERATION: 254,
    reg.PHASE: 12,
    reg.OPERATING_MODE: 0,
    reg.P_GAIN: 16,
    reg.I_GAIN: 0,
    reg.D_GAIN: 32,
    reg.MAX_TORQUE: 500,
    reg.PROTECTION_CURRENT: 250,
    reg.OVERLOAD_TORQUE: 25,
    reg.HOMING_OFFSET: -731,
    reg.MIN_POSITION: 1000,
    reg.MAX_POSITION: 3000,
}


def test_the_set_up_of_a_real_arm_is_taken_and_kept(joint):
    for register, value in SO101_SET_UP.items():
        joint.put(register, value)
    assert {register: joint.get(register) for register in SO101_SET_UP} == SO101_SET_UP
    joint.servo.power_cycle()
    lasting = {register: value for register, value in SO101_SET_UP.items() if register.eeprom}
    assert {register: joint.get(register) for register in lasting} == lasting
    joint.blocked = True
    joint.drive(3000)
    joint.run(1)
    assert joint.get(reg.PRESENT_LOAD) == 500
    joint.run(1.5)  # overloaded for the protection time of 2 s
    assert joint.get(reg.PRESENT_LOAD) == 200


def test_values_out_of_range_and_read_only_registers_are_not_taken(joint):
    joint.put(reg.OPERATING_MODE, 9)
    joint.put(reg.MODEL_NUMBER, 1)
    joint.put(reg.PRESENT_TEMPERATURE, 99)
    joint.servo.write(reg.GOAL_POSITION.address, b"\x05")  # half a word
    assert joint.get(reg.OPERATING_MODE) == 0
    assert joint.get(reg.MODEL_NUMBER) == reg.MODEL_STS3215
    assert joint.get(reg.PRESENT_TEMPERATURE) == 25
    assert joint.get(reg.GOAL_POSITION) == 2048


def test_one_write_reaches_all_registers_that_it_covers(joint):
    block = bytes((20,)) + (2500).to_bytes(2, "little") + bytes(2) + (300).to_bytes(2, "little")
    joint.servo.write(reg.ACCELERATION.address, block)
    assert joint.get(reg.ACCELERATION) == 20
    assert joint.get(reg.GOAL_POSITION) == 2500
    assert joint.get(reg.GOAL_VELOCITY) == 300


WRITES = st.lists(st.tuples(st.integers(0, 90), st.binary(max_size=12)), max_size=12)


@given(WRITES)
@settings(max_examples=150)
def test_no_write_makes_it_raise_or_exceed_its_stall_torque(writes):
    joint = Joint()
    for address, data in writes:
        joint.servo.write(address, data)
        joint.run(3 * DT)
        assert abs(joint.servo.torque) <= reg.STALL_TORQUE
        assert math.isfinite(joint.position)
        assert len(joint.servo.read(address, 20)) == 20
