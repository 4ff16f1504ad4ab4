"""The bus driver against scripted servos: every way in which a reply fails."""

from __future__ import annotations

import pytest
from drivers.servo_bank import ServoBank
from handrail_drivers.errors import (
    BusLost,
    ServoGarbled,
    ServoSilent,
)
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.driver import FeetechBus
from hypothesis import given
from hypothesis import strategies as st


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
