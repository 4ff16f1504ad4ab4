"""The bus driver against scripted servos: right values, and every way in which a reply fails."""

from __future__ import annotations

import math

import pytest
from drivers.servo_bank import ServoBank
from handrail_drivers.api import MotionBus
from handrail_drivers.errors import (
    BusLost,
    DeviceFault,
    InvalidValue,
    ServoGarbled,
    ServoSilent,
    UnknownName,
)
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import Instruction
from handrail_drivers.feetech.driver import FeetechBus
from hypothesis import given
from hypothesis import strategies as st

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


# Replies that fail


def test_a_silent_servo_is_named_and_not_asked_again(bus, bank):
    bank.silent = {4}
    with pytest.raises(ServoSilent, match=r"wrist_flex \(id 4\)") as caught:
        bus.read()
    assert caught.value.subject == "wrist_flex"
    assert len(bank.requests) == 1


def spoil_servo(n: int, change):
    """Return a spoiler that changes the n-th servo's frame (6 value bytes) of a cyclic reply."""

    def spoil(reply: bytes) -> bytes:
        size = len(reply) // 6
        return (
            reply[: n * size] + change(reply[n * size : (n + 1) * size]) + reply[(n + 1) * size :]
        )

    return spoil


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame[:-1] + bytes((frame[-1] ^ 1,)),  # checksum
        lambda frame: frame[:7],  # truncated
        lambda frame: codec.build(99, frame[4], frame[5:-1]),  # another id
        lambda frame: codec.build(frame[2], frame[4], frame[5:-2]),  # another length
        lambda frame: b"\x00" * len(frame),
    ],
    ids=["checksum", "truncated", "wrong id", "wrong length", "zeros"],
)
def test_a_garbled_servo_is_named_after_one_repeat(bus, bank, change):
    bank.spoil = spoil_servo(2, change)
    with pytest.raises((ServoGarbled, ServoSilent), match=r"elbow_flex \(id 3\)"):
        bus.read()
    bank.spoil = bytes
    assert bus.read().position[2] == 0.0


def test_one_garbled_reply_is_repeated_and_counted(bus, bank):
    def once(reply: bytes) -> bytes:
        bank.spoil = bytes
        return reply[:-1] + bytes((reply[-1] ^ 0x10,))

    bank.spoil = once
    assert bus.read().position == (0.0,) * 6
    assert bus.retries == 1


def test_bytes_before_the_reply_are_stepped_over(bus, bank):
    bank.spoil = lambda reply: b"\x00\xff\x13" + codec.build(1, 0, b"") + reply
    assert bus.read().position == (0.0,) * 6
    assert bus.retries == 0


def test_a_late_reply_is_never_the_answer_to_the_next_request(bus, bank):
    bank.put(1, reg.PRESENT_POSITION, 3000)
    bank.late = True
    with pytest.raises(ServoSilent):
        bus.read()
    bank.late = False  # the late reply arrives right after the next request
    bank.put(1, reg.PRESENT_POSITION, 2048)
    assert bus.read().position[0] == 0.0


def test_a_late_reply_of_one_servo_is_not_taken_for_another(bus, bank):
    bank.late = True
    bus.read_health("elbow_flex")
    assert bus.retries == 1
    bank.late = False
    bank.put(1, reg.PRESENT_TEMPERATURE, 60)
    assert bus.read_health("shoulder_pan").temperature == 60.0


def test_a_reply_that_comes_while_the_line_falls_quiet_is_dropped(arm_settings, bank):
    bus = FeetechBus("arm_bus", arm_settings.model_copy(update={"retries": 0}), bank)
    bank.put(3, reg.PRESENT_TEMPERATURE, 60)
    bank.late_by = [1]
    with pytest.raises(ServoSilent):
        bus.read_health("elbow_flex")
    bank.put(3, reg.PRESENT_TEMPERATURE, 20)
    assert bus.read_health("elbow_flex").temperature == 20.0
    bank.late_by = [2]
    with pytest.raises(ServoSilent):
        bus.read_hold()
    bank.put(3, reg.TORQUE_ENABLE, 1)
    assert bus.read_hold().torque_enabled[2]


def test_a_repeat_that_was_answered_late_leaves_nothing_behind(bus, bank):
    bank.put(3, reg.PRESENT_TEMPERATURE, 60)
    bank.late_by = [2, 1]  # the reply to the first try is taken by the second
    assert bus.read_health("elbow_flex").temperature == 60.0
    bank.put(3, reg.PRESENT_TEMPERATURE, 20)
    assert bus.read_health("elbow_flex").temperature == 20.0


def test_a_pulled_port_is_bus_lost_from_every_method(bus, bank):
    bank.pulled = True
    for act in (
        bus.connect,
        bus.read,
        lambda: bus.write([0.0] * 6),
        bus.read_hold,
        lambda: bus.read_health("gripper"),
        lambda: bus.set_torque(True),
        bus.stop,
    ):
        with pytest.raises(BusLost):
            act()


@given(st.lists(st.binary(max_size=120), min_size=1, max_size=4))
def test_garbage_ends_in_a_named_fault_or_a_finite_state(arm_settings, replies):
    bank = ServoBank()
    bus = FeetechBus("arm_bus", arm_settings, bank)
    queue = list(replies)
    bank.spoil = lambda reply: queue.pop(0) if queue else reply
    for act in (bus.read, lambda: bus.read_health("gripper"), bus.read_hold, bus.read):
        try:
            act()
        except (ServoGarbled, ServoSilent) as fault:
            assert fault.subject in bus.joints  # noqa: PT017  most replies are faults, not all
    queue.clear()
    for _ in range(3):
        try:
            state = bus.read()
        except (ServoGarbled, ServoSilent):
            continue
    assert state.position == (0.0,) * 6
    assert bank.reads < 200
