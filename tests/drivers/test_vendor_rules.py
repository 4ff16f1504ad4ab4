"""What vendors' documents say that no happy device shows: each rule held by driver and stand-in."""

from __future__ import annotations

import math

import pytest
from drivers.gantry import machine, marlin
from handrail_drivers.conformance.line import BenchLine
from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.models import MODELS
from handrail_drivers.dynamixel.set_up import require_followed, wanted
from handrail_drivers.errors import DeviceGarbled, InvalidValue
from handrail_drivers.inverter.power import ENABLE_OPERATION, RAMP, UP, Power
from handrail_drivers.modbus.frames import Table
from handrail_drivers.scpi.supply import Supply, SupplySettings
from handrail_drivers.servos.calibration import RAD_PER_COUNT, JointCalibration
from handrail_sim.twin import inverter
from handrail_sim.twin.dynamixel_servo import CENTRE, WENT_OFF, XServo
from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.scpi_supply import ScpiSupply

ONE_TURN, MANY_TURNS = MODELS["XL430-W250"], MODELS["XM430-W350"]  # by their operating modes
LIMIT_ERROR = 6


def calibrated(offset: int, low: int = 1100, high: int = 3000) -> JointCalibration:
    return JointCalibration(id=1, drive_mode=0, homing_offset=offset, range_min=low, range_max=high)


def servo(offset: int, mode: int, at: float = CENTRE) -> XServo:
    """One whose encoder would be at a count, if it had more than one turn."""
    one = XServo(1, MANY_TURNS, ServoDraw())
    one.put(reg.OPERATING_MODE, mode)
    one.put(reg.HOMING_OFFSET, offset)
    one.step((at - CENTRE) * RAD_PER_COUNT, 0.0, 0.0)
    return one


@pytest.mark.parametrize(
    ("calibration", "field"),
    [
        (calibrated(1025), "homing_offset"),
        (calibrated(-1025), "homing_offset"),
        (calibrated(-512, high=3900), "range_max"),
        (calibrated(512, low=400), "range_min"),
    ],
)
def test_what_position_mode_does_not_keep_is_refused(
    calibration: JointCalibration, field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        require_followed("pan", calibration, ONE_TURN)
    assert refused.value.field == f"pan.{field}"
    require_followed("pan", calibration, MANY_TURNS)


@pytest.mark.parametrize("offset", [-1000, 0, 1000])
def test_what_it_keeps_is_taken(offset: int) -> None:
    require_followed("pan", calibrated(offset), ONE_TURN)


def test_a_large_offset_is_ignored_in_position_mode() -> None:
    assert servo(1500, reg.POSITION).count() == CENTRE
    assert servo(1500, reg.CURRENT_POSITION).count() == CENTRE + 1500


def test_torque_in_position_mode_brings_the_place_into_one_turn() -> None:
    one = servo(-512, reg.POSITION, at=4200)
    assert one.count() == 3688
    one.write(reg.TORQUE_ENABLE.address, b"\x01")
    assert one.count() == 3688 - 4096


def test_a_bus_watchdog_of_somebody_else_is_switched_off() -> None:
    assert wanted(1.0, calibrated(0), MANY_TURNS)[reg.BUS_WATCHDOG] == 0
    one = servo(0, reg.CURRENT_POSITION)
    goal = reg.GOAL_POSITION.encode(2000)
    one.write(reg.BUS_WATCHDOG.address, b"\x01")
    one.write(reg.TORQUE_ENABLE.address, b"\x01")
    assert one.write(reg.GOAL_POSITION.address, goal) == 0
    one.step(0.0, 0.0, 0.03)
    assert one.value(reg.BUS_WATCHDOG) == WENT_OFF
    assert one.write(reg.GOAL_POSITION.address, goal) == LIMIT_ERROR
    one.write(reg.BUS_WATCHDOG.address, b"\x00")
    assert one.write(reg.GOAL_POSITION.address, goal) == 0


class Answers(ScpiSupply):
    """A supply that ends its answers otherwise, or measures what is no number."""

    end, volts = b"\n", ""

    def _answered(self, line: bytes) -> bytes:
        said = super()._answered(line)
        return said.removesuffix(b"\n") + self.end if said else b""

    def _told(self, question: str) -> str:
        return self.volts if self.volts and question == "MEAS:VOLT" else super()._told(question)


def supply(device: Answers) -> Supply:
    settings = SupplySettings.model_validate({"most_voltage": 12.0, "most_current": 2.0})
    made = Supply("psu", settings, BenchLine(device, 5.0).open())
    made.connect()
    return made


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_supply_may_end_its_answers_in_cr_lf(end: bytes) -> None:
    device = Answers()
    device.end = end
    one = supply(device)
    one.write("output", True)
    assert one.read()["output"] is True
    one.stop()
    assert device.outputs()["on"] == 0.0


@pytest.mark.parametrize("volts", ["9.91E37", "-9.9E37", "nan", "inf"])
def test_what_stands_for_no_number_is_none(volts: str) -> None:
    device = Answers()
    device.volts = volts
    with pytest.raises(DeviceGarbled):
        supply(device).read(["measured_voltage"])


@pytest.mark.parametrize("armed", [True, False])
def test_a_machine_that_holds_its_feed_can_be_let_go(armed: bool) -> None:
    driver, wire = machine()
    driver.connect()
    if armed:
        driver.set_torque(True)
    driver.stop()
    driver.set_torque(False)
    assert wire.emulator.outputs()["asleep"] == 1.0


@pytest.mark.parametrize(("word", "turns"), [(0x0F, False), (ENABLE_OPERATION | RAMP, True)])
def test_a_drive_in_velocity_mode_turns_where_its_ramp_may(word: int, turns: bool) -> None:
    drive = inverter.Inverter()
    for command in (0x06, 0x07, word):
        drive.write(Table.HOLDING, inverter.COMMAND, [command])
    drive.write(Table.HOLDING, inverter.TARGET, [1000])
    (force,) = drive.step((0.0,), (0.0,), 0.1)
    assert math.isclose(force, 0.0) is not turns
    assert UP[Power.SWITCHED_ON] & RAMP == RAMP


def test_the_knob_for_the_feed_is_set_back_where_it_is_armed() -> None:
    driver, wire = marlin()
    wire.emulator.controller.feed_rate = 2.0
    driver.connect()
    driver.set_torque(True)
    assert wire.emulator.controller.feed_rate == 1.0
