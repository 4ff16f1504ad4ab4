"""One call through MCP on stdio: of ours, and of a bare tool of the same SDK."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
from handrail_drivers.errors import ProcessLost

from handrail_bridge.bench.tools import instrument
from handrail_bridge.bench.tools.calls import Round

OURS, BARE = "MCP stdio", "bare MCP stdio"
END = 10.0  # s


class Caller:
    """A process with the SDK's client and the server that it has started."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._times()

    def stretch(self) -> np.ndarray:
        """Have it call a stretch of times; return them [us]."""
        if self._process.stdin is not None:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        return np.array(self._times())

    def _times(self) -> list[float]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise ProcessLost("The MCP client of the benchmark has ended.")
        found: list[float] = json.loads(line)
        return found


def rounds(address: str, size: int, count: int, calls: int) -> list[Round]:
    """Have both servers called so often in each round, in turn, by a client process each."""
    ours = [sys.executable, "-m", "handrail_bridge.cli.main", "mcp", "--each"]
    bare = [sys.executable, "-m", "handrail_bridge.bench.reference.mcp_echo", str(size)]
    stretches = max(calls // 50, 1)
    with (
        _caller(calls // stretches, instrument.NAME, [*ours, "--address", address]) as mine,
        _caller(calls // stretches, "say", bare) as other,
    ):
        return [
            {
                name: np.concatenate([times[number] for times in found])
                for number, name in enumerate((OURS, BARE))
            }
            for found in (
                [(mine.stretch(), other.stretch()) for _ in range(stretches)] for _ in range(count)
            )
        ]


@contextlib.contextmanager
def _caller(calls: int, tool: str, server: list[str]) -> Iterator[Caller]:
    command = [sys.executable, "-m", "handrail_bridge.bench.reference.mcp_client", str(calls)]
    command += [tool, instrument.ARGUMENTS_JSON, str(os.getpid()), *server]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield Caller(process)
    finally:
        process.communicate(timeout=END)  # its input ends, and with it the server
