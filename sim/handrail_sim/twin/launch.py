"""Starting the twin of a cell as a process of its own, and ending it."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from handrail_drivers.errors import ProcessLost

from handrail_sim.lifeline import end
from handrail_sim.twin.truth_port import TruthClient

START_TIMEOUT = 90.0  # s: importing MuJoCo and opening GL on a loaded machine
STOP_TIMEOUT = 10.0  # s


class Twin:
    """A running twin. ``wires`` names terminals, ``links`` their stable names, ``urls`` cameras.

    Use as a context manager, or ``close``. It dies with the thread that started it.
    """

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any]) -> None:
        self._process = process
        self.wires: dict[str, str] = ready["wires"]
        self.links: dict[str, str] = ready["links"]
        self.urls: dict[str, str] = ready["urls"]
        self.truth_path: str = ready["truth"]
        self.description = ready
        self._truth: TruthClient | None = None

    @classmethod
    def start(
        cls,
        cell: str | Path,
        seed: int = 0,
        perturb: bool = True,
    ) -> Self:
        """Start the twin of a cell and wait until its wires are there.

        Raises:
            ProcessLost: it did not start; its own words are on standard error.
        """
        flags = [] if perturb else ["--no-perturb"]
        command = [sys.executable, "-m", "handrail_sim.twin.process", str(cell), "--json"]
        command += ["--seed", str(seed), "--parent", str(os.getpid()), *flags]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, "MUJOCO_GL": "disable"},  # its cameras are processes of their own
            start_new_session=True,  # Ctrl-C is for whoever started it: the wires go last
        )
        try:
            return cls(process, _ready(process))
        except BaseException:
            end(process, STOP_TIMEOUT)
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def truth(self) -> TruthClient:
        """The truth port; for tests and for the demo's last word."""
        if self._truth is None:
            self._truth = TruthClient(self.truth_path)
        return self._truth

    def close(self) -> None:
        """End the twin and remove what it left; may be called again."""
        if self._truth is not None:
            self._truth.close()
            self._truth = None
        end(self._process, STOP_TIMEOUT)
        shutil.rmtree(Path(self.truth_path).parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ready(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    if process.stdout is None:
        raise ProcessLost("The twin has no standard output.")
    ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT)
    line = process.stdout.readline() if ready else b""
    if not line:
        raise ProcessLost(f"The twin did not start within {START_TIMEOUT:.0f} s, or ended.")
    described: dict[str, Any] = json.loads(line)
    return described
