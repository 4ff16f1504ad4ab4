from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers.servo_bank import ServoBank
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.modbus.device import ModbusDevice, ModbusSettings
from handrail_drivers.modbus.lines import Lines
from handrail_sim.cell_file import device_settings, load_cell
from modbus_belt import METER, Make
from modbus_peer import TcpPeer, Unit


@pytest.fixture(scope="session")
def arm_settings():
    return device_settings(load_cell("desk"), "arm_bus")


@pytest.fixture
def bank():
    return ServoBank()


@pytest.fixture
def bus(arm_settings, bank):
    return FeetechBus("arm_bus", arm_settings, bank)


@pytest.fixture
def peer() -> Iterator[TcpPeer]:
    """A belt's controller, whose motor has 20.5 Cel."""
    registers = {0: 0, 1: 0, 2: 0xFFF7, 3: 0x41A4, 4: 0x0000}
    found = TcpPeer(u1=Unit(registers, {0: 0}))
    yield found
    found.close()


@pytest.fixture
def make(tmp_path: Path, peer: TcpPeer) -> Iterator[Make]:
    """Makes devices from maps, that of the belt or another."""
    lines, made = Lines(), []

    def device(text: str = METER, **settings: Any) -> ModbusDevice:
        path = tmp_path / "map.toml"
        path.write_text(text)
        given = {"map": path, "tcp": peer.address, "timeout": 0.1, "retries": 0, **settings}
        model = ModbusSettings.model_validate(given)
        made.append(ModbusDevice("belt", model, lines.line(model)))
        return made[-1]

    yield device
    for one in made:
        peer.units[1].tricks.clear()
        one.close()
    lines.close()
