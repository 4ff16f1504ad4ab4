"""A process of the bridge's own: what it says first on its standard output."""

from __future__ import annotations

import json
import select
import subprocess
import sys

from handrail_drivers.errors import HandrailError, ProcessLost

from handrail_bridge.loop.pipe import decode_error, encode_error


def say_ready(error: HandrailError | None = None) -> None:
    """Say on standard output that this process is ready, or what it met instead."""
    sys.stdout.write(json.dumps(encode_error(error), default=str) + "\n")
    sys.stdout.flush()


def await_ready(process: subprocess.Popen[bytes], name: str, timeout: float) -> None:
    """Wait until it says ``null``: that it is ready.

    Raises:
        HandrailError: what it met instead, and says.
        ProcessLost: it said nothing within the timeout [s].
    """
    stdout = process.stdout
    ready = stdout is not None and select.select([stdout], [], [], timeout)[0]
    line = stdout.readline() if stdout is not None and ready else b""
    if not line:
        raise ProcessLost(f"The {name} did not start; its own words are on standard error.")
    error = json.loads(line)
    if error is not None:
        raise decode_error(error)
