"""Emulated Unos, built and started for a benchmark."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from handrail_drivers.errors import ProcessLost
from handrail_sim.twin.avr_board import make

SLOW = 115_200
FAST = 1_000_000  # bit/s
FLOOD, DESK = "flood-avr.hex", "desk-avr.hex"


def build(folder: Path) -> None:
    """Build the emulator, the echo, and for both rates the flood and the desk's image.

    Raises:
        ProcessLost: something is missing.
    """
    make(folder, "avr_board", "echo-avr.hex", FLOOD, DESK)
    make(folder / "fast", FLOOD, DESK, f"DEFINES=-DBAUD={FAST}UL")


@contextlib.contextmanager
def uno(harness: Path, image: Path) -> Iterator[str]:
    """Run an emulated Uno while the block runs; its port."""
    process = subprocess.Popen(
        [harness, "0", image], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    if process.stdin is None or process.stdout is None:
        raise ProcessLost("The emulator has no standard streams.")
    try:
        port = process.stdout.readline().split()[1]
        process.stdin.write("pin 2 0\n")  # the emergency stop is closed
        drain = threading.Thread(target=list, args=(process.stdout,), daemon=True)
        drain.start()
        yield port
    finally:
        process.kill()
        process.wait()
        drain.join()
        process.stdin.close()
        process.stdout.close()
