"""How many samples a second a board sustains, by its own clock, and what share of the line."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from pathlib import Path

from handrail.v1.link_layout import Samples
from handrail_drivers.board.frames import Splitter
from handrail_drivers.board.session import Sample

from handrail_bridge.bench.firmware.commands import board
from handrail_bridge.bench.firmware.emulated import DESK, FLOOD, uno
from handrail_bridge.bench.reference.serial_flood import heard

CHANNEL = "emergency_stop"
OCTETS = 2  # of a sample
BITS = 10  # of an octet on the line
TICKS = 2_000_000  # of the flood's counter, a second


@dataclass(frozen=True, slots=True)
class Sustained:
    """The fastest stream that lost nothing."""

    rate: float  # samples a second
    baud: int

    @property
    def share(self) -> float:
        """Of the line's bits, those that are samples."""
        return self.rate * OCTETS * BITS / self.baud


def flooded(harness: Path, images: Path, baud: int, s: float) -> Sustained:
    """Return what the same chip sends that does nothing else, by its own clock and count."""
    with uno(harness, images / FLOOD) as port:
        octets = heard(port, baud, int(s * baud / BITS))
    frames = [one for one in Splitter().feed(octets) if isinstance(one, Samples)]
    sent = sum((b.count - a.count) % 256 for a, b in itertools.pairwise(frames))
    ticks = frames[-1].time - frames[0].time
    return Sustained(sent * (len(frames[0].data) // OCTETS) * TICKS / ticks, baud)


def sustained(
    harness: Path, images: Path, baud: int, rates: tuple[float, ...], s: float
) -> Sustained:
    """Return the fastest of some rates [Hz] at which nothing is lost for so long.

    The time is the board's: an emulator that cannot keep pace does not count.
    """
    best = Sustained(0.0, baud)
    with uno(harness, images / DESK) as port:
        for rate in rates:
            if not _is_kept(port, rate, s):
                break
            best = Sustained(rate, baud)
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
