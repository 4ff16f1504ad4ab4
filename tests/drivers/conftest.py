from __future__ import annotations

import pytest
from drivers.servo_bank import ServoBank
from handrail_drivers.feetech.driver import FeetechBus
from handrail_sim.cell_file import device_settings, load_cell


@pytest.fixture(scope="session")
def arm_settings():
    return device_settings(load_cell("desk"), "arm_bus")


@pytest.fixture
def bank():
    return ServoBank()


@pytest.fixture
def bus(arm_settings, bank):
    return FeetechBus("arm_bus", arm_settings, bank)
