"""Outputs in virtual time: commands, limits, emergency stop, sessions, versions."""

from __future__ import annotations

import pytest
from cobs import cobs
from fastcrc import crc16
from handrail.v1.link_layout import (
    Ack,
    AckResult,
    AskChannel,
    AskStatus,
    BoardState,
    Channel,
    Command,
    Event,
    EventKind,
    Greet,
    Hello,
    Status,
    Stop,
)
from handrail_drivers.board.frames import guarded
from virtual_board import (
    DISTANCE_CHANNEL,
    GREEN,
    LAMP_GREEN,
    LAMP_RED,
    LAMP_YELLOW,
    PUSHER,
    PUSHER_CHANNEL,
    RED,
    STOP,
    STOP_CHANNEL,
    TURN,
    YELLOW,
    VirtualBoard,
    compiled,
)


def the(kind, messages):
    return next(one for one in messages if isinstance(one, kind))


def status(board) -> Status:
    return the(Status, board.say(AskStatus(1)))


def test_hello_comes_unasked_until_greeted(virtual):
    unasked = [one for one in virtual.run(1_600_000) if isinstance(one, Hello)]
    assert len(unasked) == 4
    assert all(one.session == 0 for one in unasked)
    assert virtual.greet().session == virtual.session
    assert not [one for one in virtual.run(1_600_000) if isinstance(one, Hello)]


def test_outputs_start_at_their_safe_values(virtual):
    levels = {pin: virtual.level(pin) for pin in (RED, YELLOW, GREEN)}
    assert levels == {RED: 1, YELLOW: 0, GREEN: 0}
    assert [one.value for one in virtual.changes if one.kind == "pulse"] == [1000]


def test_an_output_has_its_safe_level_before_it_drives_its_pin(virtual):
    """A lamp that is lit, or a brake that is open, would else go out at every reset."""
    virtual.order("rx")
    levels = [(one.kind, one.value) for one in virtual.changes if one.pin == RED]
    assert levels == [("pin", 1), ("drive", 1)]
    virtual.greet()
    virtual.set(LAMP_RED, 0)
    before = len(virtual.changes)
    virtual.order("reset 4")
    again = [(one.kind, one.pin, one.value) for one in virtual.changes[before:]]
    assert again.index(("pin", RED, 1)) < again.index(("drive", RED, 1))
    assert again.index(("drive", RED, 1)) < again.index(("drive", YELLOW, 0)), "row by row"


def test_a_command_acts_and_is_acknowledged(virtual):
    virtual.greet()
    ack = virtual.set(LAMP_GREEN, 1)
    assert (ack.result, ack.channel, ack.value) == (AckResult.DONE, LAMP_GREEN, 1)
    assert ack.sequence == virtual.sequence
    assert virtual.level(GREEN) == 1


@pytest.mark.parametrize(("value", "limit"), [(999, 1000), (2001, 2000), (-(2**31), 1000)])
def test_a_value_beyond_a_limit_is_refused_with_the_limit(virtual, value, limit):
    virtual.greet()
    virtual.arm()
    before = list(virtual.changes)
    ack = virtual.set(PUSHER_CHANNEL, value)
    assert (ack.result, ack.value) == (AckResult.OUT_OF_RANGE, limit)
    assert virtual.changes == before


@pytest.mark.parametrize(
    ("channel", "result"),
    [(200, AckResult.UNKNOWN_CHANNEL), (DISTANCE_CHANNEL, AckResult.WRONG_DIRECTION)],
)
def test_what_cannot_be_written_is_refused(virtual, channel, result):
    virtual.greet()
    assert virtual.set(channel, 1).result == result


def test_a_repeated_command_is_acknowledged_again_and_not_done_again(virtual):
    virtual.greet()
    command = virtual.sealed(Command, LAMP_GREEN, 1)
    first = the(Ack, virtual.say(command))
    virtual.set(LAMP_GREEN, 0)
    stale = the(Ack, virtual.say(command))  # overtaken by a newer one
    assert first.result == AckResult.DONE
    assert stale.result == AckResult.STALE
    assert virtual.level(GREEN) == 0
    again = virtual.sealed(Command, LAMP_GREEN, 1)
    answers = virtual.say(again, again, again)
    acks = [one for one in answers if isinstance(one, Ack)]
    assert len(acks) == 3
    assert len(set(acks)) == 1  # the time too: it was done once
    assert status(virtual).repeated == 2


def test_a_refused_command_repeated_is_refused_the_same(virtual):
    virtual.greet()
    command = virtual.sealed(Command, PUSHER_CHANNEL, 1500)
    first = the(Ack, virtual.say(command))
    assert first.result == AckResult.NOT_ARMED
    assert the(Ack, virtual.say(command)) == first


def test_a_command_of_another_session_does_nothing_and_gets_no_answer(virtual):
    virtual.greet()
    command = guarded(Command(virtual.sequence + 1, LAMP_GREEN, 1, 0), virtual.session ^ 1)
    assert not [one for one in virtual.say(command) if isinstance(one, Ack)]
    assert virtual.level(GREEN) == 0
    assert status(virtual).bad_guard == 1


def test_without_a_session_nothing_is_commanded(virtual):
    assert virtual.set(LAMP_GREEN, 1).result == AckResult.NO_SESSION
    assert virtual.level(GREEN) == 0


def test_a_new_session_makes_safe_and_disarms(virtual):
    virtual.greet()
    virtual.arm()
    virtual.set(PUSHER_CHANNEL, 1500)
    virtual.session += 1
    virtual.greet()
    assert virtual.changes[-1].value == 1000
    assert virtual.set(PUSHER_CHANNEL, 1500).result == AckResult.NOT_ARMED


def test_the_emergency_stop_needs_no_host(virtual):
    virtual.greet()
    virtual.arm()
    virtual.set(PUSHER_CHANNEL, 1500)
    virtual.set(LAMP_RED, 0)
    virtual.order(f"pin {STOP} 1")
    told = virtual.run(TURN)
    assert {PUSHER: 1000, RED: 1}.items() <= {one.pin: one.value for one in virtual.changes}.items()
    assert [one.kind for one in told if isinstance(one, Event)] == [EventKind.EMERGENCY_STOP]
    assert virtual.set(PUSHER_CHANNEL, 1500).result == AckResult.EMERGENCY_STOP
    assert virtual.arm().result == AckResult.EMERGENCY_STOP
    assert virtual.set(LAMP_YELLOW, 1).result == AckResult.DONE  # may say why it stands


def test_a_released_emergency_stop_does_not_resume(virtual):
    virtual.greet()
    virtual.arm()
    virtual.order(f"pin {STOP} 1")
    virtual.run(1000)
    virtual.order(f"pin {STOP} 0")
    told = virtual.run(60_000)
    assert EventKind.EMERGENCY_STOP_RELEASED in [e.kind for e in told if isinstance(e, Event)]
    assert virtual.set(PUSHER_CHANNEL, 1500).result == AckResult.NOT_ARMED
    assert virtual.arm().result == AckResult.DONE
    assert virtual.set(PUSHER_CHANNEL, 1500).result == AckResult.DONE


def test_a_bouncing_button_is_not_released(virtual):
    virtual.greet()
    for _ in range(10):
        virtual.order(f"pin {STOP} 1")
        virtual.run(1000)
        virtual.order(f"pin {STOP} 0")
        virtual.run(20_000)
    assert virtual.arm().result == AckResult.EMERGENCY_STOP
    assert status(virtual).emergency_stops == 1


def test_stop_needs_neither_session_nor_guard(virtual):
    virtual.greet()
    virtual.arm()
    virtual.set(PUSHER_CHANNEL, 1500)
    ack = the(Ack, virtual.say(Stop(77)))
    assert (ack.sequence, ack.result) == (77, AckResult.DONE)
    assert virtual.changes[-1].value == 1000
    assert virtual.set(PUSHER_CHANNEL, 1500).result == AckResult.NOT_ARMED


def test_reset_begins_safe_and_says_why(virtual):
    virtual.greet()
    virtual.set(LAMP_GREEN, 1)
    virtual.order("reset 4")
    hello = the(Hello, virtual.run(1000))
    assert (hello.session, hello.reset_cause) == (0, 4)
    assert virtual.level(GREEN) == 0


def test_status_tells_the_state(virtual):
    virtual.greet()
    assert status(virtual).state == BoardState.SESSION
    virtual.arm()
    assert status(virtual).state == BoardState.SESSION | BoardState.ARMED
    virtual.order(f"pin {STOP} 1")
    assert status(virtual).state & BoardState.EMERGENCY_STOP


def test_a_board_describes_every_channel(virtual):
    hello = virtual.greet()
    found = [the(Channel, virtual.say(AskChannel(n))) for n in range(hello.channels)]
    assert [one.channel for one in found] == list(range(hello.channels))
    names = [one.name.rstrip(b"\0").decode() for one in found]
    assert names[STOP_CHANNEL] == "emergency_stop"
    assert len(set(names)) == len(names)
    octets = b"".join(one.pack()[1:] for one in found)
    assert crc16.ibm_3740(octets) == hello.description
    beyond = the(Ack, virtual.say(AskChannel(hello.channels)))
    assert beyond.result == AckResult.UNKNOWN_CHANNEL


def test_garbage_is_counted_and_does_no_harm(virtual):
    virtual.greet()
    virtual.octets(b"\xff" * 40 + b"\0" + b"\x05ab\0" + b"\x03\x01\x02\0")
    found = status(virtual)
    assert found.bad_frame + found.bad_crc == 3
    assert virtual.set(LAMP_GREEN, 1).result == AckResult.DONE


@pytest.mark.parametrize("more", [-1, 1])
def test_a_message_of_another_length_is_none(virtual, more):
    virtual.greet()
    payload = (Stop(77).pack() + b"\1")[: len(Stop(77).pack()) + more]
    octets = cobs.encode(payload + crc16.ibm_3740(payload).to_bytes(2, "little")) + b"\0"
    assert not [one for one in virtual.octets(octets) if isinstance(one, Ack)]
    assert status(virtual).bad_frame == 1


# --- versions -----------------------------------------------------------------------------------


def test_a_host_of_another_major_version_gets_a_hello_and_no_session(virtual):
    hello = the(Hello, virtual.say(Greet(2, 0, 3, virtual.session)))
    assert (hello.major, hello.session) == (1, 0)
    assert virtual.set(LAMP_GREEN, 1).result == AckResult.NO_SESSION


def test_a_newer_minor_host_has_its_session(virtual):
    hello = virtual.greet(minor=7, features=0xFFFF)
    assert (hello.minor, hello.session) == (0, virtual.session)


def test_a_message_of_a_newer_version_is_named_unknown(virtual):
    payload = bytes((100, 1, 2))
    octets = cobs.encode(payload + crc16.ibm_3740(payload).to_bytes(2, "little")) + b"\0"
    ack = the(Ack, virtual.octets(octets))
    assert (ack.result, ack.value) == (AckResult.UNKNOWN_MESSAGE, 100)


def test_a_board_of_another_major_version_says_so(tmp_path):
    program = compiled(tmp_path / "board", "-O1", "-DHR_SPEAKS_MAJOR=2", "-DHR_SPEAKS_MINOR=3")
    with VirtualBoard(program) as board:
        hello = board.greet(major=1)
        assert (hello.major, hello.minor, hello.session) == (2, 3, 0)
        assert board.greet(major=2).session == board.session
