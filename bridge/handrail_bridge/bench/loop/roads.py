"""Every road to a stop, from its beginning to the stop's bytes on the wire of a whole cell."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from handrail_drivers.errors import HandrailError, ProcessLost
from handrail_drivers.feetech import codec
from handrail_sim.cell_file import load_cell

from handrail_bridge.bench.loop import echoes
from handrail_bridge.bench.wire import latency
from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.loop.settings import input_configs
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState, Receipt
from handrail_bridge.rig import COMMAND, HANDRAIL, Rig

JOINT, IDLE = "shoulder_pan", "wrist_roll"
END = 1.1  # rad: the base swings between plus and minus that
SPEED = 0.8  # of full: on the wire its stop shows with the first tick
SLOW = 0.3  # where what stops has to start first
FROM = 0.3  # of the plan: there its speed is constant
BEFORE = 1.0  # s of the wire's log before the stop
TRIES = 3  # of a trial that the machine spoils

Start = Callable[["Trial"], Awaitable[int]]


@dataclass(frozen=True)
class Trial:
    """A cell in motion. A start sets off a stop and returns when [ns, monotonic]."""

    rig: Rig
    rail: Client
    button: tuple[str, str]  # device, input


async def call(trial: Trial) -> int:
    """A client's call."""
    called_ns = time.monotonic_ns()
    await trial.rail.stop("the benchmark measures its stop")
    return called_ns


async def command(trial: Trial) -> int:
    """``handrail stop`` from a shell."""
    started_ns = time.monotonic_ns()
    process = await asyncio.create_subprocess_exec(
        *HANDRAIL, "stop", env=trial.rig.environment, stdout=asyncio.subprocess.DEVNULL
    )
    await asyncio.wait_for(process.wait(), COMMAND)
    return started_ns


async def send_signal(trial: Trial) -> int:
    """SIGUSR1 to the loop."""
    pid = trial.rig.loop.pid
    sent_ns = time.monotonic_ns()
    os.kill(pid, signal.SIGUSR1)
    return sent_ns


async def press(trial: Trial) -> int:
    """The emergency stop on the desk."""
    return await asyncio.to_thread(trial.rig.truth.press, *trial.button)


async def complain(trial: Trial) -> int:
    """A servo complains: from its own bytes on the wire."""
    since_ns = time.monotonic_ns()
    await asyncio.to_thread(trial.rig.truth.inject, "angle", IDLE)
    deadline = time.monotonic() + COMMAND
    while time.monotonic() < deadline:
        log = await asyncio.to_thread(trial.rig.truth.wire_log, trial.rig.bus, since_ns)
        for event in log:
            frames = codec.Parser().feed(event.data) if event.direction == "out" else ()
            if any(frame.code for frame in frames):  # a reply's code is its servo's complaint
                return event.time_ns
    raise ProcessLost("The servo does not complain.")


@dataclass(frozen=True)
class Road:
    """A way to a stop, and its bare echo: times [s] of so many trials."""

    name: str
    start: Start
    echo: Callable[[int], list[float]]
    speed: float = SPEED


def roads(cell_name: str) -> tuple[Road, ...]:
    """Return all of them."""
    cell = load_cell(cell_name)
    return (
        Road("gRPC: client.stop()", call, echoes.calls),
        Road("CLI: handrail stop", command, echoes.commands, SLOW),
        Road("signal: SIGUSR1 to the loop", send_signal, echoes.signals),
        Road("input: the emergency stop", press, lambda count: echoes.inputs(cell, count)),
        Road("reflex: a servo complains", complain, lambda count: echoes.turns(cell, count)),
    )


def road_times(rig: Rig, road: Road, count: int, again: list[str]) -> list[float]:
    """Return the time [s] from a road's beginning to the first setpoint off the path's line.

    A stop that did not come took for ever: inf. ``again`` gets why a try was repeated.

    Raises:
        HandrailError: the cell does not move, or does not stop.
    """
    return asyncio.run(_times(rig, road, count, again))


async def _times(rig: Rig, road: Road, count: int, again: list[str]) -> list[float]:
    (button,) = input_configs(load_cell(rig.cell), {})
    times: list[float] = []
    tries = 0
    async with (
        Client.connect(rig.ready["address"]) as rail,
        OperatorClient.connect(rig.ready["operator_socket"]) as operator,
    ):
        trial = Trial(rig, rail, (button.device, next(iter(button.signals))))
        while len(times) < count:
            tries += 1
            if tries > TRIES * count:
                raise ProcessLost(f"{road.name}: the wire does not show its stops.")
            try:
                took = await _stopped(trial, operator, road)
            except HandrailError as error:  # a busy machine's protective stop
                again.append(f"{road.name}: {error.message}")
                continue
            if took is None:
                again.append(f"{road.name}: the wire does not show it")
            else:
                times.append(took)
    return times


async def _stopped(trial: Trial, operator: OperatorClient, road: Road) -> float | None:
    """Swing, stop, and ask the wire; None where it does not show the stop."""
    await _mend(trial)
    await operator.reset()
    await operator.arm()
    async with trial.rail.lease("bench"):
        await trial.rail.run(_swing(-END, SPEED))
        plan = _swing(END, road.speed)
        check = await trial.rail.check(plan)
        if check.permit is None:
            return None
        begun_ns, completed = 0, False
        async with contextlib.aclosing(trial.rail.execute(plan, check.permit)) as events:
            async for event in events:
                if isinstance(event, Receipt):
                    completed = event.completed
                    break
                if not begun_ns and _is_steady(event):
                    begun_ns = await road.start(trial)
    if begun_ns and completed:  # too late on a busy machine, or never
        stopped = (await operator.state()).mode == Mode.STOPPED
        return None if stopped else math.inf
    rig = trial.rig
    since_ns = begun_ns - int(BEFORE * 1e9)
    log = await asyncio.to_thread(rig.truth.wire_log, rig.bus, since_ns)
    servo = load_cell(rig.cell).devices[rig.bus].settings["joints"][JOINT]["id"]
    return latency(log, begun_ns, servo) if begun_ns else None


async def _mend(trial: Trial) -> None:
    """Undo what set off the last stop."""
    await asyncio.to_thread(trial.rig.truth.release, *trial.button)
    await asyncio.to_thread(trial.rig.truth.inject, "angle", IDLE, 0)


def _swing(target: float, speed: float) -> dict[str, Any]:
    step = {"tool": "arm_move_joints", "positions": {JOINT: target}, "speed": speed}
    return {"steps": [step]}


def _is_steady(state: CellState) -> bool:
    return state.progress > FROM
