"""A board with our firmware in a cell that runs: its tools, its button, a dead bridge."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator

import pytest
from board_process import BoardProcess
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import DeviceFault, NotArmed, UnknownName
from running_cell import RunningCell, assert_stood_at_once, midway, twin_and_wires
from virtual_board import GREEN, RED, STOP, compiled

DEVICE = """
[devices.tower]
driver = "board"
without_power = "holds"
[devices.tower.settings]
port = "{port}"
streams = {{ emergency_stop = 100, distance = 20 }}

[reflexes.tower_stop]
kind = "digital_input"
signal = "tower.emergency_stop"
age = 0.4

[arm]
"""


@pytest.fixture(scope="module")
def board(tmp_path_factory) -> Iterator[BoardProcess]:
    program = compiled(tmp_path_factory.mktemp("board") / "board", "-O2")
    with BoardProcess(program) as process:
        yield process


@pytest.fixture(scope="module")
def cell(board: BoardProcess) -> Iterator[RunningCell]:
    with twin_and_wires(("\n[arm]\n", DEVICE.format(port=board.path))) as running:
        running.up()
        asyncio.run(running.home())
        yield running


async def armed_again(cell: RunningCell) -> None:
    """Arm once the button reads closed again."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(NotArmed):
                return await cell.arm()


async def test_its_tools_appear_and_act(cell: RunningCell, board: BoardProcess) -> None:
    async with cell.agent() as rail:
        tools = await rail.tools()
        assert {"tower_read_values", "tower_read_board", "tower_set_lamp_green"} <= set(tools)
        done = await rail.call("tower_set_lamp_green", value=True)
        assert done == {"name": "lamp_green", "value": True}
        board.await_change(GREEN, 1)
        found = await rail.call("tower_read_values", names=["emergency_stop"])
        assert found["emergency_stop"] is True


async def test_what_moves_is_no_call_and_says_why(cell: RunningCell) -> None:
    async with cell.agent() as rail:
        told = (await rail.tools())["tower_set_pusher"]
        assert told.effect == "move"
        assert "no check knows how" in told.description
        with pytest.raises(UnknownName, match="arm_move_joints"):
            await rail.check({"steps": [{"tool": "tower_set_pusher", "value": 0.0}]})


async def test_its_button_stops_the_arm_and_its_own_outputs(
    cell: RunningCell, board: BoardProcess
) -> None:
    async with cell.armed() as rail:
        await rail.call("tower_set_lamp_red", value=False)
        board.await_change(RED, 0)
        running = await midway(rail, cell)
        since = time.monotonic()
        await asyncio.to_thread(board.order, f"pin {STOP} 1")
        receipt = await running
        await asyncio.to_thread(assert_stood_at_once, cell, since, 0.1)
    assert receipt.reflexes == ("tower_stop",)
    board.await_change(RED, 1)
    board.order(f"pin {STOP} 0")
    await armed_again(cell)


def flashed(cell: RunningCell, port: str) -> dict[str, str]:
    """Try to flash a board; return the error."""
    image = __file__  # any file: nothing is written
    done = cell.cli("firmware", "flash", "--port", port, "--image", image, "--json")
    assert done.returncode == 1
    return json.loads(done.stdout)["error"]


async def test_no_board_is_flashed_while_somebody_may_move_or_the_bridge_has_its_port(
    cell: RunningCell, board: BoardProcess
) -> None:
    async with cell.armed():
        held = await asyncio.to_thread(flashed, cell, board.path)
    assert held["code"] == "lease_refused"
    own = await asyncio.to_thread(flashed, cell, board.path)
    assert own["code"] == "bus_lost"
    assert "held by another process" in own["message"]


async def test_a_stop_is_safe_values_for_the_board_too(
    cell: RunningCell, board: BoardProcess
) -> None:
    async with cell.armed() as rail:
        await rail.call("tower_set_lamp_green", value=True)
        board.await_change(GREEN, 1)
        await rail.stop("for the test")
    await asyncio.to_thread(board.await_change, GREEN, 0)
    await cell.arm()


async def test_a_board_that_is_gone_stops_the_arm_and_comes_back_with_its_tools(
    cell: RunningCell, board: BoardProcess
) -> None:
    async with cell.armed() as rail:
        board.power_off()
        async with asyncio.timeout(20):
            while (await rail.state()).mode != Mode.FAULT:
                await asyncio.sleep(0.02)
            board.power_on()
            while True:
                try:
                    report = await rail.call("tower_read_board")
                    break
                except DeviceFault:
                    await asyncio.sleep(0.05)
    assert report["held"] == []
    await armed_again(cell)


async def test_a_dead_bridge_leaves_the_lamps_safe(cell: RunningCell, board: BoardProcess) -> None:
    async with cell.agent() as rail:
        await rail.call("tower_set_lamp_green", value=True)
    board.await_change(GREEN, 1)
    cell.process.kill()
    await asyncio.to_thread(board.await_change, GREEN, 0)
    cell.down()
