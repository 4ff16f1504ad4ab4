"""What the loop has to know, as one message from the bridge at its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings
from pydantic import BaseModel, ConfigDict


class LoopConfig(BaseModel):
    """One bus and its loop. Tuples run in bus order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    driver: str  # entry point name
    settings: dict[str, Any]  # the driver's, port and calibration path resolved
    joints: tuple[str, ...]
    low: tuple[float, ...]  # rad
    high: tuple[float, ...]  # rad
    velocity: tuple[float, ...]  # rad/s
    grips: tuple[bool, ...]  # joints that press against things on purpose: no tube for them
    rate: int  # Hz
    tube: float  # rad
    heartbeat: float  # s
    stop_time: float  # s
    late_reads: int
    silence: float  # s

    @property
    def period_ns(self) -> int:
        """Length of a tick [ns]."""
        return 1_000_000_000 // self.rate


def loop_config(cell: Cell, wires: Mapping[str, str]) -> LoopConfig:
    """Return the loop's settings for a cell; ``wires`` overrides ports by device name."""
    device = cell.devices[cell.arm.device]
    settings = device_settings(cell, cell.arm.device).model_dump(mode="json")
    if cell.arm.device in wires:
        settings["port"] = wires[cell.arm.device]
    joints = cell.arm.all_joints
    limits = [cell.arm.limits[name] for name in joints]
    return LoopConfig(
        device=cell.arm.device,
        driver=device.driver,
        settings=settings,
        joints=joints,
        low=tuple(limit.low for limit in limits),
        high=tuple(limit.high for limit in limits),
        velocity=tuple(limit.velocity for limit in limits),
        grips=tuple(name == cell.arm.gripper for name in joints),
        rate=cell.loop.rate,
        tube=cell.loop.tube,
        heartbeat=cell.loop.heartbeat,
        stop_time=cell.loop.stop_time,
        late_reads=cell.loop.late_reads,
        silence=cell.loop.silence,
    )
