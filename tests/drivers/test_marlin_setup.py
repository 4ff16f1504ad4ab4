"""A machine with Marlin before it moves: how it is set up, greets and is homed."""

from __future__ import annotations

import pytest
from drivers.gantry import HOME, Wire, arm, marlin
from handrail_drivers.errors import DeviceFault, NotReady
from handrail_drivers.marlin.driver import Marlin
from handrail_sim.twin import marlin_controller

TICK = 0.05  # s
SPEED, RAMP = 0.05, 0.15  # m/s, m/s2: of the gantry cell
BEGINS = 0.1  # s later, as Marlin does
Place = tuple[float, ...]


@pytest.mark.parametrize(
    ("told", "instead", "field"),
    [
        ("G21 ; (mm)", "G20 ; (in)", "G20"),
        ("M92 X80.00", "M92 X0.00", "M92"),
        ("M201 X500.00", "M201 X0.00", "M201"),
    ],
)
def test_a_machine_that_is_set_up_otherwise_is_refused(
    told: str, instead: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tuple(line.replace(told, instead) for line in marlin_controller.SETTINGS)
    monkeypatch.setattr(marlin_controller, "SETTINGS", changed)
    driver, _ = marlin()
    with pytest.raises(DeviceFault) as refused:
        driver.connect()
    assert refused.value.field == field


def test_software_endstops_that_are_off_are_refused() -> None:
    driver, wire = marlin()
    wire.emulator.controller.is_bounded = False
    with pytest.raises(DeviceFault) as refused:
        driver.connect()
    assert refused.value.field == "M211"


def test_homing_is_refused_unless_the_cell_allows_it() -> None:
    driver, wire = marlin(start=(0.1, 0.1, 0.0), homing="refuse")
    driver.connect()
    with pytest.raises(DeviceFault, match="has to be homed"):
        driver.set_torque(True)
    assert b"G28" not in wire.sent


def homing() -> tuple[Marlin, Wire]:
    driver, wire = marlin(start=(0.02, 0.02, 0.0))
    wire.emulator.power_cycle()
    driver.connect()
    with pytest.raises(NotReady):
        driver.set_torque(True)
    wire.live(1.0)
    return driver, wire


def test_homing_is_begun_by_arming_and_then_it_knows_where_it_is() -> None:
    driver, wire = homing()
    with pytest.raises(NotReady):
        driver.set_torque(True)
    with pytest.raises(DeviceFault):
        driver.read()  # it answers nothing then
    wire.live(60.0)
    driver.set_torque(True)
    assert driver.read().position == pytest.approx(HOME, abs=1e-5)
    assert wire.emulator.axes == pytest.approx(HOME, abs=1e-4)


def test_one_that_greets_as_its_port_is_opened_can_be_armed() -> None:
    driver, wire = marlin(boot=5.0)
    wire.begin()
    driver.connect()
    arm(driver)  # it stands at its switches, and finds them at once
    assert driver.faults() == {}
    driver.set_torque(False)
    arm(driver)
    assert driver.read().position == pytest.approx(HOME, abs=1e-5)


@pytest.mark.parametrize("end", ["stop", "close"])
def test_homing_ends_with_a_stop_and_with_its_driver(end: str) -> None:
    driver, wire = homing()
    getattr(driver, end)()
    assert b"M112\n" in wire.sent
    stood = list(wire.emulator.axes)
    wire.live(5.0)
    assert wire.emulator.axes == pytest.approx(stood, abs=1e-4)
    assert wire.emulator.controller.is_halted
