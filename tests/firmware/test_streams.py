"""Streams in virtual time: sampled by the board's own clock, a frame full at once."""

from __future__ import annotations

import itertools
import struct

import pytest
from handrail.v1.link_layout import AckResult, AskStatus, Samples, Status
from virtual_board import (
    BUZZER_CHANNEL,
    DISTANCE,
    DISTANCE_CHANNEL,
    STOP_CHANNEL,
    TEMPERATURE,
    WHEEL,
)


def samples(messages, channel):
    return [one for one in messages if isinstance(one, Samples) and one.channel == channel]


def values(found, letter="h"):
    return [value for one in found for (value,) in struct.iter_unpack(f"<{letter}", one.data)]


@pytest.mark.parametrize("period", [1000, 1030])  # us; the main loop turns every 50
def test_samples_are_a_period_apart_and_none_is_lost(virtual, period):
    virtual.greet()
    virtual.order(f"analog {DISTANCE} 512")
    virtual.stream(DISTANCE_CHANNEL, period)
    found = samples(virtual.run(1_000_000), DISTANCE_CHANNEL)
    assert [one.count for one in found] == [n % 256 for n in range(len(found))]
    assert all(one.late < 60 for one in found)
    gaps = {(b.time - a.time, len(a.data) // 2) for a, b in itertools.pairwise(found)}
    assert gaps == {(24 * period, 24)}
    assert set(values(found)) == {512}


def test_a_frame_waits_no_longer_than_its_patience(virtual):
    virtual.greet()
    virtual.stream(DISTANCE_CHANNEL, 10_000, patience_ms=25)
    found = samples(virtual.run(500_000), DISTANCE_CHANNEL)
    assert {len(one.data) // 2 for one in found} == {3}


def test_a_sample_waits_for_no_company_that_comes_too_late(virtual):
    virtual.greet()
    virtual.stream(DISTANCE_CHANNEL, 100_000, patience_ms=6)
    virtual.run(97_000)  # the command took a millisecond
    (found,) = samples(virtual.run(3000), DISTANCE_CHANNEL)
    assert len(found.data) // 2 == 1


def test_where_one_stream_ends_the_others_go_on(virtual):
    virtual.greet()
    virtual.order(f"analog {DISTANCE} 512")
    channels = (STOP_CHANNEL, WHEEL, DISTANCE_CHANNEL)
    for channel in channels:
        virtual.stream(channel, 1000, patience_ms=3)
    before = virtual.run(20_000)
    for channel in channels[:2]:
        assert virtual.stream(channel, 0).result == AckResult.DONE
        before += virtual.run(20_000)
    after = virtual.run(20_000)
    assert not samples(after, STOP_CHANNEL) + samples(after, WHEEL)
    found = samples(before + after, DISTANCE_CHANNEL)
    assert set(values(found)) == {512}
    assert {b.count - a.count for a, b in itertools.pairwise(found)} == {1}
    assert len(samples(after, DISTANCE_CHANNEL)) == 5


def test_wide_channels_have_four_octets(virtual):
    virtual.greet()
    virtual.stream(WHEEL, 1000, patience_ms=0)
    found = samples(virtual.run(20_000), WHEEL)
    assert set(values(found, "i")) == {0}
    assert len(found) >= 19


def test_four_streams_and_no_fifth(virtual):
    virtual.greet()
    assert [virtual.stream(n, 10_000).result for n in (STOP_CHANNEL, DISTANCE_CHANNEL, 7, 8)] == [
        AckResult.DONE
    ] * 4
    assert virtual.stream(9, 10_000).result == AckResult.NO_ROOM
    virtual.stream(7, 0)
    assert virtual.stream(9, 10_000).result == AckResult.DONE


def test_an_output_that_is_only_written_is_not_streamed(virtual):
    virtual.greet()
    assert virtual.stream(BUZZER_CHANNEL, 10_000).result == AckResult.WRONG_DIRECTION


@pytest.mark.parametrize("period", [1_000_001, 2**32 - 1])
def test_a_period_beyond_a_second_is_refused(virtual, period):
    virtual.greet()
    assert virtual.stream(DISTANCE_CHANNEL, period).result == AckResult.NO_ROOM


def test_a_period_that_cannot_be_kept_is_told_as_missed(virtual):
    virtual.greet()
    virtual.stream(DISTANCE_CHANNEL, 10)  # the loop turns every 50 us
    found = samples(virtual.run(100_000), DISTANCE_CHANNEL)
    status = next(one for one in virtual.say(AskStatus(0)) if isinstance(one, Status))
    taken = sum(len(one.data) // 2 for one in found)
    assert status.missed > 7_000
    assert 900 < taken < 2_100  # each that was told of was taken


def test_a_sensor_that_does_not_answer_makes_a_gap_not_a_number(virtual):
    virtual.greet()
    virtual.order("sensor 2560")
    virtual.stream(TEMPERATURE, 1000, patience_ms=5)
    virtual.run(20_000)
    virtual.order("sensor 99999")
    virtual.run(20_000)
    silent = samples(virtual.run(20_000), TEMPERATURE)
    assert silent == []
    virtual.order("sensor -256")
    assert set(values(samples(virtual.run(20_000), TEMPERATURE))) == {-256}


def test_a_new_session_ends_streams(virtual):
    virtual.greet()
    virtual.stream(DISTANCE_CHANNEL, 1000)
    virtual.session += 1
    virtual.greet()
    assert not samples(virtual.run(100_000), DISTANCE_CHANNEL)


def test_on_a_full_line_every_question_is_answered_and_samples_give_way(virtual):
    virtual.greet()
    virtual.stream(STOP_CHANNEL, 100)
    virtual.order("line 11")  # octets a ms, some 115200 bit/s: half of what that takes
    virtual.run(200_000)
    for token in range(1, 40):
        answers = virtual.say(AskStatus(token)) + virtual.run(20_000)
        said = [one for one in answers if isinstance(one, Status)]
        assert [one.token for one in said] == [token]
    assert said[0].unsent > 0
