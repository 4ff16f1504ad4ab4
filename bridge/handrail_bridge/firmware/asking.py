"""Asks a board on a port what it is, past any bridge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from handrail_drivers.board.driver import Board
from handrail_drivers.board.report import BoardReport
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import BoardSilent
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.serial_port import SerialPort


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """One channel, as it is told to people."""

    name: str
    kind: str
    effect: str
    unit: str
    low: float
    high: float
    safe: float | None  # to which it goes by itself; of an output, None: to none
    by_itself: str  # what an output does where nobody commands it
    max_age: float | None  # s
    text: str


@dataclass(frozen=True, slots=True)
class BoardInfo:
    """What a board says of itself."""

    port: str
    report: BoardReport
    channels: tuple[ChannelReport, ...]


@contextmanager
def asked(port: str, baud: int, wait: float) -> Iterator[Board]:
    """Talk to the board on a port while the block runs.

    Raises:
        BusLost: the port cannot be opened.
        BoardSilent: nobody says hello within ``wait`` [s], or it cannot be understood.
    """
    SerialPort(port, baud).close()  # raises what is wrong with the port itself
    settings = BoardSettings(port=port, baud=baud, wait=wait, timeout=0.5)
    board = Board(port, settings, LastingPort(port, partial(SerialPort, port, baud)))
    board.connect()
    try:
        if not board.wait_ready(wait):
            raise BoardSilent(
                f"No board says hello on {port}: {board.why_not}",
                subject=port,
                hint="flash it: `handrail firmware flash`",
            )
        yield board
    finally:
        board.close()


def info(port: str, baud: int, wait: float) -> BoardInfo:
    """Return what the board on a port says of itself."""
    with asked(port, baud, wait) as board:
        return describe(port, board)


def describe(port: str, board: Board) -> BoardInfo:
    """Return what a board says of itself."""
    channels = tuple(
        ChannelReport(
            name=one.name,
            kind=one.kind.name.lower(),
            effect=str(one.effect),
            unit=one.unit,
            low=one.low,
            high=one.high,
            safe=one.safe if one.writable else None,
            by_itself=one.by_itself if one.writable else "",
            max_age=one.max_age if one.writable else None,
            text=one.text,
        )
        for one in board.channels.values()
    )
    return BoardInfo(port, board.read_board(), channels)
