"""Modbus units of the twin behind a gateway that passes serial frames on over TCP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_drivers.errors import BusLost, ModbusFault, ModbusSilent
from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.lines import Lines
from handrail_sim.cell_file import SHIPPED, device_settings, load_cell
from handrail_sim.twin.truth import Truth
from handrail_sim.twin.wires import FEEL_EVERY, Wires
from served_wires import served
from waiting import until

GATEWAY = "127.0.0.1:5021"
SCALES = ("red_scale", "blue_scale")


@pytest.fixture
def wires(tmp_path: Path) -> Iterator[Wires]:
    """The desk's, with both scales on one line behind a gateway."""
    text = (SHIPPED / "cells" / "desk.toml").read_text()
    for port, unit in ((5021, 1), (5022, 2)):
        over = f'rtu_over_tcp = "{GATEWAY}"\nunit = {unit}'
        text = text.replace(f'tcp = "127.0.0.1:{port}"', over)
    (tmp_path / "gateway.toml").write_text(text)
    cell = load_cell(tmp_path / "gateway.toml")
    wires = Wires(cell, Truth(cell, 0, perturb=False), tmp_path, None, 0)
    with served(wires):
        yield wires
    wires.close()


@pytest.fixture
def scales(wires: Wires, tmp_path: Path) -> Iterator[dict[str, ModbusDevice]]:
    cell, lines = load_cell(tmp_path / "gateway.toml"), Lines()
    at = {name: device_settings(cell, name).at(wires.addresses()[name]) for name in SCALES}
    yield {name: ModbusDevice(name, one, lines.line(one)) for name, one in at.items()}
    lines.close()


def is_read(scale: ModbusDevice) -> bool:
    """Whether it is read: what failed is left alone for a moment."""
    with contextlib.suppress(ModbusFault, BusLost):
        return "weight" in scale.read()
    return False


def test_units_share_the_gateway_and_one_that_is_silent_is_silent_alone(
    wires: Wires, scales: dict[str, ModbusDevice]
) -> None:
    assert len({wires.addresses()[name] for name in SCALES}) == 1
    for step in range(50 * FEEL_EVERY):
        wires.step(step, 0.002)
    assert all("weight" in scale.read() for scale in scales.values())
    wires.disturb("silent", "red_scale", 0)
    with pytest.raises(ModbusSilent):
        scales["red_scale"].read()
    assert "weight" in scales["blue_scale"].read()
    wires.disturb("speaking", "red_scale", 0)
    until(lambda: is_read(scales["red_scale"]), 10)


def test_a_gateway_without_power_is_lost_and_comes_back(
    wires: Wires, scales: dict[str, ModbusDevice]
) -> None:
    assert "weight" in scales["blue_scale"].read()
    wires.pull("blue_scale")
    with pytest.raises(BusLost):
        scales["blue_scale"].read()
    wires.plug("blue_scale")
    until(lambda: is_read(scales["blue_scale"]), 10)
