"""The host port as a process in real time, on a pseudo-terminal: a board to plug in."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import tty
from pathlib import Path
from typing import Any, TypeVar

from handrail_drivers.board.driver import Board
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.serial_port import SerialPort
from virtual_board import TIMEOUT, Change

READY = 20.0  # s
T = TypeVar("T")


class BoardProcess:
    """One board; a context manager. ``path`` is its port, also after another start."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._open = (self._master, self._slave)
        self.path = os.ttyname(self._slave)
        self._start()

    def _popen(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self._program, str(self._master)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self._master,),
            text=True,
            bufsize=1,
        )

    def _start(self) -> None:
        self._process = self._popen()
        self.changes: list[Change] = []
        self.changed = threading.Condition()
        self._answers: queue.Queue[list[str]] = queue.Queue()
        self._reader = threading.Thread(
            target=self._read, args=(self._process, self.changes), daemon=True
        )
        self._reader.start()

    def _read(self, process: subprocess.Popen[str], changes: list[Change]) -> None:
        said: list[str] = []
        for line in process.stdout:
            words = line.split()
            if words == ["."]:
                self._answers.put(said)
                said = []
            elif words[0] in ("pin", "pulse", "drive"):
                with self.changed:
                    changes.append(Change(words[0], *map(int, words[1:])))
                    self.changed.notify_all()
            else:
                said += words

    def order(self, line: str) -> list[str]:
        """Give an order of ports/host/main.c; return the words that it printed."""
        self._process.stdin.write(line + "\n")
        return self._answers.get(timeout=TIMEOUT)

    def await_change(
        self, pin: int, value: int, timeout: float = TIMEOUT, within: int = 0
    ) -> Change:
        """Return the newest change of a pin, once it is to this value, or near it."""

        def newest() -> Change | None:
            own = [one for one in self.changes if one.pin == pin]
            return own[-1] if own and abs(own[-1].value - value) <= within else None

        with self.changed:
            assert self.changed.wait_for(lambda: newest() is not None, timeout), self.changes
            found = newest()
            assert found is not None
            return found

    def power_off(self) -> None:
        """The board is mute; its port stays."""
        self._process.kill()
        self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        self._process.stdin.close()
        self._process.stdout.close()

    def power_on(self, program: Path | None = None) -> None:
        """Start it again, or another image."""
        self._program = program or self._program
        self._start()

    def __enter__(self) -> BoardProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()
        for descriptor in self._open:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def opened(process: BoardProcess, **settings: Any) -> Board:
    """Our driver on a board's port; it may not have heard of the board yet."""
    given = BoardSettings(port=process.path, **settings)
    port = LastingPort(process.path, lambda: SerialPort(given.port, given.baud))
    device = Board("board", given, port)
    device.connect()
    return device
