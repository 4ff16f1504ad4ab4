"""A Modbus device in a cell: its tools are the agent's, its stop is the cell's."""

from __future__ import annotations

import pytest
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import InvalidValue, ModbusException, NotArmed, PermitRefused
from modbus_peer import Unit
from running_cell import RunningCell

NUDGE = {"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 1.15}}]}


async def test_a_register_map_is_a_device_of_the_cell(cell: RunningCell, scale: Unit) -> None:
    async with cell.armed() as rail:
        # Read, with units; what is out of bounds never reaches the wire.
        assert (await rail.call("scale_read_values", names=["weight"]))["weight"] == 0.25
        with pytest.raises(InvalidValue) as refused:
            await rail.call("scale_set_zero", value=40.0)
        assert refused.value.limit == 1.0
        assert scale.registers[2] == 0
        # What is polled can be demanded of a plan.
        heavy = {"predicate": "sensor_in_range", "sensor": "scale.weight", "low": 0.2, "high": 0.3}
        assert (await rail.check({**NUDGE, "goal": [heavy]})).verdict.passed
        # A configuration voids what was checked before it.
        check = await rail.check(NUDGE)
        assert check.permit is not None
        assert (await rail.call("scale_set_zero", value=0.05))["confirmed"]
        assert scale.registers[2] == 50
        with pytest.raises(PermitRefused):
            await anext(rail.execute(NUDGE, check.permit))
        # The device's own refusal names the register.
        scale.tricks = ["busy", "busy"]
        with pytest.raises(ModbusException, match="server device busy"):
            await rail.call("scale_set_zero", value=0.06)
        # A stop of the cell is one of the device.
        await rail.stop()
        assert scale.registers[2] == 0, "the stop has waited for it"
        assert (await rail.state()).mode == Mode.STOPPED
        # Until a reset it stays so; and another stop writes it once more.
        with pytest.raises(NotArmed, match="keeps its safe value"):
            await rail.call("scale_set_zero", value=0.05)
        scale.registers[2] = 70
        await rail.stop()
        assert scale.registers[2] == 0
