"""The bridge's end of Modbus devices: none can keep another from its safe values."""

from __future__ import annotations

from pathlib import Path

import pytest
from handrail_bridge.devices.modbus import ModbusDevices
from handrail_drivers.errors import NotArmed
from handrail_sim.cell import Device, WithoutPower
from handrail_sim.cell_file import load_cell
from modbus_belt import BELT
from modbus_peer import TcpPeer, Unit


def device(folder: Path, address: str) -> Device:
    path = folder / "map.toml"
    path.write_text(BELT)
    settings = {"map": str(path), "tcp": address, "timeout": 0.1, "retries": 0}
    return Device(driver="modbus", without_power=WithoutPower.HOLDS, settings=settings)


async def test_one_that_is_not_there_costs_no_other_its_safe_values(tmp_path: Path) -> None:
    unit = Unit({0: 250, 1: 5})
    peer = TcpPeer(u1=unit)
    desk = load_cell("desk")
    here = {"belt": device(tmp_path, peer.address), "gone": device(tmp_path, "127.0.0.1:9")}
    bus = {desk.arm.device: desk.devices[desk.arm.device]}
    found = ModbusDevices(desk.model_copy(update={"devices": {**bus, **here}}), {})
    stopped = [False]
    try:
        await found.connect(lambda: stopped[0])
        assert unit.registers == {0: 0, 1: 0}, "the start has waited for it"
        assert found.opened["belt"].write("speed", 0.25)
        stopped[0] = True
        failed = await found.stop()
        assert unit.registers == {0: 0, 1: 0}
        assert [bool(one) for one in failed] == [False, True]
        assert "gone has not got its safe values: speed" in failed[1]
        assert found.notices() == ("gone: not connected, it does not answer",)
        with pytest.raises(NotArmed):
            found.opened["belt"].write("speed", 0.25)
        unit.registers[0] = 99
    finally:
        await found.close()
        peer.close()
    assert unit.registers[0] == 0, "and so does its end"
