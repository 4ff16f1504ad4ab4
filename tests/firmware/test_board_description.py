"""What a board says of itself is believed only where it makes sense."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastcrc import crc16
from handrail.v1.link_layout import Channel, ChannelEffect, ChannelKind, LinkVersion
from handrail_drivers.api import Effect
from handrail_drivers.board.description import described, left_out
from handrail_drivers.errors import BoardFault, InvalidValue
from hypothesis import given
from hypothesis import strategies as st

SERVO = Channel(
    channel=0,
    kind=ChannelKind.SERVO,
    effect=ChannelEffect.MOVE,
    exponent=-3,
    max_age=300,
    low=1000,
    high=2000,
    safe=1500,
    offset=-1500,
    mantissa=2,
    speed=0,
    acceleration=0,
    name=b"pusher".ljust(16, b"\0"),
    unit=b"rad".ljust(8, b"\0"),
    text=b"pushes".ljust(32, b"\0"),
)


def digest(*channels: Channel) -> int:
    return crc16.ibm_3740(b"".join(one.pack()[1:] for one in channels))


def one(channel: Channel):
    (found,) = described("board", [channel], digest(channel)).values()
    return found


def test_a_channel_is_told_in_its_unit():
    found = one(SERVO)
    assert (found.name, found.unit, found.effect) == ("pusher", "rad", Effect.MOVE)
    assert (found.low, found.high, found.value(found.raw_safe)) == (-1.0, 1.0, 0.0)
    assert found.max_age == 0.3
    assert found.writable
    assert not found.readable


@pytest.mark.parametrize(
    ("said", "safe", "by_itself"),
    [
        ({"safe": 1600}, 0.2, "goes to 0.2"),
        ({"safe": 0}, None, "lets go"),
        ({"kind": ChannelKind.STEPPER}, None, "slows down to a stop where it is"),
    ],
)
def test_what_an_output_does_by_itself_is_told(said, safe, by_itself):
    found = one(replace(SERVO, **said))
    assert (found.safe, found.by_itself) == (safe, by_itself)


@given(value=st.floats(-1.0, 1.0))
def test_a_value_within_its_limits_comes_back_to_half_a_count(value):
    found = one(SERVO)
    raw = found.raw(value)
    assert SERVO.low <= raw <= SERVO.high
    assert abs(found.value(raw) - value) <= 0.5 * found.scale + 1e-9


@given(value=st.floats(allow_nan=False).filter(lambda value: abs(value) > 1.01))
def test_a_value_beyond_them_is_refused(value):
    with pytest.raises(InvalidValue) as refused:
        one(SERVO).raw(value)
    assert refused.value.limit in (-1.0, 1.0)


def test_what_is_told_as_a_limit_is_allowed():
    found = one(replace(SERVO, mantissa=1570796, exponent=-9))
    assert found.raw(found.low) == SERVO.low
    assert found.raw(found.high) == SERVO.high


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": b"Pusher".ljust(16, b"\0")},
        {"name": bytes(16)},
        {"name": b"\xff" * 16},
        {"name": b"time_ns".ljust(16, b"\0")},
        {"name": b"error".ljust(16, b"\0")},
        {"low": 2000, "high": 1000},
        {"mantissa": 0},
        {"mantissa": -5},
        {"exponent": 100},
        {"kind": 77},
        {"effect": 0},
        {"effect": ChannelEffect.OBSERVE},  # of an output
        {"max_age": 0},
    ],
    ids=str,
)
def test_nonsense_is_refused_and_says_which_channel(wrong):
    with pytest.raises(BoardFault, match="Channel 0 of board"):
        one(replace(SERVO, **wrong))


@pytest.mark.parametrize("news", [{"kind": 77}, {"effect": 9}], ids=str)
def test_what_only_a_newer_board_knows_is_left_out_and_named(news):
    other = replace(SERVO, channel=1, name=b"gripper".ljust(16, b"\0"), **news)
    both, newer = [SERVO, other], LinkVersion.MINOR + 1
    assert list(described("board", both, digest(*both), newer)) == ["pusher"]
    assert left_out(both, newer) == ("gripper",)
    assert left_out(both, LinkVersion.MINOR) == ()
    with pytest.raises(BoardFault, match="Channel 1 of board"):
        described("board", both, digest(*both), LinkVersion.MINOR)


@given(kind=st.integers(0, 255), effect=st.integers(0, 255), high=st.integers(-(2**31), 2**31 - 1))
def test_nonsense_of_a_newer_board_is_refused_as_any(kind, effect, high):
    """Whatever it says, its channel is understood, left out and named, or the board refused."""
    said = replace(SERVO, kind=kind, effect=effect, high=high)
    newer = LinkVersion.MINOR + 1
    try:
        found = described("board", [said], digest(said), newer)
    except BoardFault:
        return
    assert len(found) + len(left_out([said], newer)) == 1


def test_a_damaged_description_is_refused():
    with pytest.raises(BoardFault, match="damaged"):
        described("board", [SERVO], digest(SERVO) ^ 1)


def test_two_channels_of_one_name_are_refused():
    other = replace(SERVO, channel=1)
    with pytest.raises(BoardFault, match="two channels"):
        described("board", [SERVO, other], digest(SERVO, other))
