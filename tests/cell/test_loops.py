"""Loops of several buses as processes: one that stalls does not stall the other."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import psutil
import pytest
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import ProcessLost, Refused
from handrail_sim.verdict import Trajectory
from loop_rig import sweep
from two_buses import configs
from waiting import state_where, until

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
TOKEN = 5


@pytest.fixture
async def loops() -> AsyncIterator[Loops]:
    loops = await asyncio.to_thread(Loops.start, configs(jaw_rate=500, heartbeat=2.0))
    await loops.arm(loops.state().position)
    loops.set_lease(TOKEN)
    yield loops
    await loops.close()


def motion(loops: Loops, travel: dict[int, float], rows: int = 500) -> Trajectory:
    return sweep(loops.state().setpoint, travel, rows, 250, JOINTS)


async def test_a_motion_of_both_ends_when_both_have_ended(loops: Loops) -> None:
    path = motion(loops, {0: 0.5, 5: 0.3}, 100)
    assert loops.moved_by(path) == ("arm_bus", "jaw_bus")
    await loops.play(path, 1, TOKEN)
    state = await state_where(loops, lambda state: state.ended_motion_id == 1)
    assert (state.mode, state.ended_completed) == (Mode.ARMED, True)
    assert state.setpoint == pytest.approx(path.hold[-1].tolist())
    assert len(state.position) == len(JOINTS)


async def test_a_motion_of_one_needs_the_lease_of_one(loops: Loops) -> None:
    path = motion(loops, {5: 0.3}, 100)
    assert loops.moved_by(path) == ("jaw_bus",)
    loops.set_lease(0, ("arm_bus",))
    await loops.play(path, 2, TOKEN)
    assert (await state_where(loops, lambda state: state.ended_motion_id == 2)).ended_completed


async def test_what_one_refuses_moves_nothing(loops: Loops) -> None:
    loops.set_lease(0, ("jaw_bus",))
    before = loops.state().setpoint
    with pytest.raises(Refused):
        await loops.play(motion(loops, {0: 0.5, 5: 0.3}), 3, TOKEN)
    await state_where(loops, lambda state: state.mode == Mode.ARMED)
    assert loops.state().setpoint == pytest.approx(before, abs=1e-3)


async def test_one_that_hangs_stops_the_motion_and_not_the_others_ticks(loops: Loops) -> None:
    await loops.play(motion(loops, {0: 0.5, 5: 0.3}, 2000), 4, TOKEN)
    await state_where(loops, lambda state: state.mode == Mode.MOVING and state.row > 50)
    jaw = loops.pids[1]
    os.kill(jaw, signal.SIGSTOP)
    state = await state_where(loops, lambda state: state.mode == Mode.FAULT)
    assert state.fault_code == ProcessLost.code
    ticks = state.ticks
    loops.abort(4)
    await state_where(loops, lambda state: state.ticks > ticks + 100)
    os.kill(jaw, signal.SIGCONT)
    state = await state_where(loops, lambda state: state.ended_motion_id == 4)
    assert not state.ended_completed


async def test_a_signal_stops_every_bus(loops: Loops) -> None:
    await loops.play(motion(loops, {0: 0.5, 5: 0.3}, 2000), 5, TOKEN)
    await state_where(loops, lambda state: state.mode == Mode.MOVING)
    os.kill(loops.pids[0], signal.SIGUSR1)
    state = await state_where(loops, lambda state: state.ended_motion_id == 5)
    assert state.mode == Mode.STOPPED
    assert "signal" in state.reason


async def test_a_lease_of_fifty_milliseconds_lapses_also_where_the_bridge_itself_hangs(
    loops: Loops,
) -> None:
    await loops.play(motion(loops, {0: 0.5, 5: 0.3}, 2000), 6, TOKEN)
    await state_where(loops, lambda state: state.mode == Mode.MOVING and state.row > 50)
    loops.set_lease(TOKEN, until=time.monotonic() + 0.05)  # the last heartbeat
    until(lambda: loops.state().ended_motion_id == 6)  # the event loop hangs as long
    until(lambda: loops.state().mode == Mode.ARMED)
    state = loops.state()
    assert "lapsed" in state.ended_reason


async def test_no_loop_is_left_behind(loops: Loops) -> None:
    pids = loops.pids
    await loops.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
