"""The bridge dies or hangs: the arm stands, devices are safe, and the next bridge knows why."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time

import numpy as np
import psutil
import pytest
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import HandrailError, NotArmed
from modbus_peer import Unit
from pymodbus.client import ModbusTcpClient
from running_cell import RunningCell
from waiting import until, until_async

SLOW = {"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.2}, "speed": 0.2}]}


def is_tared(cell: RunningCell) -> bool:
    """Says the blue scale's own register; its safe value is that it is not."""
    host, _, port = cell.twin.wires["blue_scale"].partition(":")
    with ModbusTcpClient(host, port=int(port)) as other:
        return bool(other.read_coils(0, count=1, device_id=1).bits[0])


async def test_kill_9_leaves_the_arm_standing_and_a_restart_says_why(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.run({"steps": [{"tool": "arm_home"}]})
        await rail.call("blue_scale_set_tared", value=True)
        assert is_tared(cell)
        family = psutil.Process(cell.process.pid).children(recursive=True)
        killed = 0.0
        check = await rail.check(SLOW)
        assert check.permit is not None
        with contextlib.suppress(HandrailError):
            async for state in rail.execute(SLOW, check.permit):
                if not killed and state.progress > 0.4:
                    killed = time.monotonic()
                    cell.process.kill()
    assert killed
    cell.process.wait(20)
    cell.process.stdout.close()
    await asyncio.to_thread(until, cell.stands)
    await until_async(lambda: not is_tared(cell))
    assert cell.joints()["shoulder_pan"] > 0.3, "it went on to its target"
    assert cell.moved_since(killed) < 0.3
    standing = np.array(cell.truth.snapshot()["tcp"]["position"])
    later = time.monotonic()
    await asyncio.to_thread(until, lambda: cell.truth.history(2.0)[0, 1] > later)
    after = np.array(cell.truth.snapshot()["tcp"]["position"])
    assert np.linalg.norm(after - standing) < 0.001, "it sagged"
    await until_async(lambda: not [child for child in family if child.is_running()])

    cell.up()
    assert cell.ready["mode"] == "disarmed"
    assert check.verdict.plan_digest[:12] in cell.ready["reason"]
    async with cell.operator() as operator:
        since = time.monotonic()
        await operator.arm()
        assert cell.moved_since(since) < 0.01
    async with cell.armed() as rail:
        assert (await rail.run({"steps": [{"tool": "arm_home"}]})).completed


def test_a_clean_end_leaves_nothing_behind(cell: RunningCell, scale: Unit) -> None:
    scale.registers[2] = 70
    family = psutil.Process(cell.process.pid).children(recursive=True)
    assert family
    host, port = cell.ready["address"].split(":")
    assert cell.down(signal.SIGINT) == 0
    until(lambda: not [child for child in family if child.is_running()])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=2)
    lost = cell.cli("state", "--json")
    assert lost.returncode == 1
    assert "No bridge is running" in lost.stdout
    assert scale.registers[2] == 0, "the bridge's end writes the safe values"
    scale.registers[2] = 70
    cell.up()
    assert scale.registers[2] == 0, "a restart begins with safe values"
    assert cell.ready["reason"] == "" or "interrupted" not in cell.ready["reason"]


async def test_a_bridge_that_stands_still_has_its_devices_made_safe(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.call("blue_scale_set_tared", value=True)
        assert is_tared(cell)
        cell.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.to_thread(until, lambda: not is_tared(cell))
        finally:
            cell.process.send_signal(signal.SIGCONT)

        async def stopped() -> bool:
            return (await rail.state()).mode in (Mode.STOPPED, Mode.FAULT)

        await until_async(stopped)  # it finds itself so, and says why
        with pytest.raises(NotArmed, match="keeps its safe value"):
            await rail.call("blue_scale_set_tared", value=True)
