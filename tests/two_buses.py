"""The desk with its jaw on a bus of its own, on buses without wires."""

from __future__ import annotations

from typing import Any

from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_sim.cell import Cell, Device, WithoutPower
from handrail_sim.cell_file import load_cell


def two_buses(jaw_rate: int | None = None, **changes: Any) -> Cell:
    """Return the cell; nothing in it needs hardware."""
    desk = load_cell("desk")

    def null(*joints: str, rate: int | None = None) -> Device:
        settings = {"joints": list(joints)}
        return Device(driver="null", without_power=WithoutPower.HOLDS, settings=settings, rate=rate)

    arm = desk.arm.model_copy(update={"gripper_device": "jaw_bus"})
    devices = {
        **desk.devices,
        "arm_bus": null(*desk.arm.joints),
        "jaw_bus": null(desk.arm.gripper, rate=jaw_rate),
    }
    update = {"arm": arm, "devices": devices, "reflexes": {}, **changes}
    return desk.model_copy(update=update)


def configs(jaw_rate: int | None = None, **changes: Any) -> tuple[LoopConfig, ...]:
    """Return the loops' settings."""
    return tuple(
        config.model_copy(update=changes) for config in loop_configs(two_buses(jaw_rate), {})
    )
