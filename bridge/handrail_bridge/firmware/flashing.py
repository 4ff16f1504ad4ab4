"""Flashes a board: nothing moves meanwhile, it is read back, and the board says hello."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from handrail_drivers.errors import BoardFault, HandrailError, Refused
from handrail_drivers.serial_port import SerialPort

from handrail_bridge import run_dir
from handrail_bridge.client import Client
from handrail_bridge.firmware.asking import BoardInfo, info
from handrail_bridge.firmware.boards import BoardKind, Programmer
from handrail_bridge.firmware.images import Images
from handrail_bridge.loop.state import Mode
from handrail_bridge.rail.audit import AuditLog

LOG = "firmware"  # what `handrail audit show` calls its log
LONGEST = 180.0  # s that a programmer may take
LOOK = 0.1  # s between two looks whether it was interrupted
BAR = 50  # signs of avrdude's bar
HOLDER = "handrail firmware flash"
HELLO = 10.0  # s from the end of flashing to the board's hello, its bootloader's wait included
LINK_BAUD = 115_200
MOVES = (Mode.MOVING, Mode.STOPPING)

Progress = Callable[[str, float], None]  # what is done now, and how far it is


@dataclass(frozen=True, slots=True)
class FlashReport:
    """What was flashed, and what the board says since."""

    id: str
    port: str
    board: str
    programmer: str
    exercised: bool  # whether anybody has seen this programmer do it
    digest: str
    before: str  # digest of the image of before; empty: not known
    baud: int
    seconds: float
    info: BoardInfo


async def flash(
    kind: BoardKind,
    programmer: Programmer,
    port: str,
    image: Path,
    progress: Progress,
    hello: float = HELLO,
) -> FlashReport:
    """Write an image into a board, compare it, and wait for the board's hello.

    Raises:
        Refused: a lease of a running bridge is held, or something moves; or no programmer.
        BusLost: the port is not there, or a bridge has it.
        BoardFault: it did not work; the hint says how the board is flashed again.
    """
    if shutil.which(programmer.command(port, image, 0)[0]) is None:
        raise Refused(
            f"There is no {programmer.name}.", hint=f"apt-get install {programmer.package}"
        )
    folder = run_dir.state_dir(LOG)
    images = Images(folder)
    digest = images.keep(image)
    work = _Work(kind, programmer, port, images, progress, hello)
    with contextlib.closing(AuditLog(folder)) as log:
        async with nothing_moves():
            SerialPort(port, LINK_BAUD).close()  # a bridge that has it keeps it
            return await _written_down(log, work, digest)


async def _written_down(log: AuditLog, work: _Work, digest: str) -> FlashReport:
    """Do the work in a thread, its beginning and its end in the log."""
    receipt = secrets.token_hex(8)
    log.append("flash", id=receipt, port=work.port, board=work.kind.name, digest=digest)
    try:
        report = await _done(work, receipt, digest)
    except BaseException as error:
        detail = error.detail() if isinstance(error, HandrailError) else repr(error)
        log.append("flash_failed", id=receipt, error=detail)
        raise
    said = report.info.report
    log.append(
        "flashed",
        id=receipt,
        digest=digest,
        before=report.before,
        baud=report.baud,
        application=said.application,
        version=said.version,
        link=said.link,
    )
    return report


async def _done(work: _Work, receipt: str, digest: str) -> FlashReport:
    """Do it in a thread; being cancelled interrupts it, and waits until nothing is written more."""
    working = asyncio.ensure_future(asyncio.to_thread(work.run, receipt, digest))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        work.interrupted.set()
        await asyncio.wait({working})
        return working.result()


@contextlib.asynccontextmanager
async def nothing_moves() -> AsyncIterator[None]:
    """Hold every right to move that there is, so that nobody begins to move meanwhile.

    Raises:
        Refused: something moves.
        LeaseRefused: somebody holds a lease.
    """
    async with contextlib.AsyncExitStack() as stack:
        for bridge in run_dir.all_running():
            rail = await stack.enter_async_context(Client.connect(bridge.address))
            if (await rail.state()).mode in MOVES:
                raise Refused(
                    f"The cell {bridge.cell!r} moves.",
                    field=bridge.cell,
                    hint="wait for the plan's end, or stop it, then flash",
                )
            await stack.enter_async_context(rail.lease(HOLDER))
        yield


@dataclass(frozen=True, slots=True)
class _Work:
    """What happens in a thread, while the leases' heartbeats go on."""

    kind: BoardKind
    programmer: Programmer
    port: str
    images: Images
    progress: Progress
    hello: float
    interrupted: threading.Event = field(default_factory=threading.Event)

    def run(self, receipt: str, digest: str) -> FlashReport:
        began = time.monotonic()
        known = self.images.of(self.port)
        self.images.begins(self.port)
        baud = self._write(self.images.path(digest))
        has = self.images.flashed(self.port, digest, known)
        self.progress("waiting for the board's hello", 1.0)
        try:
            found = info(self.port, LINK_BAUD, self.hello)
        except HandrailError as error:
            raise self._failed(f"It is written, and says no hello: {error.message}") from error
        return FlashReport(
            id=receipt,
            port=self.port,
            board=self.kind.name,
            programmer=self.programmer.name,
            exercised=self.programmer.exercised,
            digest=digest,
            before=has.before,
            baud=baud,
            seconds=time.monotonic() - began,
            info=found,
        )

    def _write(self, image: Path) -> int:
        """Flash it at the first rate at which that works; return the rate [bit/s]."""
        said = ""
        for baud in self.programmer.bauds:
            status, said = self._try(image, baud)
            if status == 0:
                return baud
            self.progress(f"it did not work at {baud} bit/s", 0.0)
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        raise self._failed(f"{self.programmer.name} failed: {last[0].strip()}.")

    def _try(self, image: Path, baud: int) -> tuple[int, str]:
        command = self.programmer.command(self.port, image, baud)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is ours to act on
        )
        deadline = time.monotonic() + LONGEST
        try:
            said = self._follow(process.stderr, deadline) if process.stderr else ""
            return process.wait(max(deadline - time.monotonic(), 1.0)), said
        except subprocess.TimeoutExpired:
            raise self._endless() from None
        finally:
            process.kill()
            process.wait()
            if process.stderr:
                process.stderr.close()

    def _follow(self, stream: IO[bytes], deadline: float) -> str:
        """Read what a programmer says, and tell how far its bar is."""
        said, stage = "", ""
        for octet in self._octets(stream, deadline):
            said += octet.decode("utf-8", "replace")
            if octet == b"|":
                stage = said.rstrip("| ").rpartition("\n")[2].strip() or stage
            elif octet == b"#":
                bar = said.rpartition("|")[2].count("#")
                self.progress(stage.lower() or "flashing", min(bar / BAR, 1.0))
        return said

    def _octets(self, stream: IO[bytes], deadline: float) -> Iterator[bytes]:
        """Read as it comes, until there is no more.

        Raises:
            BoardFault: it was interrupted, or takes too long.
        """
        while not self.interrupted.is_set():
            if time.monotonic() > deadline:
                raise self._endless()
            if select.select([stream], (), (), LOOK)[0]:
                if not (octet := os.read(stream.fileno(), 1)):
                    return
                yield octet
        raise self._failed(f"{self.programmer.name} was interrupted; the image is not whole.")

    def _endless(self) -> BoardFault:
        return self._failed(f"{self.programmer.name} does not come to an end.")

    def _failed(self, message: str) -> BoardFault:
        return BoardFault(message, subject=self.port, hint=self.kind.rescue)
