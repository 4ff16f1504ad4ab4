"""Has a programmer write an image: tells how far it is, and ends it where that is asked for."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from handrail_drivers.errors import BoardFault, BusLost, HandrailError
from handrail_drivers.serial_port import KeptPort, SerialPort

from handrail_bridge.firmware.boards import BoardKind, Programmer

LONGEST = 180.0  # s that a programmer may take
LOOK = 0.1  # s between two looks whether it was interrupted
BAR = 50  # signs of avrdude's bar
USUAL = 115_200  # bit/s, for a look at a port of which the programmer has its own idea
TELLING = ("error", "not in sync", "can't", "cannot")  # in the line that says what is wrong
IDLE = ("thank you", "ioctl")  # avrdude's farewell, whatever became of it; and of any emulated port

Progress = Callable[[str, float], None]  # what is done now, and how far it is


class Interruption(threading.Event):
    """Set where another thread is to end its work, and why that is."""

    why = ""

    def because(self, why: str) -> None:
        """Set it; the first to say why is right."""
        if not self.is_set():
            self.why = why
            self.set()


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes images into the board at a port."""

    kind: BoardKind
    programmer: Programmer
    port: str
    progress: Progress
    interruption: Interruption = field(default_factory=Interruption)

    def lost(self, error: HandrailError) -> None:
        """Write no more: somebody else may move by now."""
        self.interruption.because(f", for the right to move was lost ({error.message})")

    def write(self, image: Path) -> int:
        """Flash it at the first rate at which that works; return the rate [bit/s].

        Raises:
            BoardFault: it did not work, or was interrupted.
        """
        said = ""
        for baud in self.programmer.bauds:
            status, said = self._try(image, baud)
            if status == 0:
                return baud
            self.progress(f"it did not work at {baud} bit/s", 0.0)
        raise self.failed(f"{self.programmer.name} failed: {reason(said)}.")

    def failed(self, message: str) -> BoardFault:
        """Return the error that says so, and how the board is flashed again."""
        return BoardFault(message, subject=self.port, hint=self.kind.rescue)

    def _try(self, image: Path, baud: int) -> tuple[int, str]:
        self._require_uninterrupted()
        self._require_free(baud)
        child = [sys.executable, "-m", "handrail_bridge.firmware.child", str(os.getpid())]
        process = subprocess.Popen(
            [*child, *self.programmer.command(self.port, image, baud)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # each says on another one what matters
            start_new_session=True,  # Ctrl-C is ours to act on
        )
        deadline = time.monotonic() + LONGEST
        try:
            with contextlib.ExitStack() as held:
                said = self._follow(process.stdout, deadline, held) if process.stdout else ""
            return process.wait(max(deadline - time.monotonic(), 1.0)), said
        except subprocess.TimeoutExpired:
            raise self._endless() from None
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()

    def _require_free(self, baud: int) -> None:
        """Who has the port keeps it; one whose last user was killed is put in order."""
        try:
            SerialPort(self.port, baud or USUAL).close()
        except BusLost as error:
            raise self._taken(error) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with KeptPort(self.port) as kept:
                kept.lock()
                yield
        except BusLost as error:
            raise self._taken(error) from error

    def _taken(self, error: BusLost) -> BoardFault:
        return BoardFault(error.message, subject=self.port, hint=error.hint or self.kind.rescue)

    def _follow(self, stream: IO[bytes], deadline: float, held: contextlib.ExitStack) -> str:
        """Read what a programmer says; tell how far its bar is, or the last line without one.

        The port is locked as soon as it says anything: before, it has to open the port itself,
        since that resets many boards, whose bootloaders listen for a second then.
        """
        said, stage = "", ""
        for octet in self._octets(stream, deadline):
            if not said:
                held.enter_context(self._locked())
            said += octet.decode("utf-8", "replace")
            if octet == b"|":
                stage = said.rstrip("| ").rpartition("\n")[2].strip() or stage
            elif octet == b"#":
                bar = said.rpartition("|")[2].count("#")
                self.progress(stage.lower() or "flashing", min(bar / BAR, 1.0))
            elif octet in b"\r\n" and (line := _lines(said)[-1:]) and "|" not in line[0]:
                self.progress(line[0].lower(), 0.0)
        return said

    def _octets(self, stream: IO[bytes], deadline: float) -> Iterator[bytes]:
        """Read as it comes, until there is no more.

        Raises:
            BoardFault: it was interrupted, or takes too long.
        """
        while True:
            self._require_uninterrupted()
            if time.monotonic() > deadline:
                raise self._endless()
            if select.select([stream], (), (), LOOK)[0]:
                if not (octet := os.read(stream.fileno(), 1)):
                    return
                yield octet

    def _require_uninterrupted(self) -> None:
        if self.interruption.is_set():
            name, why = self.programmer.name, self.interruption.why
            raise self.failed(f"{name} was interrupted{why}; the image may not be whole.")

    def _endless(self) -> BoardFault:
        return self.failed(f"{self.programmer.name} does not come to an end.")


def reason(said: str) -> str:
    """Return the line of a programmer that failed which says why."""
    lines = [line for line in _lines(said) if not any(word in line.lower() for word in IDLE)]
    telling = [line for line in lines if any(word in line.lower() for word in TELLING)]
    return (telling or lines or ["it said nothing"])[-1].rstrip(".")


def _lines(said: str) -> list[str]:
    return [line.strip() for line in re.split(r"[\r\n]", said) if line.strip()]
