"""What the host makes of a frame of samples: values in their unit, each with a time of its own."""

from __future__ import annotations

import struct
import time

import pytest
from fastcrc import crc16
from handrail.v1.link_layout import (
    Ack,
    AckResult,
    Channel,
    ChannelEffect,
    ChannelKind,
    Clock,
    Hello,
    Samples,
    Status,
)
from handrail_drivers.board.session import Sample, Session

HZ = 2_000_000  # ticks in a second
BEGAN = 2**32 - 500_000  # the counter wraps soon
CHANNELS = [
    Channel(
        number,
        ChannelKind.ANALOG_IN,
        ChannelEffect.OBSERVE,
        *(-1, 0, 0, high, 0, 0, 5, 0, 0),
        name.encode(),
        b"m",
        b"",
    )
    for number, (name, high) in enumerate({"narrow": 1023, "wide": 2**30}.items())
]
DESCRIPTION = crc16.ibm_3740(b"".join(one.pack()[1:] for one in CHANNELS))


class ExactLink:
    """A board whose exchanges take no time: its clock is known to the tick."""

    def __init__(self) -> None:
        self.began_ns = time.monotonic_ns()

    def greet(self) -> Hello:
        return Hello(1, 0, 3, 7, len(CHANNELS), 1, DESCRIPTION, 1, HZ, b"", b"")

    def channel(self, number: int) -> Channel:
        return CHANNELS[number]

    def status(self) -> Status:
        return Status(1, 4, *(0,) * 14)

    def clock(self) -> tuple[Clock, int, int]:
        return Clock(1, BEGAN, BEGAN), self.began_ns, self.began_ns

    def stream(self, number: int, _period_us: int, _patience_ms: int) -> Ack:
        return Ack(1, AckResult.DONE, number, 0, 0)


@pytest.mark.parametrize(("number", "letter"), [(0, "h"), (1, "i")])
def test_each_sample_of_a_frame_has_its_value_and_its_time(number, letter):
    found: list[Sample] = []
    link = ExactLink()
    rates = {"narrow": 10_000.0, "wide": 10_000.0}
    session = Session("board", link, rates, lambda _name, sample: found.append(sample))
    raw = [3, -7, 1000, 0, 12]
    begun = (BEGAN + 600_000) % 2**32  # 0.3 s later
    session.told(Samples(number, 9, 20, begun, struct.pack(f"<5{letter}", *raw)))
    assert [one.value for one in found] == [value / 2 for value in raw]
    since = [one.time_ns - link.began_ns for one in found]
    assert since == pytest.approx([300_000_000 + n * 100_000 for n in range(5)], abs=2)
    drift = 0.3004 * 5e-3  # of a clock that is not known better yet
    errors = [one.error_ns for one in found]
    assert errors == pytest.approx([10_000 + drift * 1e9] * 5, rel=1e-3)


def test_a_frame_without_samples_is_none():
    found: list[Sample] = []
    session = Session("board", ExactLink(), {"narrow": 10.0}, lambda _name, one: found.append(one))
    session.told(Samples(0, 0, 0, BEGAN, b""))
    session.told(Samples(0, 1, 0, BEGAN, b"\x01"))
    assert found == []
    assert session.gaps == 0
