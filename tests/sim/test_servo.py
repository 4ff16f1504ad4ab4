"""The servo's controller, profile, protection and heat, in virtual time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from handrail_drivers.feetech import registers as reg
from handrail_sim.twin.perturbation import ServoDraw
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.servo_joint import COUNT, DT, Joint


@pytest.fixture
def joint():
    joint = Joint()
    joint.put(reg.P_GAIN, 16)
    return joint


def test_without_torque_it_gives_none(joint):
    joint.put(reg.GOAL_POSITION, 3000)
    joint.run(0.5)
    assert (joint.position, joint.servo.torque) == (0.0, 0.0)
    assert not joint.servo.torque_enabled


def test_torque_alone_moves_nothing_after_power_on():
    joint = Joint()
    joint.position = 0.7
    joint.run(DT)
    joint.servo.power_cycle()
    joint.put(reg.TORQUE_ENABLE, 1)
    joint.run(0.5)
    assert joint.position == pytest.approx(0.7, abs=COUNT)


def test_it_reaches_the_goal(joint):
    joint.drive(500)
    joint.run(2)
    assert joint.position == pytest.approx(500 * COUNT, abs=2 * COUNT)
    assert joint.get(reg.PRESENT_POSITION) == pytest.approx(2548, abs=2)
    assert joint.get(reg.MOVING) == 0


@pytest.mark.parametrize("gain", [8, 16, 32])
def test_stiffness_is_the_p_gain(joint, gain):
    joint.put(reg.P_GAIN, gain)
    joint.drive(0)
    joint.load = -0.5
    joint.run(3)
    assert joint.position == pytest.approx(-0.5 / (17.8 * gain / 16), abs=COUNT)


def test_the_i_gain_lifts_the_load(joint):
    joint.put(reg.I_GAIN, 20)
    joint.drive(0)
    joint.load = -0.5
    joint.run(8)
    assert joint.position == pytest.approx(0, abs=2 * COUNT)


def test_a_higher_d_gain_damps(joint):
    def peak(gain):
        other = Joint()
        other.put(reg.D_GAIN, gain)
        other.drive(0)
        other.load = 0.5
        return max(velocity for _, velocity in other.run(1))

    assert peak(64) < 0.95 * peak(32) < 0.9 * peak(0)


@pytest.mark.parametrize(
    ("speed", "ramp", "ceiling"), [(400, 20, 254), (800, 254, 30), (0, 50, 50)]
)
def test_the_profile_keeps_speed_and_acceleration(joint, speed, ramp, ceiling):
    joint.put(reg.GOAL_VELOCITY, speed)
    joint.put(reg.ACCELERATION, ramp)
    joint.put(reg.MAX_ACCELERATION, ceiling)
    joint.drive(1000)
    path = []
    for _ in range(3000):
        joint.run(DT)
        path.append(joint.servo._profile.position)
    speeds = [(b - a) / DT / COUNT for a, b in pairwise(path)]
    changes = [(b - a) / DT for a, b in pairwise(speeds)]
    most = min(ramp, ceiling) * 100
    assert max(speeds) <= (speed or 3400) + 1
    assert max(abs(change) for change in changes) <= 1.5 * most  # the last step is cut to fit
    assert max(path) <= 1000 * COUNT + 1e-9  # without overshoot
    assert path[-1] == pytest.approx(1000 * COUNT)


@given(st.lists(st.tuples(st.integers(0, 4095), st.integers(1, 40)), min_size=1, max_size=6))
@settings(max_examples=30)
def test_the_profile_ends_at_the_last_goal_whatever_came_before(goals):
    joint = Joint()
    joint.put(reg.ACCELERATION, 80)
    for goal, steps in goals:
        joint.drive(goal - 2048)
        joint.run(steps * DT)
    joint.run(5)
    assert joint.servo._profile.position == pytest.approx((goals[-1][0] - 2048) * COUNT)


def test_velocity_mode_turns_at_the_goal_velocity(joint):
    joint.put(reg.OPERATING_MODE, 1)
    joint.put(reg.TORQUE_ENABLE, 1)
    for speed in (600, -300, 0):
        joint.put(reg.GOAL_VELOCITY, speed)
        joint.run(2)
        assert joint.velocity / COUNT == pytest.approx(speed, abs=3)
        assert joint.get(reg.PRESENT_VELOCITY) == pytest.approx(speed, abs=3)
    assert joint.get(reg.MOVING) == 0


@pytest.mark.parametrize("duty", [200, -200])
def test_pwm_mode_drives_with_the_duty(joint, duty):
    joint.put(reg.OPERATING_MODE, 2)
    joint.put(reg.GOAL_TIME, duty)
    joint.put(reg.TORQUE_ENABLE, 1)
    joint.run(1)
    assert joint.servo.torque == pytest.approx(duty / 1000 * reg.STALL_TORQUE)
    assert joint.get(reg.PRESENT_LOAD) == duty


def test_step_mode_adds_up(joint):
    joint.put(reg.OPERATING_MODE, 3)
    joint.put(reg.TORQUE_ENABLE, 1)
    for _ in range(3):
        joint.put(reg.GOAL_POSITION, -100)
    joint.run(2)
    assert joint.position == pytest.approx(-300 * COUNT, abs=2 * COUNT)


def test_load_and_current_say_what_it_drives_with(joint):
    joint.blocked = True
    joint.put(reg.TORQUE_LIMIT, 400)
    for goal, sign in ((1000, 1), (-1000, -1)):
        joint.drive(goal)
        joint.run(0.6)
        assert joint.get(reg.PRESENT_LOAD) == sign * 400
        amperes = 0.4 * 3.35 / 1.24
        assert joint.get(reg.PRESENT_CURRENT) == sign * round(amperes / 0.0065)


def test_the_torque_limit_is_the_lower_of_both(joint):
    joint.blocked = True
    joint.drive(2000)
    for torque_limit, max_torque, load in ((1000, 1000, 1000), (300, 1000, 300), (300, 200, 200)):
        joint.put(reg.TORQUE_LIMIT, torque_limit)
        joint.put(reg.MAX_TORQUE, max_torque)
        joint.run(0.5)
        assert joint.get(reg.PRESENT_LOAD) == load


def test_overload_leaves_the_protective_torque(joint):
    joint.blocked = True
    joint.put(reg.OVERLOAD_TORQUE, 25)
    joint.put(reg.PROTECTIVE_TORQUE, 15)
    joint.put(reg.PROTECTION_TIME, 100)  # 1 s
    joint.put(reg.MAX_TORQUE, 500)
    joint.drive(1500)
    joint.run(0.99)
    assert (joint.servo.status, joint.get(reg.PRESENT_LOAD)) == (0, 500)
    joint.run(0.5)
    assert (joint.servo.status, joint.get(reg.PRESENT_LOAD)) == (0x20, 150)
    joint.put(reg.P_GAIN, 20)  # another setting does not lift the protection
    joint.run(0.1)
    assert joint.get(reg.PRESENT_LOAD) == 150
    joint.put(reg.TORQUE_ENABLE, 1)
    joint.run(0.1)
    assert (joint.servo.status, joint.get(reg.PRESENT_LOAD)) == (0, 500)


def test_overcurrent_removes_torque(joint):
    joint.blocked = True
    joint.put(reg.PROTECTION_CURRENT, 250)  # 1.6 A, 2.0 N.m
    joint.put(reg.OVERCURRENT_TIME, 50)
    joint.drive(2000)
    joint.run(1.2)
    assert joint.servo.status == 0x08
    assert joint.get(reg.TORQUE_ENABLE) == 0
    joint.run(DT)
    assert joint.servo.torque == 0


def test_a_stalled_servo_heats_until_it_lets_go_and_cools(joint):
    joint.blocked = True
    joint.put(reg.OVERLOAD_TORQUE, 100)
    joint.put(reg.MAX_TEMPERATURE, 40)
    joint.drive(2000)
    temperatures = []
    for _ in range(40):
        joint.run(1)
        temperatures.append(joint.get(reg.PRESENT_TEMPERATURE))
    assert temperatures[0] == pytest.approx(25, abs=2)
    peak = temperatures.index(max(temperatures))
    assert temperatures[: peak + 1] == sorted(temperatures[: peak + 1])
    assert 40 <= max(temperatures) <= 42
    assert joint.servo.status & 0x04
    assert not joint.servo.torque_enabled
    assert temperatures[-1] < max(temperatures)


@pytest.mark.parametrize("torque", [0, 1])
def test_low_voltage_is_a_fault(joint, torque):
    joint.put(reg.TORQUE_ENABLE, torque)
    joint.put(reg.MIN_VOLTAGE, 110)
    joint.servo.voltage = 10.5
    joint.run(DT)
    assert joint.servo.status == 0x01
    assert joint.get(reg.PRESENT_VOLTAGE) == 105


def test_the_draw_makes_it_differ_from_its_data_sheet():
    joint = Joint(ServoDraw(gain=1.1, backlash=0.004, latency=0.006, offset=0.003))
    joint.put(reg.P_GAIN, 16)
    assert joint.get(reg.PRESENT_POSITION) == 2048 + round(0.003 / COUNT)
    joint.drive(200)
    joint.run(2 * DT)
    assert joint.servo.torque == 0  # the goal is still on its way
    joint.load = -0.5
    joint.run(3)
    gap = 200 * COUNT - (joint.position + 0.003)
    assert gap == pytest.approx(0.002 + 0.5 / (17.8 * 1.1), abs=1e-4)  # half the play, the spring
