"""A Modbus device in a cell: its tools are the agent's, its stop is the cell's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import InvalidValue, ModbusException, NotArmed, PermitRefused
from modbus_peer import TcpPeer, Unit
from running_cell import RunningCell, twin_and_wires

MAP = """
[registers.weight]
description = "What lies on the scale."
address = 0
type = "i32"
scale = 0.001
unit = "kg"
poll = 20

[registers.zero]
description = "Weight that counts as nothing."
address = 2
type = "i16"
scale = 0.001
unit = "kg"
low = -1.0
high = 1.0
effect = "configure"
safe = 0.0
read_back = true
"""
DEVICE = """[devices.scale]
driver = "modbus"
without_power = "holds"
[devices.scale.settings]
map = "{map}"
tcp = "{address}"

[arm]
device = "arm_bus"
"""
NUDGE = {"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 1.15}}]}


@pytest.fixture
def unit() -> Unit:
    return Unit({0: 0, 1: 250, 2: 99})


@pytest.fixture
def scale_cell(unit: Unit, tmp_path: Any) -> Iterator[RunningCell]:
    peer = TcpPeer(u1=unit)
    path = tmp_path / "scale.toml"
    path.write_text(MAP)
    device = DEVICE.format(map=path, address=peer.address)
    with twin_and_wires(('[arm]\ndevice = "arm_bus"\n', device)) as cell:
        cell.up()
        assert unit.registers[2] == 0, "a restart begins with safe values"
        yield cell
    assert unit.registers[2] == 0, "the bridge's end writes the safe values"
    peer.close()


async def test_a_register_map_is_a_device_of_the_cell(scale_cell: RunningCell, unit: Unit) -> None:
    async with scale_cell.armed() as rail:
        # Read, with units; what is out of bounds never reaches the wire.
        assert (await rail.call("scale_read_values", names=["weight"]))["weight"] == 0.25
        with pytest.raises(InvalidValue) as refused:
            await rail.call("scale_set_zero", value=40.0)
        assert refused.value.limit == 1.0
        assert unit.registers[2] == 0
        # What is polled can be demanded of a plan.
        heavy = {"predicate": "sensor_in_range", "sensor": "scale.weight", "low": 0.2, "high": 0.3}
        assert (await rail.check({**NUDGE, "goal": [heavy]})).verdict.passed
        # A configuration voids what was checked before it.
        check = await rail.check(NUDGE)
        assert check.permit is not None
        assert (await rail.call("scale_set_zero", value=0.05))["confirmed"]
        assert unit.registers[2] == 50
        with pytest.raises(PermitRefused):
            await anext(rail.execute(NUDGE, check.permit))
        # The device's own refusal names the register.
        unit.tricks = ["busy", "busy"]
        with pytest.raises(ModbusException, match="server device busy"):
            await rail.call("scale_set_zero", value=0.06)
        # A stop of the cell is one of the device.
        await rail.stop()
        assert unit.registers[2] == 0, "the stop has waited for it"
        assert (await rail.state()).mode == Mode.STOPPED
        # Until a reset it stays so; and another stop writes it once more.
        with pytest.raises(NotArmed, match="keeps its safe value"):
            await rail.call("scale_set_zero", value=0.05)
        unit.registers[2] = 70
        await rail.stop()
        assert unit.registers[2] == 0
