"""The bank of servos as bytes in, bytes out: the protocol's rules, and any bytes at all."""

from __future__ import annotations

import pytest
from handrail_drivers.errors import BusLost
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import BROADCAST, Frame, Instruction, Parser, build
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.perturbation import ServoDraw
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_wire import MemoryWire

IDS = (1, 2, 3, 4, 5, 6)
POSITION = reg.PRESENT_POSITION.address
GOAL = reg.GOAL_POSITION.address
PING_3 = build(3, Instruction.PING)
PONG_3 = build(3, 0)


def new_bank() -> FeetechBank:
    bank = FeetechBank([ServoSpec(id, f"joint{id}", ServoDraw()) for id in IDS])
    bank.step([0.1 * id for id in IDS], [0.0] * len(IDS), 0.002)
    return bank


@pytest.fixture
def bank():
    return new_bank()


def frames(answers: list[bytes]) -> list[Frame]:
    """Every answer as a frame; each must be one, whole."""
    found = [Parser().feed(answer) for answer in answers]
    assert all(len(one) == 1 for one in found)
    return [one[0] for one in found]


def write(id: int, register: reg.Register, value: int) -> bytes:
    data = register.encode(value).to_bytes(register.size, "little")
    return build(id, Instruction.WRITE, bytes((register.address,)) + data)


def value(bank: FeetechBank, id: int, register: reg.Register) -> int:
    return bank.servos[f"joint{id}"].memory.value(register)


def test_a_ping_is_answered_by_its_servo_alone(bank):
    assert bank.handle(PING_3) == [PONG_3]
    assert bank.handle(build(7, Instruction.PING)) == []


def test_a_broadcast_ping_is_answered_by_all_in_order(bank):
    answers = frames(bank.handle(build(BROADCAST, Instruction.PING)))
    assert [frame.id for frame in answers] == list(IDS)


def test_read_returns_little_endian_words(bank):
    (frame,) = frames(bank.handle(build(2, Instruction.READ, bytes((POSITION, 2)))))
    assert frame == Frame(2, 0, (2048 + round(0.2 / 6.283185307 * 4096)).to_bytes(2, "little"))


def test_sync_read_answers_in_the_order_of_the_request_and_leaves_out_the_absent(bank):
    answers = frames(bank.handle(codec.sync_read((5, 1, 9, 4), POSITION, 6)))
    assert [frame.id for frame in answers] == [5, 1, 4]
    assert all(len(frame.parameters) == 6 for frame in answers)
    bank.servos["joint1"].silent = True
    answers = frames(bank.handle(codec.sync_read((5, 1, 4), POSITION, 6)))
    assert [frame.id for frame in answers] == [5, 4]


def test_sync_write_reaches_each_servo_and_is_not_answered(bank):
    rows = [(id, (2000 + id).to_bytes(2, "little")) for id in (1, 6, 9)]
    assert bank.handle(codec.sync_write(GOAL, 2, rows)) == []
    assert [value(bank, id, reg.GOAL_POSITION) for id in (1, 6)] == [2001, 2006]


def test_a_broadcast_write_reaches_all_and_is_not_answered(bank):
    assert bank.handle(write(BROADCAST, reg.TORQUE_ENABLE, 1)) == []
    assert all(servo.torque_enabled for servo in bank.servos.values())


def test_a_registered_write_waits_for_the_action(bank):
    for id in (1, 2):
        staged = bytes((GOAL,)) + (1800).to_bytes(2, "little")
        assert frames(bank.handle(build(id, Instruction.REG_WRITE, staged))) == [Frame(id, 0, b"")]
    assert value(bank, 1, reg.GOAL_POSITION) != 1800
    assert bank.handle(build(BROADCAST, Instruction.ACTION)) == []
    assert [value(bank, id, reg.GOAL_POSITION) for id in (1, 2)] == [1800, 1800]


def test_a_write_is_answered_under_the_old_id_and_response_level(bank):
    assert frames(bank.handle(write(3, reg.ID, 8))) == [Frame(3, 0, b"")]
    assert frames(bank.handle(write(8, reg.RESPONSE_LEVEL, 0))) == [Frame(8, 0, b"")]
    assert bank.handle(write(8, reg.TORQUE_ENABLE, 1)) == []
    assert frames(bank.handle(build(8, Instruction.PING))) == [Frame(8, 0, b"")]


def test_reset_keeps_the_id(bank):
    bank.handle(write(3, reg.P_GAIN, 5))
    bank.handle(build(3, Instruction.RESET))
    assert (value(bank, 3, reg.ID), value(bank, 3, reg.P_GAIN)) == (3, 32)


def test_another_rate_on_the_line_is_not_heard(bank):
    bank.line_baud = 1_000_000
    bank.handle(write(2, reg.BAUD_RATE, 4))
    bank.line_baud = 115_200
    answers = frames(bank.handle(build(BROADCAST, Instruction.PING)))
    assert [frame.id for frame in answers] == [2]


def test_the_return_delay_of_those_that_answer_adds_up(bank):
    for id in IDS:
        bank.handle(write(id, reg.RETURN_DELAY, 10 * id))
    answers = bank.handle(codec.sync_read((1, 4, 9), POSITION, 2))
    assert bank.return_delay(answers) == pytest.approx((10 + 40) * 2e-6)


def test_a_torn_frame_is_waited_for_until_it_is_given_up(bank):
    bank.handle(b"\xff\xff\x01\xc8\x03")  # announces 200 bytes more
    assert bank.handle(PING_3) == []
    bank.forget_partial()
    assert bank.handle(PING_3) == [PONG_3]


@pytest.mark.parametrize("bit", [0x01, 0x02, 0x04, 0x08, 0x20])
def test_a_fault_is_in_the_status_byte_of_every_answer(bank, bit):
    bank.servos["joint4"].stuck_faults = bit
    requests = (
        build(4, Instruction.PING),
        build(4, Instruction.READ, bytes((POSITION, 2))),
        write(4, reg.ACCELERATION, 3),
        codec.sync_read((4,), POSITION, 2),
    )
    for request in requests:
        assert frames(bank.handle(request))[0].code == bit
    (frame,) = frames(bank.handle(build(4, Instruction.READ, bytes((reg.STATUS.address, 1)))))
    assert frame.parameters == bytes((bit,))


def test_a_garbled_answer_is_one_with_a_wrong_checksum(bank):
    bank.garble = 1
    parser = Parser()
    (answer,) = bank.handle(PING_3)
    assert parser.feed(answer) == []
    assert parser.garbled == [3]
    assert bank.handle(PING_3) == [PONG_3]


def test_the_supply_sags_under_load(bank):
    bank.handle(write(BROADCAST, reg.GOAL_POSITION, 4000))
    bank.handle(write(BROADCAST, reg.TORQUE_ENABLE, 1))
    for _ in range(200):
        bank.step([0.0] * 6, [0.0] * 6, 0.002)
    bank.settle_supply()
    current = 6 * reg.STALL_TORQUE / 1.24
    assert bank.servos["joint1"].voltage == pytest.approx(12 - 0.1 * current)


# --- any bytes at all ------------------------------------------------------------------------

REQUEST = st.builds(
    build,
    st.integers(0, BROADCAST),
    st.one_of(st.sampled_from(list(Instruction)), st.integers(0, 255)),
    st.binary(max_size=20),
)


@given(st.lists(st.one_of(st.binary(max_size=60), REQUEST), max_size=8))
@settings(max_examples=200)
def test_no_bytes_make_it_raise_and_every_answer_is_a_frame(chunks):
    bank = new_bank()
    for chunk in chunks:
        frames(bank.handle(chunk))
        torques = bank.step([0.0] * 6, [0.0] * 6, 0.002)
        assert all(abs(torque) <= reg.STALL_TORQUE for torque in torques)


@given(st.binary(max_size=40).filter(lambda garbage: b"\xff" not in garbage))
def test_garbage_before_a_request_does_not_lose_it(garbage):
    assert new_bank().handle(garbage + PING_3) == [PONG_3]


@given(st.lists(st.integers(1, 8), min_size=1, max_size=20))
def test_requests_may_come_in_any_pieces(sizes):
    bank, stream, answers = new_bank(), PING_3 * 4, []
    for size in sizes:
        answers += bank.handle(stream[:size])
        stream = stream[size:]
    assert answers + bank.handle(stream) == [PONG_3] * 4


@given(REQUEST, st.integers(min_value=1, max_value=255))
@settings(max_examples=50)
def test_a_wrong_checksum_is_not_answered(request, flip):
    assert new_bank().handle(request[:-1] + bytes((request[-1] ^ flip,))) == []


# --- in memory ---------------------------------------------------------------------------------


def test_the_wire_in_memory_carries_both_ways(bank):
    wire = MemoryWire(bank)
    wire.write(PING_3)
    assert wire.sent == [PING_3]
    assert wire.read(2, 0.1) + wire.read(99, 0.1) == PONG_3
    wire.write(PING_3)
    wire.discard_input()
    assert wire.read(99, 0.1) == b""


def test_the_wire_in_memory_can_be_unplugged(bank):
    wire = MemoryWire(bank)
    wire.write(PING_3)
    wire.unplug()
    for attempt in (lambda: wire.write(PING_3), lambda: wire.read(1, 0), wire.discard_input):
        with pytest.raises(BusLost):
            attempt()
    wire.plug()
    assert wire.read(99, 0.1) == b""
