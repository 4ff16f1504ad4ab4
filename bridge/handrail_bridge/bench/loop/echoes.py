"""Each road's bare echo: the same way without Handrail on it. Times in s."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import grpc
from handrail_drivers.errors import ProcessLost
from handrail_sim.cell import Cell
from handrail_sim.twin.launch import Twin

from handrail_bridge.bench.reference.echoes import METHOD, SERVICE
from handrail_bridge.loop.settings import input_configs
from handrail_bridge.rig import END

ECHO = (sys.executable, "-m", "handrail_bridge.bench.reference.echoes")
BARE = "handrail_bridge.bench.reference.bare_loop"
TURN = ("out", "in")
BEGIN = 20.0  # s, for an echo to be there, or to be heard


class Echo:
    """A process that says when it was reached."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def line(self) -> str:
        """Return the next line that it says.

        Raises:
            ProcessLost: it says nothing.
        """
        out = self._process.stdout
        if out is None or not select.select([out], [], [], BEGIN)[0]:
            raise ProcessLost("An echo does not answer.")
        return out.readline().decode().strip()


@contextlib.contextmanager
def echo(*arguments: str) -> Iterator[Echo]:
    """Run an echo while the block runs."""
    # Unbuffered: select must see every line.
    process = subprocess.Popen([*ECHO, *arguments], stdout=subprocess.PIPE, bufsize=0)
    try:
        yield Echo(process)
    finally:
        process.kill()
        process.wait(END)
        if process.stdout is not None:
            process.stdout.close()


def calls(count: int) -> list[float]:
    """From a call of gRPC to its arrival in a server that does nothing else."""
    with (
        echo("grpc-server") as server,
        grpc.insecure_channel(f"127.0.0.1:{server.line()}") as channel,
    ):
        reach: Any = channel.unary_unary(f"/{SERVICE}/{METHOD}")
        reach(b"", timeout=BEGIN)
        times = []
        for _ in range(count):
            called_ns = time.monotonic_ns()
            times.append((int(reach(b"", timeout=BEGIN)) - called_ns) * 1e-9)
        return times


def commands(count: int) -> list[float]:
    """From the start of a Python process that makes one call to its arrival."""
    with echo("grpc-server") as server:
        address = f"127.0.0.1:{server.line()}"
        return [_command(address) for _ in range(count)]


def _command(address: str) -> float:
    started_ns = time.monotonic_ns()
    with echo("grpc-call", address) as call:
        return (int(call.line()) - started_ns) * 1e-9


def signals(count: int) -> list[float]:
    """From a signal to its handler in a Python process."""
    with echo("signal") as process:
        process.line()
        return [_signal(process) for _ in range(count)]


def _signal(process: Echo) -> float:
    sent_ns = time.monotonic_ns()
    os.kill(process.pid, signal.SIGUSR1)
    return (int(process.line()) - sent_ns) * 1e-9


def inputs(cell: Cell, count: int) -> list[float]:
    """From a button to a loop that polls its module as often as the cell does."""
    (config,) = input_configs(cell, {})
    name = next(iter(config.signals))
    with (
        Twin.start(cell.name, perturb=False) as twin,
        echo("input", twin.links[config.device], str(config.rate)) as poll,
    ):
        poll.line()
        times = []
        for _ in range(count):
            pressed_ns = twin.truth.press(config.device, name)
            times.append((int(poll.line()) - pressed_ns) * 1e-9)
            twin.truth.release(config.device, name)
            poll.line()
        return times


def turns(cell: Cell, count: int) -> list[float]:
    """From a servo's answer on the wire to the next setpoints, of a bare loop at a cell's rate."""
    wire = cell.arm.device
    with Twin.start(cell.name, perturb=False) as twin:
        seconds = 2 * count / cell.loop.rate + 1
        command = [sys.executable, "-m", BARE, str(cell.loop.rate), str(seconds), twin.links[wire]]
        subprocess.run(command, stdout=subprocess.DEVNULL, timeout=seconds + BEGIN, check=True)
        log = twin.truth.wire_log(wire)
    ways = [
        (then.time_ns - first.time_ns) * 1e-9
        for first, then in pairwise(log)
        if (first.direction, then.direction) == TURN
    ]
    return ways[-count:]
