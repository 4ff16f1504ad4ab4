"""The loop's process on the twin's wire: what dies, hangs or is pulled out stops the arm."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator

import numpy as np
import psutil
import pytest
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import BusLost, ProcessLost
from handrail_sim.cell_file import load_cell
from handrail_sim.twin.launch import Twin
from loop_rig import sweep
from waiting import state_where, until, until_async

TOKEN = 7
LIFT = {1: 0.9, 2: -0.9, 3: 1.5}  # rad, up from the folded rest
PAN = 0.8  # rad


def config_of(port: str) -> LoopConfig:
    """The desk's, with patience for a machine that is busy with other things."""
    config = loop_configs(load_cell("desk"), {"arm_bus": port})[0]
    return config.model_copy(update={"late_reads": 250, "silence": 1.0, "rules": {}})


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin.start("desk", seed=3) as twin:
        asyncio.run(lift(config_of(twin.links["arm_bus"])))
        yield twin


@pytest.fixture(scope="module")
def config(twin: Twin) -> LoopConfig:
    return config_of(twin.links["arm_bus"])


@pytest.fixture
async def link(config: LoopConfig) -> AsyncIterator[Loops]:
    """A loop that holds the lifted arm."""
    link = await armed(config)
    yield link
    await link.close()


async def armed(config: LoopConfig) -> Loops:
    link = await asyncio.to_thread(Loops.start, (config,))
    await link.arm(link.state().position)
    link.set_lease(TOKEN)
    return link


async def lift(config: LoopConfig) -> None:
    link = await armed(config)
    start = link.state().setpoint
    await link.play(sweep(start, LIFT, 500, config.rate, config.joints), 1, TOKEN)
    await state_where(link, lambda state: state.mode != Mode.MOVING)
    assert link.state().ended_completed, link.state()
    await link.close()


async def moving(link: Loops, config: LoopConfig, motion_id: int = 1) -> None:
    """Turn the base, and return in mid-motion."""
    state = link.state()
    travel = -PAN if state.position[0] > 0 else PAN
    path = sweep(state.setpoint, {0: travel}, 400, config.rate, config.joints)
    path.predicted[:] = path.hold + np.array(state.position) - state.setpoint
    await link.play(path, motion_id, TOKEN)
    state = await state_where(link, lambda state: state.row > 150 or state.mode != Mode.MOVING)
    assert state.mode == Mode.MOVING, state


def tcp(twin: Twin) -> np.ndarray:
    return np.array(twin.truth.snapshot()["tcp"]["position"])


def joints_since(twin: Twin, monotonic: float) -> np.ndarray:
    """True joint positions (n, 6) [rad] since a monotonic time [s]."""
    rows = twin.truth.history(30.0)
    return np.asarray(rows[rows[:, 1] >= monotonic][:, 2:8])


def stands(twin: Twin) -> bool:
    """Whether the true arm has stood still for 0.3 s of its own time."""
    return bool(np.abs(twin.truth.history(0.3)[:, 8:14]).max() < 0.02)


def assert_held_soon_after(twin: Twin, since: float, travel: float = 0.2) -> None:
    """The arm stands, went no farther than ``travel`` [rad] after ``since`` [s], and stays."""
    until(lambda: len(joints_since(twin, since)) > 150 and stands(twin))  # of 500 a second
    assert 0 < np.ptp(joints_since(twin, since), axis=0).max() < travel
    stood, now = tcp(twin), time.monotonic()
    until(lambda: len(joints_since(twin, now)) > 400)
    assert np.linalg.norm(tcp(twin) - stood) < 0.001, "it sagged"


async def test_a_pulled_cable_is_a_fault(twin: Twin, link: Loops, config: LoopConfig) -> None:
    await moving(link, config)
    twin.truth.pull("arm_bus")
    state = await state_where(link, lambda state: state.mode == Mode.FAULT)
    assert state.fault_code == "bus_lost"
    assert "arm_bus" in state.reason
    assert (state.ended_motion_id, state.ended_completed) == (1, False)
    with pytest.raises(BusLost, match="arm_bus"):
        await link.reset()
    await until_async(lambda: stands(twin))
    twin.truth.plug("arm_bus")
    await reset(link)
    assert link.state().mode == Mode.DISARMED


async def reset(link: Loops) -> None:
    """Reset as soon as the bus is back."""

    async def done() -> bool:
        with contextlib.suppress(BusLost):
            await link.reset()
        return link.state().mode == Mode.DISARMED

    await until_async(done)


async def test_ten_pulls_and_rearms_move_the_tool_less_than_a_millimetre(
    twin: Twin, link: Loops
) -> None:
    await until_async(lambda: stands(twin))
    stood, since = tcp(twin), time.monotonic()
    for _ in range(10):
        twin.truth.pull("arm_bus")
        await state_where(link, lambda state: state.mode == Mode.FAULT)
        twin.truth.plug("arm_bus")
        await reset(link)
        await link.arm(link.state().position)
        assert link.state().mode == Mode.ARMED
    await until_async(lambda: stands(twin))
    assert np.linalg.norm(tcp(twin) - stood) < 0.001
    assert np.ptp(joints_since(twin, since), axis=0).max() < 0.005


BRIDGE = """
import asyncio, sys
sys.path[:0] = sys.argv[1:3]
from test_loop_process import armed, config_of, moving

async def main():
    config = config_of(sys.argv[3])
    link = await armed(config)
    await moving(link, config)
    print(link.pids[0], flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def bridge(twin: Twin) -> Iterator[subprocess.Popen[str]]:
    """A process with a loop of its own, in mid-motion."""
    here = os.path.dirname(__file__)
    places = [here, os.path.dirname(here), twin.links["arm_bus"]]
    command = [sys.executable, "-c", BRIDGE, *places]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def loop_of(bridge: subprocess.Popen[str]) -> psutil.Process:
    assert bridge.stdout is not None
    return psutil.Process(int(bridge.stdout.readline()))


def has_ended(process: psutil.Process) -> bool:
    """Whether it is gone, or waits for somebody to collect its status."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_bridge_leaves_the_arm_held_and_no_loop_behind(
    twin: Twin, bridge: subprocess.Popen[str]
) -> None:
    loop = loop_of(bridge)
    since = time.monotonic()
    bridge.kill()
    assert_held_soon_after(twin, since)
    until(lambda: has_ended(loop))


def test_a_bridge_that_hangs_stops_the_arm(twin: Twin, bridge: subprocess.Popen[str]) -> None:
    loop = loop_of(bridge)
    since = time.monotonic()
    bridge.send_signal(signal.SIGSTOP)
    assert_held_soon_after(twin, since, travel=0.45)
    assert loop.is_running(), "it holds the arm while the bridge is there"
    bridge.kill()
    until(lambda: has_ended(loop))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_loop_that_ends_leaves_the_arm_held(
    twin: Twin, link: Loops, config: LoopConfig, number: signal.Signals
) -> None:
    await moving(link, config)
    since = time.monotonic()
    os.kill(link.pids[0], number)
    state = await state_where(link, lambda state: state.mode == Mode.FAULT)
    assert (state.fault_code, state.ended_completed) == ("process_lost", False)
    assert number == signal.SIGKILL or "stopped by a signal" in state.ended_reason
    assert_held_soon_after(twin, since)
    with pytest.raises(ProcessLost, match="arm_bus"):
        await link.arm(state.position)


async def test_a_loop_that_hung_is_seen_and_does_not_go_on(
    twin: Twin, link: Loops, config: LoopConfig
) -> None:
    await moving(link, config)
    since = time.monotonic()
    os.kill(link.pids[0], signal.SIGSTOP)
    state = await state_where(link, lambda state: state.mode == Mode.FAULT)
    assert "does not answer" in state.reason
    os.kill(link.pids[0], signal.SIGCONT)
    state = await state_where(link, lambda state: "stood still" in state.reason)
    assert state.mode == Mode.FAULT
    assert_held_soon_after(twin, since)


async def test_closing_leaves_no_process_thread_or_descriptor(
    twin: Twin, config: LoopConfig
) -> None:
    async def once() -> None:
        link = await armed(config)
        loop = psutil.Process(link.pids[0])
        try:
            await moving(link, config)
        finally:
            await link.close()
            await link.close()
        assert not loop.is_running()

    await once()  # what Python opens for the first time stays open
    me = psutil.Process()

    def held() -> tuple[int, int, int]:
        # asyncio's own pool grows by itself when a worker is not idle quickly enough.
        threads = [t for t in threading.enumerate() if not t.name.startswith("asyncio")]
        return me.num_fds(), len(me.children(recursive=True)), len(threads)

    before = held()
    since = time.monotonic()
    await once()
    after = held()
    # Other tests' leftovers may go meanwhile; nothing may come.
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)
    assert_held_soon_after(twin, since, travel=0.5)


async def test_a_bus_has_one_owner(link: Loops, config: LoopConfig) -> None:
    before = psutil.Process().num_fds()
    with pytest.raises(BusLost, match="held by another process"):
        await asyncio.to_thread(Loops.start, (config,))
    assert psutil.Process().num_fds() <= before
    assert link.state().mode == Mode.ARMED


async def test_a_port_that_is_not_there_is_named() -> None:
    before = psutil.Process().num_fds()
    with pytest.raises(BusLost, match="/dev/nowhere"):
        await asyncio.to_thread(Loops.start, (config_of("/dev/nowhere"),))
    assert psutil.Process().num_fds() <= before
