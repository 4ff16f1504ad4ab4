"""Boards with our firmware in a cell that runs: machine code on chips, wired into the world.

What a lamp, the pusher and the arm did is what the world says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import DeviceFault, NotArmed
from running_cell import RunningCell, assert_stood_at_once, midway, twin_and_wires
from waiting import until, until_async

BUTTON = "emergency_stop"
EYE = (-0.08, -0.34)  # m, where the distance sensor looks along x
OUT = 0.02  # m, of the pusher
NOTICED = 0.25  # s until a machine that is busy has heard of a button


@pytest.fixture(scope="module")
def cell() -> Iterator[RunningCell]:
    with twin_and_wires(cell="desk_boards") as running:
        running.up()
        asyncio.run(running.home())
        yield running


async def armed_again(cell: RunningCell) -> None:
    """Arm once the buttons read closed again."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(NotArmed):
                return await cell.arm()


def lit(cell: RunningCell) -> set[str]:
    return {name for name, is_lit in cell.truth.snapshot()["lamps"].items() if is_lit}


def shows(cell: RunningCell, *lamps: str) -> None:
    until(lambda: lit(cell) == set(lamps))


def green_pixels(cell: RunningCell) -> int:
    """Count the pixels of the spectator's picture that are as green as a lit lamp."""
    capture = cv2.VideoCapture(cell.twin.urls["view"])
    good, image = capture.read()
    capture.release()
    assert good
    blue, green, red = (image[..., n].astype(np.int16) for n in range(3))
    return int(((green > 150) & (green - red > 60) & (green - blue > 60)).sum())


def push(to: float) -> dict[str, object]:
    return {"steps": [{"tool": "arm_move_joints", "positions": {"pusher": to}}]}


async def test_its_tools_appear_and_a_lamp_is_lit_in_the_world(cell: RunningCell) -> None:
    async with cell.agent() as rail:
        tools = await rail.tools()
        assert {"tower_read_values", "tower_read_board", "tower_set_lamp_green"} <= set(tools)
        shows(cell, "lamp_red")
        assert green_pixels(cell) == 0
        done = await rail.call("tower_set_lamp_green", value=True)
        assert done == {"name": "lamp_green", "value": True}
        shows(cell, "lamp_red", "lamp_green")
        await until_async(lambda: green_pixels(cell) > 20)
        await rail.call("tower_set_lamp_green", value=False)


async def test_its_distance_sensor_follows_the_world(cell: RunningCell) -> None:
    async with cell.agent() as rail:

        async def distance() -> float:
            found = await rail.call("tower_read_values", names=["distance"])
            return float(found["distance"])

        assert await distance() == pytest.approx(0.5, abs=0.002)
        cell.truth.put("red_cube_a", EYE[0] + 0.2, EYE[1])
        nearest, farthest = 0.2 - 0.0125 * math.sqrt(2), 0.2 - 0.0125

        async def near() -> bool:
            return nearest - 0.003 < await distance() < farthest + 0.003

        await until_async(near)
        cell.truth.put("red_cube_a", 0.2, 0.1)


async def test_the_pusher_moves_by_a_permitted_plan(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        receipt = await rail.run(push(OUT))
        assert receipt.completed, receipt.reason
        assert cell.position("pusher") == pytest.approx(OUT, abs=0.003)
        assert (await rail.run(push(0.0))).completed
        assert cell.position("pusher") == pytest.approx(0.0, abs=0.003)


async def test_a_button_that_is_pressed_in_the_world_stops_the_arm_and_its_boards_outputs(
    cell: RunningCell,
) -> None:
    async with cell.armed() as rail:
        await rail.call("tower_set_lamp_red", value=False)
        await rail.call("tower_set_lamp_green", value=True)
        shows(cell, "lamp_green")
        running = await midway(rail, cell)
        since = time.monotonic()
        await asyncio.to_thread(cell.truth.press, "tower", BUTTON)
        receipt = await running
        await asyncio.to_thread(assert_stood_at_once, cell, since, NOTICED)
    assert receipt.reflexes == ("tower_stop",)
    await asyncio.to_thread(shows, cell, "lamp_red")
    cell.truth.release("tower", BUTTON)
    await armed_again(cell)


@pytest.mark.long
async def test_the_pushers_own_button_ends_its_motion_where_it_is(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        begun = asyncio.Event()
        motion = asyncio.create_task(
            rail.run(push(OUT), lambda state: begun.set() if state.progress > 0.4 else None)
        )
        reached = asyncio.create_task(begun.wait())
        await asyncio.wait({reached, motion}, return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        assert begun.is_set(), await motion
        await asyncio.to_thread(cell.truth.press, "pusher_board", BUTTON)
        receipt = await motion
    assert not receipt.completed
    assert "emergency stop is open" in receipt.reason
    stands = cell.position("pusher")
    assert 0.001 < stands < OUT - 0.001
    await asyncio.to_thread(cell.still_at, "pusher", stands)
    cell.truth.release("pusher_board", BUTTON)
    await armed_again(cell)
    async with cell.armed() as rail:
        assert (await rail.run(push(0.0))).completed


def flashed(cell: RunningCell, port: str) -> dict[str, str]:
    """Try to flash a board; return the error."""
    image = __file__  # any file: nothing is written
    done = cell.cli("firmware", "flash", "--port", port, "--image", image, "--json")
    assert done.returncode == 1
    return json.loads(done.stdout)["error"]


@pytest.mark.long
async def test_no_board_is_flashed_while_somebody_may_move_or_the_bridge_has_its_port(
    cell: RunningCell,
) -> None:
    port = cell.twin.links["tower"]
    async with cell.armed():
        held = await asyncio.to_thread(flashed, cell, port)
    assert held["code"] == "lease_refused"
    own = await asyncio.to_thread(flashed, cell, port)
    assert own["code"] == "bus_lost"
    assert "held by another process" in own["message"]


async def test_a_stop_is_safe_values_for_the_board_too(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.call("tower_set_lamp_red", value=False)
        shows(cell)
        await rail.stop("for the test")
    await asyncio.to_thread(shows, cell, "lamp_red")
    await cell.arm()


async def test_a_board_that_is_gone_stops_the_arm_and_comes_back_with_its_tools(
    cell: RunningCell,
) -> None:
    async with cell.armed() as rail:
        cell.truth.pull("tower")

        async def in_fault() -> bool:
            return (await rail.state()).mode == Mode.FAULT

        async def told() -> dict[str, Any] | None:
            with contextlib.suppress(DeviceFault):
                return await rail.call("tower_read_board")
            return None

        await until_async(in_fault)
        cell.truth.plug("tower")
        report = await until_async(told)
    assert report["held"] == []
    await armed_again(cell)


@pytest.mark.long
async def test_a_dead_bridge_leaves_lamps_safe_and_the_pusher_without_force(
    cell: RunningCell,
) -> None:
    async with cell.armed() as rail:
        await rail.call("tower_set_lamp_red", value=False)
        await rail.call("tower_set_lamp_green", value=True)
        assert (await rail.run(push(OUT))).completed
    shows(cell, "lamp_green")
    assert cell.truth.outputs("pusher_board")["pulse"] == pytest.approx(1800, abs=40)
    cell.process.kill()
    await asyncio.to_thread(shows, cell, "lamp_red")
    await until_async(lambda: cell.truth.outputs("pusher_board")["pulse"] == 0)
    await asyncio.to_thread(cell.still_at, "pusher", cell.position("pusher"))
    cell.down()
