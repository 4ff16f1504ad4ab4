"""The vendor's SDK on the twin's Dynamixel servos, on our frames, and beside our driver.

The SDK is a client that none of us wrote. Its port is one in memory, on which no time passes.
"""

from __future__ import annotations

import math
from typing import Any

import dynamixel_sdk as sdk
import pytest
from drivers.dynamixel_port import PAN, TILT, Port
from drivers.moving_stand_ins import PAN_TILT
from handrail_drivers.dynamixel import codec
from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.codec import Instruction, Parser
from handrail_drivers.dynamixel.driver import DynamixelBus
from handrail_drivers.dynamixel.registers import Register
from handrail_drivers.errors import DeviceFault
from hypothesis import given
from hypothesis import strategies as st

LIMIT_ERROR, ACCESS_ERROR = 6, 7
STUFFED = 0x7FD  # a position whose first byte completes a header behind a velocity of -1


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def packets() -> Any:
    return sdk.PacketHandler(2.0)


def put(packets: Any, port: Port, servo: int, register: Register, value: int) -> int:
    """Write a register; return the error of the answer."""
    data = list(register.encode(value))
    result, error = packets.writeTxRx(port, servo, register.address, register.size, data)
    assert result == sdk.COMM_SUCCESS
    return int(error)


def get(packets: Any, port: Port, servo: int, register: Register) -> int:
    data, result, _ = packets.readTxRx(port, servo, register.address, register.size)
    assert result == sdk.COMM_SUCCESS
    return register.decode(bytes(data))


def test_it_finds_the_servos(port: Port, packets: Any) -> None:
    assert packets.ping(port, PAN) == (1020, sdk.COMM_SUCCESS, 0)
    assert packets.ping(port, 9)[1] == sdk.COMM_RX_TIMEOUT
    found, result = packets.broadcastPing(port)
    assert result == sdk.COMM_SUCCESS
    assert {id: model for id, (model, _) in found.items()} == {PAN: 1020, TILT: 1020}


def test_it_reads_and_writes_what_the_table_allows(port: Port, packets: Any) -> None:
    assert put(packets, port, PAN, reg.OPERATING_MODE, reg.CURRENT_POSITION) == 0
    assert put(packets, port, PAN, reg.TORQUE_ENABLE, 1) == 0
    assert put(packets, port, PAN, reg.GOAL_POSITION, 2500) == 0
    assert get(packets, port, PAN, reg.GOAL_POSITION) == 2500
    assert put(packets, port, PAN, reg.OPERATING_MODE, 3) == ACCESS_ERROR  # torque is on
    assert put(packets, port, PAN, reg.PRESENT_POSITION, 1) == ACCESS_ERROR
    assert put(packets, port, PAN, reg.GOAL_CURRENT, 1200) == LIMIT_ERROR
    port.bank.servos["pan"].fail(0x20)
    assert put(packets, port, PAN, reg.P_GAIN, 700) & codec.ALERT
    assert get(packets, port, PAN, reg.TORQUE_ENABLE) == 0
    assert packets.reboot(port, PAN)[0] == sdk.COMM_SUCCESS
    assert get(packets, port, PAN, reg.HARDWARE_ERROR) == 0
    assert get(packets, port, PAN, reg.OPERATING_MODE) == reg.CURRENT_POSITION


def test_its_groups_and_ours_agree_where_answers_are_stuffed(port: Port, packets: Any) -> None:
    """FF FF FF FF, then FD: a byte more comes over the wire, and neither client sees it."""
    angle = (STUFFED - 2048) * math.tau / 4096
    port.bank.step((angle, angle), (-reg.VELOCITY_UNIT, 0.5), 0.0)
    group = sdk.GroupSyncRead(port, packets, reg.PRESENT_VELOCITY.address, 8)
    assert all(group.addParam(servo) for servo in (PAN, TILT))
    assert group.txRxPacket() == sdk.COMM_SUCCESS
    found = [
        reg.PRESENT_VELOCITY.decode(int(group.getData(PAN, 128, 4)).to_bytes(4, "little")),
        group.getData(PAN, 132, 4),
    ]
    assert found == [-1, STUFFED]
    bus = DynamixelBus("head", PAN_TILT, port)
    state = bus.read()
    assert state.position == pytest.approx((angle, angle))
    assert state.velocity == pytest.approx((-reg.VELOCITY_UNIT, 0.5), abs=reg.VELOCITY_UNIT / 2)
    assert bus.read().position == state.position


def test_its_group_writes_do_what_ours_do(port: Port, packets: Any) -> None:
    bus = DynamixelBus("head", PAN_TILT, port)
    bus.connect()
    bus.write((0.5, -0.25))
    ours, goals = port.sent, [get(packets, port, n, reg.GOAL_POSITION) for n in (PAN, TILT)]
    assert goals == [2374, 1885]
    group = sdk.GroupSyncWrite(port, packets, reg.GOAL_POSITION.address, 4)
    for servo, goal in zip((PAN, TILT), goals, strict=True):
        assert group.addParam(servo, list(reg.GOAL_POSITION.encode(goal)))
    assert group.txPacket() == sdk.COMM_SUCCESS
    assert port.sent == ours


def test_ours_refuses_another_model_and_changes_nothing_under_torque(
    port: Port, packets: Any
) -> None:
    bus = DynamixelBus("head", PAN_TILT, port)
    put(packets, port, TILT, reg.TORQUE_ENABLE, 1)
    with pytest.raises(DeviceFault, match="while its torque is on") as refused:
        bus.connect()
    assert refused.value.subject == "tilt"
    port.bank.servos["pan"].put(reg.MODEL_NUMBER, 1030)
    with pytest.raises(DeviceFault, match="pan is a XM430-W210, not a XM430-W350"):
        bus.connect()


@given(
    st.integers(0, 252),
    st.sampled_from([Instruction.READ, Instruction.WRITE, Instruction.REG_WRITE]),
    st.lists(st.sampled_from([0xFF, 0xFD, 0x00, 0x55]) | st.integers(0, 255), max_size=60),
)
def test_our_frames_are_the_sdks(id: int, instruction: int, parameters: list[int]) -> None:
    """The SDK sends what it should stuff as it is (4.1.0, addStuffing's result is dropped)."""
    frame = codec.build(id, instruction, bytes(parameters))
    if b"\xff\xff\xfd" not in bytes(parameters):
        port, length = Port(), len(parameters) + 3
        packet = [0, 0, 0, 0, id, length & 0xFF, length >> 8, instruction, *parameters, 0, 0]
        sdk.PacketHandler(2.0).txPacket(port, packet)
        assert port.sent == frame
    (found,) = Parser(answers=False).feed(frame)
    assert (found.id, found.code, found.parameters) == (id, instruction, bytes(parameters))


@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(0, 6))
def test_an_answer_is_found_in_whatever_surrounds_it(noise: list[bytes], at: int) -> None:
    meant = b"\xff\xff\xfd\x01\x02"
    parts = [part.replace(b"\xff", b"\xfe") for part in noise]  # without a header of its own
    parts.insert(at, codec.status(TILT, 0, meant))
    parser = Parser(answers=True)
    found = [frame.parameters for part in parts for frame in parser.feed(part)]
    assert found == [meant]
