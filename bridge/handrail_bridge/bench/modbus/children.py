"""The processes of the benchmark: each says a line once it is there, and ends with the block."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator

from handrail_drivers.errors import ProcessLost

BEGIN = 60.0  # s, for a process to say something
END = 10.0  # s, for one to end


class Child:
    """A process that says what it has found, a line each time."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self._process = process
        self._name = name

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def line(self, patience: float = BEGIN) -> str:
        """Return the next line that it says, within ``patience`` [s].

        Raises:
            ProcessLost: it says nothing, or has ended.
        """
        out = self._process.stdout
        said = b""
        if out is not None and select.select([out], [], [], patience)[0]:
            said = out.readline()
        if not said:
            raise ProcessLost(f"The benchmark's {self._name} does not answer.")
        return said.decode().strip()


@contextlib.contextmanager
def child(module: str, *arguments: object) -> Iterator[Child]:
    """Run a module of the benchmarks, told its arguments and who its parent is, meanwhile."""
    command = [sys.executable, "-m", f"handrail_bridge.bench.{module}"]
    command += [*map(str, arguments), str(os.getpid())]
    # Unbuffered: select must see every line.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    try:
        yield Child(process, module)
    finally:
        process.kill()
        process.wait(END)
        if process.stdout is not None:
            process.stdout.close()
