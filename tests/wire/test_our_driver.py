"""Our driver on the twin's terminal: it moves the truth, and agrees with the vendor's SDK."""

from __future__ import annotations

import pytest
import scservo_sdk as vendor
from handrail_drivers.errors import BusLost
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.serial_port import SerialPort
from handrail_sim.cell_file import device_settings, load_cell
from handrail_sim.twin.launch import Twin
from waiting import until

CELL = load_cell("desk")
SETTINGS = device_settings(CELL, "arm_bus").model_copy(update={"margin": 0.05})
REST = tuple(CELL.arm.rest[joint] for joint in CELL.arm.all_joints)


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


def pan(twin):
    return twin.truth.snapshot()["joints"]["shoulder_pan"]["position"]


def settle(twin):
    """Wait until no joint of the world moves any more."""
    until(
        lambda: all(
            abs(joint["velocity"]) < 1e-3 for joint in twin.truth.snapshot()["joints"].values()
        )
    )


@pytest.fixture
def torque(twin, bus):
    """Torque on, held where the arm rests; back there at the end, torque off."""
    start = bus.read().position
    bus.write(start)
    bus.set_torque(True)
    yield start
    bus.write(start)
    until(lambda: abs(pan(twin) - start[0]) < 0.02)
    settle(twin)
    bus.set_torque(False)


def test_what_it_reads_is_the_truth(twin, bus):
    state = bus.read()
    joints = twin.truth.snapshot()["joints"]
    for joint, position in zip(bus.joints, state.position, strict=True):
        assert position == pytest.approx(joints[joint]["position"], abs=0.005)


def test_it_moves_a_joint_of_the_world(twin, bus, torque):
    target = torque[0] - 0.5
    bus.write((target, *torque[1:]))
    until(lambda: abs(pan(twin) - target) < 0.02)
    settle(twin)
    assert bus.read().position[0] == pytest.approx(pan(twin), abs=0.005)


def test_stop_in_mid_motion_holds_the_joint(twin, bus, torque):
    bus.write((torque[0] - 1.5, *torque[1:]))
    until(lambda: pan(twin) < torque[0] - 0.3)
    bus.stop()
    settle(twin)
    held = pan(twin)
    assert torque[0] - 1.4 < held < torque[0] - 0.3
    assert bus.read_hold().goal[0] == pytest.approx(held, abs=0.02)


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
    before = bus.read().position
    twin.truth.pull("arm_bus")
    with pytest.raises(BusLost, match="gone"):
        bus.read()
    bus.close()
    twin.truth.plug("arm_bus")
    again = FeetechBus("arm_bus", SETTINGS, SerialPort(twin.links["arm_bus"], SETTINGS.baud))
    again.connect()
    assert again.read().position == pytest.approx(before, abs=0.05)
    again.close()
