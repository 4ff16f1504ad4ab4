"""A cell as a user starts it: its twin, its bridge and its client, each a process to be hit."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
from handrail_drivers.errors import ProcessLost, error_class
from handrail_sim.cell_file import load_cell
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.truth_port import TruthClient

from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.reports import CellState, Receipt

HANDRAIL = (sys.executable, "-m", "handrail_bridge.cli.main")
START = 90.0  # s, for a bridge to be ready
END = 20.0  # s, for a process to end
COMMAND = 60.0  # s, for one command


@dataclass
class Rig:
    """The twin of a cell, and a bridge on its wires that can be ended and started again.

    ``cell`` is what ``handrail up`` takes; ``folder`` holds all that the bridge leaves.
    """

    twin: Twin
    folder: Path
    cell: str = "desk"
    bridge: subprocess.Popen[str] | None = None
    client: subprocess.Popen[str] | None = None
    ready: dict[str, Any] = field(default_factory=dict)  # what the bridge announced
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)  # one, as gRPC wants it

    @classmethod
    @contextlib.contextmanager
    def running(cls, cell: str, seed: int = 0) -> Iterator[Self]:
        """Run a twin and a bridge in folders of their own while the block runs."""
        folder = Path(tempfile.mkdtemp(prefix="hr-"))  # short: Unix socket paths are
        try:
            with Twin.start(cell, seed=seed) as twin:
                rig = cls(twin, folder, cell)
                rig.up()
                try:
                    yield rig
                finally:
                    rig.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this cell's commands."""
        return self.environment_in(self.folder)

    def environment_in(self, folder: Path) -> dict[str, str]:
        """The environment of commands whose run and state directories lie in a folder."""
        return {**os.environ, "XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder)}

    @property
    def process(self) -> subprocess.Popen[str]:
        """The bridge's process.

        Raises:
            ProcessLost: none was started.
        """
        if self.bridge is None:
            raise ProcessLost("No bridge was started.")
        return self.bridge

    @property
    def mover(self) -> subprocess.Popen[str]:
        """The process of the client that moves the arm.

        Raises:
            ProcessLost: nobody moves it.
        """
        if self.client is None:
            raise ProcessLost("No client was started.")
        return self.client

    @property
    def bus(self) -> str:
        """Name of the arm's bus."""
        return load_cell(self.cell).arm.device

    @property
    def truth(self) -> TruthClient:
        """The world's own word."""
        return self.twin.truth

    @property
    def loop(self) -> psutil.Process:
        """The loop's process."""
        return _child(self.process.pid, "handrail_bridge.loop.process")

    @property
    def camera(self) -> psutil.Process:
        """The process that renders the twin's cameras."""
        return _child(self.twin.pid, "handrail_sim.twin.camera")

    def up(self) -> None:
        """Start the bridge and wait until it is ready.

        Raises:
            HandrailError: what it said instead.
        """
        self.bridge = self.start_bridge(self.folder)
        self.ready = announcement(self.bridge)

    def start_bridge(self, folder: Path) -> subprocess.Popen[str]:
        """Start a bridge on the twin's wires with its directories in a folder."""
        command = [*HANDRAIL, "up", self.cell, "--json"]
        command += [f"--wire={name}={link}" for name, link in self.twin.links.items()]
        cameras = {name: url for name, url in self.twin.urls.items() if name != "view"}
        command += [f"--camera={name}={url}" for name, url in cameras.items()]
        command += [f"--parent={os.getpid()}"]
        environment = self.environment_in(folder)
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def down(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the bridge with a signal and return its exit status."""
        self.process.send_signal(number)
        return self._buried()

    def close(self) -> None:
        """Make sure that no bridge, no loop and no client is left, whatever happened before."""
        self._runner.close()
        self.dismiss()
        if self.bridge is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.bridge.pid).children(recursive=True):
                child.kill()
        self.down(signal.SIGKILL)

    def _buried(self) -> int:
        status = self.process.wait(END)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.bridge = None
        return status

    def cli(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one ``handrail`` command against this bridge."""
        return subprocess.run(
            [*HANDRAIL, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=COMMAND,
            check=False,
        )

    def begin(self, tool: str, **arguments: Any) -> subprocess.Popen[str]:
        """Start a client process that calls one moving tool; it becomes ``client``."""
        self.dismiss()
        command = [*HANDRAIL, "call", tool, json.dumps(arguments), "--json"]
        self.client = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=self.environment
        )
        return self.client

    def finish(self) -> dict[str, Any]:
        """Wait for the client and return its answer: a receipt, an error, or nothing at all."""
        answer, _ = self.mover.communicate(timeout=COMMAND)
        self.client = None
        said: dict[str, Any] = json.loads(answer or "{}")
        return said

    def dismiss(self) -> None:
        """End the client, if there is one."""
        if self.client is not None:
            self.client.kill()
            self.client.communicate()
            self.client = None

    def operate(self, *acts: str) -> CellState:
        """Have the operator reset, arm or the like, one after another; return the state.

        Raises:
            HandrailError: the act's own.
        """

        async def act() -> CellState:
            async with OperatorClient.connect(self.ready["operator_socket"]) as operator:
                for name in acts:
                    await getattr(operator, name)()
                return await operator.state()

        return self._runner.run(act())

    def move(self, tool: str, **arguments: Any) -> Receipt:
        """Call one moving tool as a client that is not to be hit; return its receipt.

        Raises:
            HandrailError: the bridge's own refusal.
        """

        async def act() -> Receipt:
            async with Client.connect(self.ready["address"]) as rail, rail.lease("bench"):
                return await rail.run({"steps": [{"tool": tool, **arguments}]})

        return self._runner.run(act())


def announcement(bridge: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the line with which a bridge says that it is ready.

    Raises:
        HandrailError: what it said instead.
        ProcessLost: it said nothing in time.
    """
    line = ""
    if bridge.stdout is not None and select.select([bridge.stdout], [], [], START)[0]:
        line = bridge.stdout.readline()
    if not line:
        raise ProcessLost(f"The bridge did not start; exit status {bridge.poll()}.")
    return _without_error(json.loads(line))


def _without_error(answer: dict[str, Any]) -> dict[str, Any]:
    if (error := answer.get("error")) is not None:
        absent: dict[str, Any] = {"field": "", "hint": "", "choices": ()}
        raise error_class(error["code"]).restore({**absent, **error})
    return answer


def _child(parent: int, module: str) -> psutil.Process:
    for child in psutil.Process(parent).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if module in child.cmdline():
                return child
    raise ProcessLost(f"Process {parent} has no child {module}.")
