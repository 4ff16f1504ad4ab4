"""An Uno on simavr, as its harness gives it: machine code on a port that resets it when opened."""

from __future__ import annotations

import subprocess
from pathlib import Path

from board_process import BoardProcess

BOOTLOADER = 0x7E00  # where an Uno starts
# Pins by an Uno's numbers, of firmware/ports/avr/pins.h.
RED, YELLOW, GREEN, STOP, PUSHER, DISTANCE = 4, 5, 6, 2, 9, 14
BUZZER, STEP = 3, 7


class AvrProcess(BoardProcess):
    """One board; a context manager.

    Args:
        harness: the program.
        start: where it starts after a reset.
        images: Intel HEX files that are in its flash.
    """

    def __init__(self, harness: Path, start: int, *images: Path) -> None:
        self._command = [str(harness), hex(start), *map(str, images)]
        self._open = ()
        self._start()

    def _popen(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        word, self.path = process.stdout.readline().split()
        assert word == "port"
        return process
