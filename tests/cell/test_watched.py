"""A desk that a model looks at: a hand in mid-motion stops the arm, and so does blindness."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from handrail_bridge.loop.state import Mode
from handrail_bridge.rail.audit import NAME, read
from handrail_bridge.reports import Receipt
from handrail_drivers.errors import NotArmed
from handrail_sim.cell_file import load_cell
from running_cell import (
    RunningCell,
    assert_stood_at_once,
    midway,
    sweep,
    twin_and_wires,
)

AGE = ("age = 0.4\nwhen", "age = 0.6\nwhen")  # a busy machine renders late
BUDGET = ("rate = 50\n", "rate = 50\nbudget = 0.02\n")  # and stalls in the middle of an answer
OVER = {"shoulder_pan": -0.9}  # rad, of the zone where cubes lie
NEAR = 0.02  # m: 10 mm of the policy, and what the camera is wrong
NOTICED = 0.8  # s: a picture, the model, the reflex; without a picture its age


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((AGE, BUDGET), id="patient"),
        pytest.param((), id="shipped", marks=pytest.mark.long),
    ],
)
def cell(request: pytest.FixtureRequest) -> Iterator[RunningCell]:
    with twin_and_wires(*request.param, cell="desk_watched") as running:
        running.up()
        asyncio.run(seen_and_home(running))
        yield running


async def seen_and_home(running: RunningCell) -> None:
    await until_hand(running, there=False)
    await running.home()


async def until_hand(running: RunningCell, there: bool) -> None:
    async with running.agent() as rail:
        await rail.call("eyes_wait_for", label="hand", present=there, timeout=20.0)


async def interrupted(cell: RunningCell, act: Callable[[], object]) -> Receipt:
    """Do something in the middle of a sweep; the arm stands soon. Return the receipt."""
    async with cell.armed() as rail:
        running = await midway(rail, cell)
        since = time.monotonic()
        act()
        receipt = await running
        await asyncio.to_thread(assert_stood_at_once, cell, since, NOTICED)
        return receipt


async def test_a_look_finds_every_cube_where_the_world_has_it(cell: RunningCell) -> None:
    async with cell.agent() as rail:
        objects = (await rail.call("look"))["objects"]
    truth = cell.truth.snapshot()["objects"]
    for name, thing in objects.items():
        assert thing["source"] == "seen"
        mine = [one["position"] for one in truth.values() if one["color"] == thing["color"]]
        off = min(
            sum((a - b) ** 2 for a, b in zip(p, thing["position"], strict=True)) for p in mine
        )
        assert off**0.5 < 0.012, name  # the camera hangs up to 5 mm aside


async def test_a_hand_in_mid_motion_stops_the_arm_until_it_is_gone_and_an_operator_resets(
    cell: RunningCell,
) -> None:
    receipt = await interrupted(cell, lambda: cell.truth.reach(0.2, 0.15, 0.08, -1.57))
    assert not receipt.completed
    assert receipt.reflexes == ("hand", "hand_near")
    assert "eyes.hand is seen at 0.000 m" in receipt.reason
    async with cell.operator() as operator:
        await operator.reset()
        with pytest.raises(NotArmed, match=r"eyes\.hand is seen"):
            await operator.arm()
        cell.truth.withdraw()
        await until_hand(cell, there=False)
        assert (await operator.state()).mode == Mode.DISARMED
    async with cell.armed() as rail:
        objects = (await rail.call("look"))["objects"]
        assert {thing["source"] for thing in objects.values()} == {"seen"}
        assert (await sweep(rail, cell)).completed


async def test_eyes_that_hang_stop_the_arm(cell: RunningCell) -> None:
    (process,) = (
        one
        for one in psutil.Process(cell.process.pid).children()
        if "handrail_bridge.perception.process" in one.cmdline()
    )
    try:
        receipt = await interrupted(cell, process.suspend)
    finally:
        process.resume()
    assert receipt.reflexes == ("hand", "hand_near")
    assert "last reported" in receipt.reason
    await until_hand(cell, there=False)


@pytest.mark.long
async def test_a_policy_brings_the_tcp_over_a_cube_that_was_seen(cell: RunningCell) -> None:
    step = {
        "tool": "policy_run",
        "policy": "reach",
        "thing": "blue_cube",
        "target": (0.0, 0.0, 0.1),
        "duration": 3.5,
    }
    async with cell.armed() as rail:
        assert (await rail.run({"steps": [{"tool": "arm_home"}]})).completed
        await rail.call("look")  # from where the arm hides nothing
        over = [{"tool": "arm_move_joints", "positions": OVER}]
        assert (await rail.run({"steps": over})).completed
        receipt = await rail.run({"steps": [step]})
    assert receipt.completed, receipt.reason
    truth = cell.truth.snapshot()
    x, y, z = truth["objects"]["blue_cube"]["position"]
    assert math.dist(truth["tcp"]["position"], (x, y, z + 0.1)) < NEAR
    entries = read(cell.folder / "handrail" / "desk_watched" / NAME, 4)
    last = [entry.body for entry in entries if entry.event == "execute"][-1]
    assert last["policy"]["sha256"] == load_cell("desk_watched").policies["reach"].sha256
