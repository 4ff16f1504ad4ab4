"""The scales under the desk's bins: what lies there is weighed, by us and by foreign clients."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from handrail_bridge.client import Client
from handrail_drivers.errors import DeviceFault, ModbusSilent
from handrail_sim.cell_file import load_cell
from pymodbus.client import ModbusTcpClient
from running_cell import RunningCell
from waiting import until_async

DESK = load_cell("desk")
RED, BLUE = (DESK.regions[name].center for name in ("red_bin", "blue_bin"))
CUBE = DESK.objects["blue_cube"].mass
NUDGE = {"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 1.15}}]}


async def settled(rail: Client, device: str) -> dict[str, Any]:
    """What a scale reads once it stands still."""

    async def stable() -> dict[str, Any] | None:
        read = await rail.call(f"{device}_read_values")
        return dict(read) if read["stable"] else None

    read: dict[str, Any] = await until_async(stable)
    return read


async def heavier(rail: Client, device: str, than: float) -> float:
    """How much more a scale reads once that is half a cube or more."""

    async def more() -> float | None:
        found = float((await settled(rail, device))["weight"]) - than
        return found if found >= CUBE / 2 else None

    return float(await until_async(more))


async def read_again(rail: Client, device: str, register: str) -> dict[str, Any]:
    """What a scale reads as soon as it can be read."""

    async def tried() -> dict[str, Any] | None:
        with contextlib.suppress(DeviceFault):
            return dict(await rail.call(f"{device}_read_values", names=[register]))
        return None

    read: dict[str, Any] = await until_async(tried)
    return read


async def test_what_lies_in_a_bin_is_weighed_there_alone(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        red, blue = [(await settled(rail, name))["weight"] for name in ("red_scale", "blue_scale")]
        cell.truth.put("blue_cube", *BLUE[:2])
        assert await heavier(rail, "blue_scale", blue) == pytest.approx(CUBE, rel=0.25)
        assert (await settled(rail, "red_scale"))["weight"] == pytest.approx(red, abs=0.001)


async def test_the_receipt_has_what_the_scales_read(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.call("red_scale_set_tared", value=True)
        empty = {"predicate": "sensor_in_range", "sensor": "red_scale.weight"}
        plan = {**NUDGE, "goal": [{**empty, "low": -0.002, "high": 0.002}]}
        receipt = await rail.run(plan)
        assert receipt.completed, receipt.reason
        assert receipt.goal_met, receipt.goal
        assert receipt.sensors["red_scale.weight"] == pytest.approx(0.0, abs=0.002)
        await rail.call("red_scale_set_tared", value=False)


async def test_a_drop_is_foreseen_on_the_scale(cell: RunningCell) -> None:
    """The check adds to the scale what the plan will lay there, and takes nothing on trust."""
    async with cell.armed() as rail:
        before = (await settled(rail, "red_scale"))["weight"]
        more = {"predicate": "sensor_in_range", "sensor": "red_scale.weight"}
        more |= {"low": before + CUBE / 2, "high": before + 1.5 * CUBE}
        check = await rail.check({**NUDGE, "goal": [more]})
        (violation,) = check.verdict.violations
        assert violation.kind == "goal"
        assert "red_scale.weight" in violation.sentence


async def test_another_client_reads_the_same_while_we_poll(cell: RunningCell) -> None:
    host, _, port = cell.twin.wires["blue_scale"].partition(":")
    async with cell.agent() as rail:
        ours = (await settled(rail, "blue_scale"))["gross"]
    with ModbusTcpClient(host, port=int(port)) as other:
        high, low = other.read_holding_registers(2, count=2, device_id=1).registers
    raw = high << 16 | low
    theirs = (raw - (1 << 32) if raw >> 31 else raw) * 1e-4
    assert theirs == pytest.approx(ours, abs=0.002)


async def test_a_scale_that_falls_silent_is_named_and_comes_back(cell: RunningCell) -> None:
    async with cell.agent() as rail:
        cell.truth.inject("silent", "blue_scale")
        with pytest.raises(ModbusSilent, match="blue_scale, weight"):
            await rail.call("blue_scale_read_values", names=["weight"])
        cell.truth.inject("speaking", "blue_scale")
        await read_again(rail, "blue_scale", "weight")


async def test_a_scale_that_lost_its_power_has_lost_its_tare(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.call("blue_scale_set_tared", value=True)
        cell.truth.inject("brownout", "blue_scale")

        async def forgot() -> bool:
            return not (await read_again(rail, "blue_scale", "tared"))["tared"]

        await until_async(forgot)
