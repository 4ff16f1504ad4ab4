"""Parking, taking torque off, taking leases over, and a stop past a bridge that hangs."""

from __future__ import annotations

import asyncio
import json
import signal
import time

import numpy as np
import pytest
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import InvalidValue, LeaseRefused, NotArmed, NotPermittedRole
from running_cell import RunningCell
from waiting import until_async


async def test_park_lowers_to_rest_before_torque_goes(cell: RunningCell) -> None:
    await cell.home()
    parked = await asyncio.to_thread(cell.cli, "park", "--json")
    assert parked.returncode == 0, parked.stderr
    assert json.loads(parked.stdout)["mode"] == "disarmed"
    since = time.monotonic()
    await until_async(lambda: cell.truth.history(1.0)[0, 1] > since)
    assert cell.moved_since(since) < 0.02, "it fell when torque went"
    async with cell.operator() as operator:
        state = await operator.state()
        described = await operator.cell()
    assert not any(joint.torque_enabled for joint in state.joints)
    rest = described.cell["arm"]["rest"]
    for name, position in cell.joints().items():
        if name != "gripper":
            assert position == pytest.approx(rest[name], abs=0.06)


async def test_park_without_arming_moves_nothing_and_keeps_torque(cell: RunningCell) -> None:
    async with cell.operator() as operator:
        if (await operator.state()).mode in (Mode.STOPPED, Mode.FAULT):
            await operator.reset()
        await operator.disarm()
        since = time.monotonic()
        with pytest.raises(NotArmed):
            await operator.park("desk")
    assert cell.moved_since(since) < 0.01


async def test_removed_torque_lets_the_arm_fall_and_kills_permits(cell: RunningCell) -> None:
    await cell.home()
    async with cell.armed() as rail, cell.operator() as operator:
        checked = await rail.check({"steps": [{"tool": "arm_home", "speed": 0.5}]})
        assert checked.permit is not None
        before = np.array(cell.truth.snapshot()["tcp"]["position"])
        with pytest.raises(InvalidValue, match="confirm with the cell's name"):
            await operator.remove_torque("another")
        assert cell.truth.snapshot()["tcp"]["position"][2] == pytest.approx(before[2], abs=0.005)
        await operator.remove_torque((await operator.cell()).name)
        await until_async(lambda: cell.truth.snapshot()["tcp"]["position"][2] < before[2] - 0.05)
        with pytest.raises(NotArmed):
            async for _ in rail.execute(
                {"steps": [{"tool": "arm_home", "speed": 0.5}]}, checked.permit
            ):
                pass
    await until_async(cell.stands)
    await cell.home()  # and armed again it comes back up


async def test_only_an_operator_takes_a_lease_over(cell: RunningCell) -> None:
    async with cell.armed() as holder, cell.agent() as other, cell.operator() as operator:
        with pytest.raises(NotPermittedRole, match="Only an operator"):
            async with other.lease("pushy", take_over=True):
                pass
        waiting = asyncio.create_task(other.lease("patient", wait=30).__aenter__())

        async def waits() -> bool:
            return (await operator.state()).leases[0].waiting == ("patient",)

        await until_async(waits)
        running = asyncio.create_task(
            holder.run(
                {
                    "steps": [
                        {
                            "tool": "arm_move_joints",
                            "positions": {"shoulder_pan": 0.6},
                            "speed": 0.15,
                        }
                    ]
                }
            )
        )

        async def moves() -> bool:
            return (await operator.state()).mode == Mode.MOVING

        await until_async(moves)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with operator.lease("operator", take_over=True) as lease:
            receipt = await running
            assert not receipt.completed
            assert "lease" in receipt.reason
            assert lease.holder == "operator"
            with pytest.raises(LeaseRefused):
                await holder.run({"steps": [{"tool": "arm_home"}]})


async def test_a_stop_passes_a_bridge_that_hangs(cell: RunningCell) -> None:
    async with cell.armed():
        pass
    cell.process.send_signal(signal.SIGSTOP)
    try:
        stopped = await asyncio.to_thread(cell.cli, "stop", "it hangs", "--json")
    finally:
        cell.process.send_signal(signal.SIGCONT)
    assert stopped.returncode == 1, stopped.stderr  # nobody has said that all stands
    assert json.loads(stopped.stdout) == {"desk": {"mode": None, "loops_signalled": 1}}
    async with cell.operator() as operator:
        state = await operator.state()
    assert state.mode in (Mode.STOPPED, Mode.FAULT)
