"""Flashes a board: nothing moves meanwhile, it is read back, and the board says hello."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from handrail_drivers.errors import HandrailError, Refused
from handrail_drivers.serial_port import KeptPort

from handrail_bridge import run_dir
from handrail_bridge.firmware.asking import BoardInfo, info
from handrail_bridge.firmware.boards import BoardKind, Programmer
from handrail_bridge.firmware.guard import nothing_moves
from handrail_bridge.firmware.images import Images
from handrail_bridge.firmware.writing import Progress, Writer
from handrail_bridge.rail.audit import AuditLog

LOG = "firmware"  # what `handrail audit show` calls its log
HELLO = 10.0  # s from the end of flashing to the board's hello, its bootloader's wait included
LINK_BAUD = 115_200


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
    link_baud: int = LINK_BAUD,
) -> FlashReport:
    """Write an image into a board, compare it, and wait for the board's hello.

    Args:
        kind: of the board.
        programmer: which program writes it.
        port: device file.
        image: as the programmer takes it.
        progress: told what is done now, and how far it is.
        hello: longest wait [s] for it.
        link_baud: bit/s at which it is said.

    Raises:
        Refused: a lease of a running bridge is held, or something moves; or no programmer.
        BusLost: the port is not there, or a bridge has it.
        BoardFault: it did not work, or a right to move was lost meanwhile; the hint says how the
            board is flashed again.
    """
    if shutil.which(programmer.command(port, image, 0)[0]) is None:
        raise Refused(
            f"There is no {programmer.name}.", hint=f"apt-get install {programmer.package}"
        )
    folder = run_dir.state_dir(LOG)
    images = Images(folder)
    digest = images.keep(image)
    writer = Writer(kind, programmer, port, progress)
    with contextlib.closing(AuditLog(folder)) as log:
        async with nothing_moves(writer.lost):
            with KeptPort(port) as kept:
                kept.lock()  # a bridge that has it keeps it
            return await _written_down(log, _Work(writer, images, hello, link_baud), digest)


async def _written_down(log: AuditLog, work: _Work, digest: str) -> FlashReport:
    """Do the work in a thread, its beginning and its end in the log."""
    receipt, at = secrets.token_hex(8), work.writer
    log.append("flash", id=receipt, port=at.port, board=at.kind.name, digest=digest)
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
        work.writer.interruption.because("")
        while not working.done():
            with contextlib.suppress(asyncio.CancelledError):  # told once more
                await asyncio.wait({working})
        return working.result()


@dataclass(frozen=True, slots=True)
class _Work:
    """What happens in a thread, while the leases' heartbeats go on."""

    writer: Writer
    images: Images
    hello: float
    link_baud: int

    def run(self, receipt: str, digest: str) -> FlashReport:
        began, at = time.monotonic(), self.writer
        board = at.kind.name, at.port
        known = self.images.of(*board)
        self.images.begins(*board)
        baud = at.write(self.images.path(digest))
        has = self.images.flashed(*board, digest, known)
        at.progress("waiting for the board's hello", 1.0)
        try:
            found = info(at.port, self.link_baud, self.hello)
        except HandrailError as error:
            raise at.failed(f"It is written, and says no hello: {error.message}") from error
        return FlashReport(
            id=receipt,
            port=at.port,
            board=at.kind.name,
            programmer=at.programmer.name,
            exercised=at.programmer.exercised,
            digest=digest,
            before=has.before,
            baud=baud,
            seconds=time.monotonic() - began,
            info=found,
        )
