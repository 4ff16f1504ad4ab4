"""The vendor's SDK on the twin's terminal: it finds, reads, moves and tunes the servos.

The SDK is a client that none of us wrote; what it did is judged by the world's truth.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import scservo_sdk as sdk
from handrail_drivers.feetech import registers as reg
from handrail_sim.twin.launch import Twin
from waiting import until

PAN, LIFT, ELBOW, FLEX, ROLL, JAW = IDS = range(1, 7)
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
COUNT = 2 * math.pi / 4096  # rad


@pytest.fixture(scope="module")
def twin():
    with Twin.start("desk", seed=3) as started:
        yield started


class VendorArm:
    """The SDK's calls by register; what was changed can be put back."""

    def __init__(self, port: sdk.PortHandler) -> None:
        self.port = port
        self.packets = sdk.PacketHandler(0)
        self._before: list[tuple[int, reg.Register, int]] = []

    def get(self, servo: int, register: reg.Register) -> int:
        return self.read(servo, register)[0]

    def read(self, servo: int, register: reg.Register) -> tuple[int, int]:
        """Value and status byte."""
        data, result, status = self.packets.readTxRx(
            self.port, servo, register.address, register.size
        )
        assert result == sdk.COMM_SUCCESS, self.packets.getTxRxResult(result)
        return register.decode(int.from_bytes(bytes(data), "little")), status

    def set(self, servo: int, register: reg.Register, value: int) -> None:
        self._before.append((servo, register, self.get(servo, register)))
        assert self.put(servo, register, value) == sdk.COMM_SUCCESS

    def put(self, servo: int, register: reg.Register, value: int) -> int:
        result, _ = self.packets.writeTxRx(
            self.port, servo, register.address, register.size, raw(register, value)
        )
        return result

    def restore(self) -> None:
        for servo in IDS:
            self.set(servo, reg.TORQUE_ENABLE, 0)
        for servo, register, value in reversed(self._before):
            if register is not reg.TORQUE_ENABLE:
                self.put(servo, register, value)


def raw(register: reg.Register, value: int) -> list[int]:
    return list(register.encode(value).to_bytes(register.size, "little"))


@pytest.fixture
def port(twin):
    port = sdk.PortHandler(twin.links["arm_bus"])
    assert port.openPort()  # at 1 Mbaud
    yield port
    port.closePort()


@pytest.fixture
def arm(port):
    arm = VendorArm(port)
    yield arm
    arm.restore()


def angle(twin, servo):
    return twin.truth.snapshot()["joints"][JOINTS[servo - 1]]["position"]


def settled(twin):
    """Wait until the world has been still for 0.1 s."""

    def still():
        rows = twin.truth.history(0.1)
        return len(rows) >= 40 and np.abs(rows[:, 8:]).max() < 2e-3

    mark = twin.truth.history(0.01)[-1, 0]
    until(lambda: twin.truth.history(0.01)[-1, 0] > mark + 0.15)
    until(still)


def go(arm, twin, servo, count):
    """Send a goal and wait until the world is still."""
    arm.set(servo, reg.GOAL_POSITION, count)
    arm.set(servo, reg.TORQUE_ENABLE, 1)
    settled(twin)


def test_exactly_six_servos_answer(port):
    packets = sdk.PacketHandler(0)
    found = {servo: packets.ping(port, servo) for servo in range(9)}
    answered = {servo: model for servo, (model, result, _) in found.items() if result == 0}
    assert answered == dict.fromkeys(IDS, reg.MODEL_STS3215)


def test_present_positions_are_the_truth(arm, twin):
    for servo in IDS:
        count = arm.get(servo, reg.PRESENT_POSITION)
        assert (count - 2048) * COUNT == pytest.approx(angle(twin, servo), abs=0.008)
        assert arm.get(servo, reg.PRESENT_VOLTAGE) == 120
        assert arm.get(servo, reg.PRESENT_TEMPERATURE) >= 25


def test_a_goal_moves_the_joint_of_the_world(arm, twin):
    go(arm, twin, ROLL, 2448)
    assert angle(twin, ROLL) == pytest.approx(400 * COUNT, abs=0.03)
    assert arm.get(ROLL, reg.PRESENT_POSITION) == pytest.approx(2448, abs=15)
    assert arm.get(ROLL, reg.MOVING) == 0


def test_sync_read_and_sync_write(arm, port, twin):
    reader = sdk.GroupSyncRead(port, arm.packets, reg.PRESENT_POSITION.address, 2)
    writer = sdk.GroupSyncWrite(port, arm.packets, reg.GOAL_POSITION.address, 2)
    goals = {PAN: 2700, ROLL: 1900}
    for servo in IDS:
        reader.addParam(servo)
    for servo, goal in goals.items():
        writer.addParam(servo, raw(reg.GOAL_POSITION, goal))
        arm.set(servo, reg.TORQUE_ENABLE, 1)
    assert writer.txPacket() == sdk.COMM_SUCCESS
    settled(twin)
    assert reader.txRxPacket() == sdk.COMM_SUCCESS
    for servo in IDS:
        count = reader.getData(servo, reg.PRESENT_POSITION.address, 2)
        assert (count - 2048) * COUNT == pytest.approx(angle(twin, servo), abs=0.008)
    for servo, goal in goals.items():
        assert angle(twin, servo) == pytest.approx((goal - 2048) * COUNT, abs=0.03)


def test_a_registered_write_waits_for_the_action(arm, port, twin):
    go(arm, twin, ROLL, 2048)
    staged = raw(reg.GOAL_POSITION, 1848)
    result, _ = arm.packets.regWriteTxRx(port, ROLL, reg.GOAL_POSITION.address, 2, staged)
    assert result == sdk.COMM_SUCCESS
    settled(twin)
    assert angle(twin, ROLL) == pytest.approx(0, abs=0.03)
    assert arm.get(ROLL, reg.ASYNC_WRITE) == 1
    assert arm.packets.action(port, ROLL) == sdk.COMM_SUCCESS
    until(lambda: angle(twin, ROLL) < -150 * COUNT)
    assert arm.get(ROLL, reg.ASYNC_WRITE) == 0


def test_a_lower_gain_lets_the_arm_hang_lower(arm, twin):
    rest = {servo: arm.get(servo, reg.PRESENT_POSITION) for servo in (ELBOW, FLEX)}
    go(arm, twin, FLEX, 2048)
    go(arm, twin, ELBOW, 2048 + 850)  # the forearm level: gravity turns it by 0.4 N.m
    sag, height = {}, {}
    for gain in (16, 8, 32):
        arm.set(ELBOW, reg.P_GAIN, gain)
        settled(twin)
        sag[gain] = abs(angle(twin, ELBOW) - 850 * COUNT)
        height[gain] = twin.truth.snapshot()["tcp"]["position"][2]
    assert sag[8] > 1.4 * sag[16] > 1.8 * sag[32]
    assert height[8] + 0.002 < height[16] < height[32] - 0.001
    for servo, count in rest.items():  # folded again before torque goes
        go(arm, twin, servo, count)


def test_the_torque_limit_stalls_the_jaw_at_a_lower_load(arm, twin):
    loads, angles = {}, {}
    go(arm, twin, JAW, 2048)
    for limit in (240, 120):
        arm.set(JAW, reg.TORQUE_LIMIT, limit)
        arm.set(JAW, reg.GOAL_POSITION, 1600)  # beyond shut
        settled(twin)
        loads[limit] = arm.get(JAW, reg.PRESENT_LOAD)
        angles[limit] = angle(twin, JAW)
    assert loads == {240: -240, 120: -120}
    assert -440 * COUNT < angles[240] < angles[120] < 0.0  # it gives way a little


def test_overload_shows_in_the_status_and_lowers_the_torque(arm, twin):
    arm.set(JAW, reg.TORQUE_LIMIT, 300)
    arm.set(JAW, reg.OVERLOAD_TORQUE, 25)
    arm.set(JAW, reg.PROTECTIVE_TORQUE, 10)
    arm.set(JAW, reg.PROTECTION_TIME, 30)
    arm.set(JAW, reg.GOAL_POSITION, 1600)
    assert arm.read(JAW, reg.STATUS) == (0, 0)
    arm.set(JAW, reg.TORQUE_ENABLE, 1)
    until(lambda: arm.get(JAW, reg.PRESENT_LOAD) == -300)
    until(lambda: arm.read(JAW, reg.STATUS) == (0x20, 0x20))
    until(lambda: arm.get(JAW, reg.PRESENT_LOAD) == -100)
    arm.set(JAW, reg.GOAL_POSITION, 2048)
    arm.set(JAW, reg.TORQUE_ENABLE, 1)
    assert arm.read(JAW, reg.STATUS) == (0, 0)


def test_the_homing_offset_shifts_the_present_position(arm, twin):
    count, truth = arm.get(ROLL, reg.PRESENT_POSITION), angle(twin, ROLL)
    for offset in (300, -700):
        arm.set(ROLL, reg.HOMING_OFFSET, offset)
        assert arm.get(ROLL, reg.PRESENT_POSITION) == pytest.approx(count - offset, abs=1)
    assert angle(twin, ROLL) == pytest.approx(truth, abs=1e-3)


def test_position_limits_bound_the_goal(arm, twin):
    arm.set(ROLL, reg.MIN_POSITION, 1950)
    arm.set(ROLL, reg.MAX_POSITION, 2150)
    go(arm, twin, ROLL, 3000)
    assert angle(twin, ROLL) == pytest.approx(102 * COUNT, abs=0.03)
    go(arm, twin, ROLL, 500)
    assert angle(twin, ROLL) == pytest.approx(-98 * COUNT, abs=0.03)


def test_goal_speed_and_acceleration_bound_the_motion(arm, twin):
    go(arm, twin, ROLL, 2048)
    arm.set(ROLL, reg.GOAL_VELOCITY, 500)
    arm.set(ROLL, reg.ACCELERATION, 10)
    start = twin.truth.history(0.01)[-1, 0]
    go(arm, twin, ROLL, 2648)
    rows = twin.truth.history(20.0)
    speed = rows[rows[:, 0] > start][:, 2 + 6 + ROLL - 1]
    assert 400 * COUNT < np.abs(speed).max() < 600 * COUNT


@pytest.mark.parametrize(("lock", "kept"), [(1, 16), (0, 20)])
def test_the_lock_decides_what_survives_a_brownout(arm, twin, lock, kept):
    arm.set(PAN, reg.LOCK, 0)
    arm.set(PAN, reg.P_GAIN, 16)
    arm.set(PAN, reg.LOCK, lock)
    arm.put(PAN, reg.P_GAIN, 20)
    arm.set(PAN, reg.TORQUE_ENABLE, 1)
    assert arm.get(PAN, reg.P_GAIN) == 20
    twin.truth.inject("brownout", "shoulder_pan")
    assert arm.get(PAN, reg.P_GAIN) == kept
    assert (arm.get(PAN, reg.TORQUE_ENABLE), arm.get(PAN, reg.LOCK)) == (0, 1)
    arm.put(PAN, reg.LOCK, 0)


def test_a_new_id_is_answered_to_at_once(arm, port):
    arm.put(JAW, reg.ID, 9)
    assert arm.packets.ping(port, JAW)[1] == sdk.COMM_RX_TIMEOUT
    assert arm.packets.ping(port, 9)[0] == reg.MODEL_STS3215
    arm.put(9, reg.ID, JAW)
    assert arm.packets.ping(port, JAW)[0] == reg.MODEL_STS3215


def test_a_new_baud_rate_needs_a_new_rate_of_the_port(arm, port):
    arm.put(JAW, reg.BAUD_RATE, reg.BAUD_RATES.index(115_200))
    assert arm.packets.ping(port, JAW)[1] == sdk.COMM_RX_TIMEOUT
    assert port.setBaudRate(115_200)
    assert arm.packets.ping(port, JAW)[0] == reg.MODEL_STS3215
    assert arm.packets.ping(port, ROLL)[1] == sdk.COMM_RX_TIMEOUT
    arm.put(JAW, reg.BAUD_RATE, 0)
    assert port.setBaudRate(1_000_000)
    assert arm.packets.ping(port, JAW)[0] == reg.MODEL_STS3215


def test_the_response_level_silences_writes(arm):
    arm.put(JAW, reg.RESPONSE_LEVEL, 0)
    assert arm.put(JAW, reg.ACCELERATION, 7) == sdk.COMM_RX_TIMEOUT
    assert arm.get(JAW, reg.ACCELERATION) == 7
    arm.put(JAW, reg.ACCELERATION, 0)
    assert arm.put(JAW, reg.RESPONSE_LEVEL, 1) == sdk.COMM_RX_TIMEOUT
    assert arm.put(JAW, reg.RESPONSE_LEVEL, 1) == sdk.COMM_SUCCESS


def test_a_silent_servo_is_missed_and_a_garbled_answer_is_noticed(arm, twin):
    twin.truth.inject("silent", "wrist_flex")
    assert arm.packets.ping(arm.port, FLEX)[1] == sdk.COMM_RX_TIMEOUT
    twin.truth.inject("speaking", "wrist_flex")
    twin.truth.inject("garble")
    assert arm.packets.ping(arm.port, FLEX)[1] == sdk.COMM_RX_CORRUPT
    assert arm.packets.ping(arm.port, FLEX)[1] == sdk.COMM_SUCCESS


@pytest.mark.parametrize(
    ("fault", "bit"), [("voltage", 1), ("angle", 2), ("overheat", 4), ("overload", 32)]
)
def test_an_injected_fault_shows_in_the_status_byte(arm, twin, fault, bit):
    twin.truth.inject(fault, "elbow_flex")
    assert arm.read(ELBOW, reg.STATUS) == (bit, bit)
    twin.truth.inject(fault, "elbow_flex", 0)
    assert arm.read(ELBOW, reg.STATUS) == (0, 0)
