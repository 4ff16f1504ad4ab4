"""Our driver on the twin's terminal: it moves the truth, and agrees with the vendor's SDK."""

from __future__ import annotations

import math
import time

import pytest
import scservo_sdk as vendor
from handrail_drivers.errors import BusLost
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.serial_port import SerialPort
from handrail_sim.cell_file import device_settings, load_cell
from handrail_sim.twin.launch import Twin

CELL = load_cell("desk")
SETTINGS = device_settings(CELL, "arm_bus").model_copy(update={"margin": 0.05})
REST = tuple(CELL.arm.rest[joint] for joint in CELL.arm.all_joints)
DEADLINE = 20.0  # s


@pytest.fixture(scope="module")
def twin():
    with Twin.start("desk", perturb=False) as started:
        yield started


@pytest.fixture
def bus(twin):
    port = SerialPort(twin.links["arm_bus"], SETTINGS.baud)
    bus = FeetechBus("arm_bus", SETTINGS, port)
    bus.connect()
    yield bus
    bus.close()


def until(condition):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline


def truth(twin, joint):
    return twin.truth.snapshot()["joints"][joint]["position"]


def test_what_it_reads_is_the_truth(twin, bus):
    state = bus.read()
    for joint, position in zip(bus.joints, state.position, strict=True):
        assert position == pytest.approx(truth(twin, joint), abs=0.005)


def test_it_moves_a_joint_of_the_world(twin, bus):
    start = bus.read().position
    bus.write(start)
    bus.set_torque(True)
    target = (start[0] - 0.5, *start[1:])
    try:
        bus.write(target)
        until(lambda: abs(truth(twin, "shoulder_pan") - target[0]) < 0.02)
        assert bus.read().position[0] == pytest.approx(truth(twin, "shoulder_pan"), abs=0.01)
        bus.write(start)
        until(lambda: abs(truth(twin, "shoulder_pan") - start[0]) < 0.02)
    finally:
        bus.set_torque(False)


def test_stop_in_mid_motion_holds_the_joint(twin, bus):
    start = bus.read().position
    bus.write(start)
    bus.set_torque(True)
    try:
        bus.write((start[0] - 1.5, *start[1:]))
        until(lambda: truth(twin, "shoulder_pan") < start[0] - 0.3)
        bus.stop()
        goal = bus.read_hold().goal[0]
        until(lambda: abs(truth(twin, "shoulder_pan") - goal) < 0.05)
        assert goal > start[0] - 1.4
    finally:
        bus.write(start)
        until(lambda: abs(truth(twin, "shoulder_pan") - start[0]) < 0.02)
        bus.set_torque(False)


def test_the_vendors_sdk_reads_the_same(twin, bus):
    state = bus.read()
    hold = bus.read_hold()
    bus.close()
    port = vendor.PortHandler(twin.links["arm_bus"])
    assert port.openPort()
    handler = vendor.PacketHandler(0)
    try:
        for n, joint in enumerate(bus.joints):
            servo = SETTINGS.joints[joint].id
            count, result, _ = handler.read2ByteTxRx(port, servo, 56)
            assert result == vendor.COMM_SUCCESS
            assert (count - 2048) * 6.283185307 / 4096 == pytest.approx(
                state.position[n], abs=0.004
            )
            gain, _, _ = handler.read1ByteTxRx(port, servo, 21)
            torque, _, _ = handler.read1ByteTxRx(port, servo, 40)
            assert (gain, bool(torque)) == (16, hold.torque_enabled[n])
    finally:
        port.closePort()


def test_a_second_owner_is_refused(twin, bus):
    with pytest.raises(BusLost, match="held by another"):
        SerialPort(twin.links["arm_bus"], SETTINGS.baud)
    bus.read()


def test_pulled_and_plugged_again(twin, bus):
    twin.truth.pull("arm_bus")
    with pytest.raises(BusLost, match="gone"):
        bus.read()
    bus.close()
    twin.truth.plug("arm_bus")
    again = FeetechBus("arm_bus", SETTINGS, SerialPort(twin.links["arm_bus"], SETTINGS.baud))
    again.connect()
    assert again.read().position == pytest.approx(REST, abs=0.05)
    again.close()
