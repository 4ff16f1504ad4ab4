"""The bus driver against scripted servos: what it writes, and the values it reads."""

from __future__ import annotations

import math

import pytest
from handrail_drivers.api import MotionBus
from handrail_drivers.errors import (
    DeviceFault,
    InvalidValue,
    ServoSilent,
    UnknownName,
)
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import Instruction
from handrail_drivers.feetech.driver import FeetechBus

COUNT = 2 * math.pi / 4096


def test_it_is_a_motion_bus(bus):
    assert isinstance(bus, MotionBus)
    assert bus.joints[-1] == "gripper"


def test_read_is_one_request_in_si_units(bus, bank):
    for id, (position, velocity, load) in enumerate(
        [
            (2048, 0, 0),
            (3072, 100, 250),
            (1024, -100, -250),
            (0, 1, 1000),
            (4095, -1, 1),
            (2049, 7, -1),
        ],
        1,
    ):
        bank.put(id, reg.PRESENT_POSITION, position)
        bank.put(id, reg.PRESENT_VELOCITY, velocity)
        bank.put(id, reg.PRESENT_LOAD, load)
    state = bus.read()
    assert len(bank.requests) == 1
    assert bank.requests[0].parameters[:2] == bytes((56, 6))
    assert state.position == pytest.approx(
        (0, math.pi / 2, -math.pi / 2, -math.pi, 2047 * COUNT, COUNT)
    )
    assert state.velocity == pytest.approx([n * COUNT for n in (0, 100, -100, 1, -1, 7)])
    assert state.effort == pytest.approx([n * 3.35e-3 for n in (0, 250, -250, 1000, 1, -1)])


def test_write_is_one_request(bus, bank):
    bus.write([0.0, 0.5, -0.5, 1.0, -1.0, 0.25])
    assert [frame.code for frame in bank.requests] == [Instruction.SYNC_WRITE]
    goals = [bank.get(id, reg.GOAL_POSITION) for id in range(1, 7)]
    assert goals == [2048 + round(q / COUNT) for q in (0.0, 0.5, -0.5, 1.0, -1.0, 0.25)]
    assert bus.read_hold().goal == pytest.approx((0.0, 0.5, -0.5, 1.0, -1.0, 0.25), abs=COUNT)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.8, -1.8])
def test_what_no_servo_should_be_sent_is_refused(bus, bank, value):
    with pytest.raises(InvalidValue, match="shoulder_lift"):
        bus.write([0.0, value, 0.0, 0.0, 0.0, 0.0])
    with pytest.raises(InvalidValue, match="6 joints"):
        bus.write([0.0])
    assert not bank.requests


def test_drive_mode_turns_every_sign(arm_settings, bank, tmp_path):
    text = arm_settings.calibration.read_text().replace('"drive_mode": 0', '"drive_mode": 1')
    path = tmp_path / "turned.json"
    path.write_text(text)
    bus = FeetechBus("arm_bus", arm_settings.model_copy(update={"calibration": path}), bank)
    bank.put(1, reg.PRESENT_POSITION, 2148)
    bank.put(1, reg.PRESENT_VELOCITY, 10)
    bank.put(1, reg.PRESENT_LOAD, 100)
    state = bus.read()
    assert state.position[0] == pytest.approx(-100 * COUNT)
    assert state.velocity[0] == pytest.approx(-10 * COUNT)
    assert state.effort[0] == pytest.approx(-0.335)
    bus.write([0.1, 0, 0, 0, 0, 0])
    assert bank.get(1, reg.GOAL_POSITION) == 2048 - round(0.1 / COUNT)


# Connecting


def test_connect_writes_what_differs_once_and_moves_nothing(bus, bank):
    def motion():
        registers = (reg.GOAL_POSITION, reg.TORQUE_ENABLE)
        return [bank.get(id, register) for id in bank.memory for register in registers]

    before = motion()
    bus.connect()
    assert motion() == before
    for id in range(1, 7):
        assert bank.get(id, reg.P_GAIN) == 16
        assert bank.get(id, reg.LOCK) == 1
    assert bus.firmware["gripper"] == "3.10"
    assert bank.get(6, reg.TORQUE_LIMIT) == round(0.8 / 3.35 * 1000)
    assert bank.eeprom_writes
    bank.eeprom_writes.clear()
    bus.connect()
    assert not bank.eeprom_writes


def test_connect_names_all_silent_servos(bus, bank):
    bank.silent = {2, 5}
    with pytest.raises(ServoSilent, match=r"shoulder_lift \(id 2\).*wrist_roll \(id 5\)"):
        bus.connect()


def test_connect_refuses_another_model(bus, bank):
    bank.put(3, reg.MODEL_NUMBER, 1540)
    with pytest.raises(DeviceFault, match=r"elbow_flex.*1540"):
        bus.connect()


def test_connect_changes_nothing_that_moves_under_torque(bus, bank):
    bank.put(1, reg.TORQUE_ENABLE, 1)
    with pytest.raises(DeviceFault, match="torque"):
        bus.connect()
    assert not bank.eeprom_writes


def test_connect_under_torque_is_fine_where_nothing_differs(bus, bank):
    bus.connect()
    for id in range(1, 7):
        bank.put(id, reg.TORQUE_ENABLE, 1)
    bus.connect()
    assert bus.read_hold().torque_enabled == (True,) * 6


def test_a_register_that_does_not_take_its_value_is_named(bus, bank):
    store = bank._store
    bank._store = lambda id, address, data: (
        None if address == 21 and id == 4 else store(id, address, data)
    )
    with pytest.raises(DeviceFault, match=r"wrist_flex did not take p_gain"):
        bus.connect()


# Torque, stop, health


def test_torque_is_written_and_read_back(bus, bank):
    bus.set_torque(True)
    assert all(bank.get(id, reg.TORQUE_ENABLE) == 1 for id in range(1, 7))
    bank.stuck = {(2, reg.TORQUE_ENABLE.address)}
    with pytest.raises(DeviceFault, match="shoulder_lift did not remove"):
        bus.set_torque(False)


def test_stop_keeps_near_goals_and_catches_far_ones(bus, bank):
    for id in range(1, 6):
        bank.put(id, reg.TORQUE_ENABLE, 1)
    bank.put(1, reg.GOAL_POSITION, 2048 + 50)  # near: load sag
    bank.put(2, reg.GOAL_POSITION, 3000)  # far: still on its way
    bank.put(2, reg.PRESENT_LOAD, 100)
    bank.put(6, reg.GOAL_POSITION, 3000)  # no torque
    bus.stop()
    goals = [bank.get(id, reg.GOAL_POSITION) for id in range(1, 7)]
    assert goals == [2098, 2048 + round(0.335 / 17.8 / COUNT), 2048, 2048, 2048, 3000]


def test_health_reads_one_servo(bus, bank):
    bank.put(3, reg.PRESENT_TEMPERATURE, 41)
    bank.put(3, reg.PRESENT_VOLTAGE, 118)
    bank.put(3, reg.PRESENT_CURRENT, -100)
    bank.put(3, reg.MOVING, 1)
    bank.status[3] = 0x20 | 0x04
    health = bus.health("elbow_flex")
    assert (health.temperature, health.moving, health.torque_enabled) == (41.0, True, False)
    assert health.voltage == pytest.approx(11.8)
    assert health.current == pytest.approx(-0.65)
    assert health.faults == ("overheat", "overload")
    with pytest.raises(UnknownName, match="elbow_flex"):
        bus.health("elbow")


def test_the_status_byte_of_a_cyclic_reply_is_kept(bus, bank):
    bank.status[6] = 0x20
    bus.read()
    assert bus.faults() == {"gripper": ("overload",)}
    bank.status[6] = 0
    bus.read()
    assert not bus.faults()
