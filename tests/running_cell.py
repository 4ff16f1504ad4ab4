"""A cell that runs: the twin's process and the bridge's, as a user would start them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from handrail_bridge.client import Client, OperatorClient
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState, Receipt
from handrail_drivers.errors import DeviceFault
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.truth_port import TruthClient

HANDRAIL = str(Path(sys.executable).parent / "handrail")
START = 90.0  # s
END = 20.0  # s


def eventually(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return the first true answer of ``what``, asking again until a deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)
    return answer


def patient(folder: Path) -> Path:
    """Write the desk's file as a cell that bears a machine which starves the twin now and then."""
    text = (resources.files("handrail_sim") / "cells" / "desk.toml").read_text()
    for line, patience in (
        ("late_reads = 10", "late_reads = 20"),
        ("silence = 0.05", "silence = 0.25"),
    ):
        assert line in text
        text = text.replace(line, patience)
    file = folder / "patient_desk.toml"
    file.write_text(text)
    return file


@dataclass
class RunningCell:
    """The twin, and a bridge on its wires that can be ended and started again."""

    twin: Twin
    folder: Path
    bridge: subprocess.Popen[str] | None = None
    ready: dict[str, Any] = field(default_factory=dict)

    @property
    def truth(self) -> TruthClient:
        return self.twin.truth

    @property
    def environment(self) -> dict[str, str]:
        places = {"XDG_RUNTIME_DIR": str(self.folder), "XDG_STATE_HOME": str(self.folder)}
        return {**os.environ, **places}

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self.bridge is not None
        return self.bridge

    def up(self) -> None:
        """Start the bridge and wait until it is ready."""
        command = [HANDRAIL, "up", str(patient(self.folder)), "--json"]
        for name, path in self.twin.links.items():
            command += ["--wire", f"{name}={path}"]
        command += ["--camera", f"overhead={self.twin.urls['overhead']}"]
        self.bridge = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=self.environment
        )
        assert self.bridge.stdout is not None
        readable, _, _ = select.select([self.bridge.stdout], [], [], START)
        line = self.bridge.stdout.readline() if readable else ""
        assert line, f"the bridge did not start: {self.bridge.poll()}"
        self.ready = json.loads(line)
        assert "error" not in self.ready, self.ready

    def down(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the bridge and return its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(END)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.bridge = None
        return status

    def cli(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one ``handrail`` command against this bridge."""
        return subprocess.run(
            [HANDRAIL, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
            check=False,
        )

    def agent(self) -> Client:
        return Client.connect(self.ready["address"])

    def operator(self) -> OperatorClient:
        return OperatorClient.connect(self.ready["operator_socket"])

    @contextlib.asynccontextmanager
    async def armed(self) -> AsyncIterator[Client]:
        """A client with the lease on an armed cell, whatever the test before left behind."""
        async with self.operator() as operator:
            deadline = time.monotonic() + END
            while (mode := (await operator.state()).mode) != Mode.ARMED:
                try:
                    if mode in (Mode.STOPPED, Mode.FAULT):
                        await operator.reset()
                    await operator.arm()
                except DeviceFault:  # a machine too busy for the twin's pace; not for long
                    if time.monotonic() > deadline:
                        raise
        async with self.agent() as rail, rail.lease("test"):
            yield rail

    async def home(self) -> None:
        """Arm it and bring it home."""
        async with self.armed() as rail:
            assert (await rail.run({"steps": [{"tool": "arm_home"}]})).completed

    def joints(self) -> dict[str, float]:
        """True joint positions [rad]."""
        return {name: joint["position"] for name, joint in self.truth.snapshot()["joints"].items()}

    def moved_since(self, monotonic: float) -> float:
        """Largest true joint travel [rad] since a monotonic time [s]."""
        rows = self.truth.history(30.0)
        rows = rows[rows[:, 1] >= monotonic]
        return float(np.ptp(rows[:, 2:8], axis=0).max()) if len(rows) else 0.0

    def stands(self, seconds: float = 0.3) -> bool:
        """Whether the true arm has stood still for the last ``seconds``."""
        return bool(np.abs(self.truth.history(seconds)[:, 8:14]).max() < 0.02)


async def sweep(rail: Client, cell: RunningCell, on_state: Callable[[CellState], None]) -> Receipt:
    """Turn the base half a radian, slowly, to the side where it is not."""
    pan = 0.7 if cell.joints()["shoulder_pan"] > 0.95 else 1.2
    step: dict[str, Any] = {
        "tool": "arm_move_joints",
        "positions": {"shoulder_pan": pan},
        "speed": 0.15,
    }
    return await rail.run({"steps": [step]}, on_state)


class Midway:
    """Set once a third of the motion has been played."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    def __call__(self, state: CellState) -> None:
        if state.progress > 0.33:
            self.reached.set()


def assert_stood_at_once(cell: RunningCell, since: float) -> None:
    """The true arm stands, and moved on by no more than a ramp after ``since`` [s]."""
    eventually(cell.stands)
    assert 0 < cell.moved_since(since) < 0.15
    later = time.monotonic()
    eventually(lambda: cell.truth.history(1.0)[0, 1] > later)
    assert cell.moved_since(later) < 0.002
