"""How many samples a second a board sustains, by its own clock, and what share of the line."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from handrail_drivers.board.session import Sample

from handrail_bridge.bench.firmware.commands import board
from handrail_bridge.bench.firmware.emulated import uno

CHANNEL = "emergency_stop"
OCTETS = 2  # of a sample
BITS = 10  # of an octet on the line


@dataclass(frozen=True, slots=True)
class Sustained:
    """The fastest stream that lost nothing."""

    rate: float  # samples a second
    share: float  # of the line's bits that are samples


def sustained(
    folder: Path, image: Path, baud: int, rates: tuple[float, ...], s: float
) -> Sustained:
    """Return the fastest of some rates [Hz] at which nothing is lost for so long.

    The time is the board's: an emulator that cannot keep pace does not count.
    """
    best = Sustained(0.0, 0.0)
    with uno(folder / "avr_board", image) as port:
        for rate in rates:
            if not _is_kept(port, rate, s):
                break
            best = Sustained(rate, rate * OCTETS * BITS / baud)
    return best


def _is_kept(port: str, rate: float, s: float) -> bool:
    wanted = int(rate * s)
    with board(port, {CHANNEL: rate}) as device:
        enough, count = threading.Event(), [0]

        def taken(_name: str, _sample: Sample) -> None:
            count[0] += 1
            if count[0] >= wanted:
                enough.set()

        device.on_sample = taken
        enough.wait(100 * s)
        said = device.read_board()
        return enough.is_set() and said.gaps + said.faults.unsent + said.faults.missed == 0
