"""The board's frame codec in C, against PyPI's cobs and fastcrc; the host's against the board's."""

from __future__ import annotations

import ctypes

import pytest
from cobs import cobs
from fastcrc import crc16
from handrail.v1 import link_layout
from handrail.v1.link_layout import Ack, AskClock, Command, Event, Samples, Stop
from handrail_drivers.board.frames import LONGEST, Splitter, frame, guarded
from hypothesis import given
from hypothesis import strategies as st

PAYLOADS = st.binary(min_size=1, max_size=251)
# Zeros and long runs without, where stuffing has its corners.
RUNS = st.lists(st.sampled_from([b"\0", b"\x01", b"\xff", b"abcde" * 20]), max_size=60).map(
    lambda parts: b"".join(parts)[:251]
)


@pytest.fixture(scope="module")
def core(core_library):
    library = ctypes.CDLL(str(core_library))
    library.hr_frame_crc.restype = ctypes.c_uint16
    library.hr_guard_crc.restype = ctypes.c_uint16
    library.hr_incoming_end.restype = ctypes.c_int16
    return library


class Outgoing(ctypes.Structure):
    """`hr_outgoing` of core/frame.h."""

    _fields_ = (("at", ctypes.c_uint8), ("code", ctypes.c_uint8), ("crc", ctypes.c_uint16))


def closed(core, data: bytes, place: int = 0, piece: int = 251) -> bytes:
    """Have the core make a frame in its ring, from a place on, piece by piece; return it."""
    ring = ctypes.create_string_buffer(256)
    out = Outgoing()
    core.hr_outgoing_begin(ctypes.byref(out), ring, place, data[0])
    for at in range(1, len(data), piece):
        part = data[at : at + piece]
        core.hr_outgoing_put(ctypes.byref(out), ring, part, len(part))
    core.hr_outgoing_end(ctypes.byref(out), ring)
    return (ring.raw[place:] + ring.raw[:place])[: (out.at - place) % 256]


class Incoming(ctypes.Structure):
    """`hr_incoming` of core/frame.h."""

    _fields_ = (
        ("octets", ctypes.c_char_p),
        ("room", ctypes.c_uint8),
        ("count", ctypes.c_uint8),
        ("left", ctypes.c_uint8),
        ("zero", ctypes.c_bool),
        ("broken", ctypes.c_bool),
        ("crc", ctypes.c_uint16),
    )


def taken(core, data: bytes, room: int = 255) -> tuple[Incoming, ctypes.Array]:
    """Have the core take octets that are not zero."""
    octets = ctypes.create_string_buffer(room)
    incoming = Incoming(ctypes.cast(octets, ctypes.c_char_p), room)
    core.hr_incoming_begin(ctypes.byref(incoming))
    for octet in data:
        core.hr_incoming_take(ctypes.byref(incoming), octet)
    return incoming, octets


def opened(core, data: bytes, room: int = 255) -> bytes | int:
    """Return a frame's payload, or why there is none."""
    incoming, octets = taken(core, data, room)
    size = core.hr_incoming_end(ctypes.byref(incoming))
    return octets.raw[:size] if size > 0 else size


@given(data=PAYLOADS | RUNS.filter(len), place=st.integers(0, 255), piece=st.integers(1, 251))
def test_a_frame_is_one_of_cobs_wherever_and_in_whatever_pieces_it_is_made(
    core, data, place, piece
):
    whole = cobs.encode(data + crc16.ibm_3740(data).to_bytes(2, "little")) + b"\0"
    assert closed(core, data, place, piece) == whole


@given(data=st.lists(st.integers(1, 255), max_size=255).map(bytes) | PAYLOADS.map(cobs.encode))
def test_taking_apart_takes_what_cobs_takes_and_nothing_else(core, data):
    try:
        expected = cobs.decode(data)
    except cobs.DecodeError:
        expected = None
    incoming, octets = taken(core, data)
    assert (None if incoming.left else octets.raw[: incoming.count]) == expected


@given(data=st.binary(max_size=255), start=st.integers(0, 0xFFFF))
def test_both_crcs_are_those_of_fastcrc(core, data, start):
    assert core.hr_frame_crc(start, data, len(data)) == crc16.ibm_3740(data, start)
    inverted = core.hr_guard_crc(start, data, len(data)) ^ 0xFFFF
    assert inverted == crc16.en_13757(data, start ^ 0xFFFF)


@given(data=PAYLOADS)
def test_a_closed_frame_opens_to_the_same(core, data):
    frame = closed(core, data)
    assert len(frame) == len(data) + 4
    assert opened(core, frame[:-1]) == data
    assert opened(core, frame[:-1], room=len(data) + 2) == data
    assert opened(core, frame[:-1], room=len(data) + 1) == -1


def test_nothing_is_no_frame_and_no_fault(core):
    assert opened(core, b"") == 0


@given(data=PAYLOADS, place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_no_frame_with_one_flipped_bit_opens(core, data, place, bit):
    whole = bytearray(cobs.encode(data + crc16.ibm_3740(data).to_bytes(2, "little")))
    whole[place % len(whole)] ^= 1 << bit
    assert all(isinstance(opened(core, part), int) for part in whole.split(b"\0"))


MESSAGES = st.one_of(
    st.builds(AskClock, st.integers(0, 0xFFFF)),
    st.builds(Stop, st.integers(0, 0xFFFF)),
    st.builds(
        Samples,
        st.integers(0, 255),
        st.integers(0, 255),
        st.integers(0, 0xFFFF),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=48),
    ),
)


@given(messages=st.lists(MESSAGES, max_size=5), cut=st.integers(1, 9))
def test_messages_come_whole_in_whatever_pieces(messages, cut):
    octets = b"".join(map(frame, messages))
    splitter = Splitter()
    found = []
    for at in range(0, len(octets), cut):
        found += splitter.feed(octets[at : at + cut])
    assert found == messages
    assert (splitter.broken, splitter.unknown) == (0, 0)


@given(noise=st.binary(max_size=3 * LONGEST), message=MESSAGES)
def test_after_any_noise_and_a_zero_the_next_message_comes(noise, message):
    splitter = Splitter()
    splitter.feed(noise + b"\0")
    assert splitter.feed(frame(message)) == [message]


def test_a_message_of_a_newer_version_is_counted_and_left_aside():
    payload = bytes((200, 1, 2, 3))
    crc = crc16.ibm_3740(payload).to_bytes(2, "little")
    splitter = Splitter()
    assert splitter.feed(cobs.encode(payload + crc) + b"\0") == []
    assert (splitter.broken, splitter.unknown) == (0, 1)


def test_a_guard_is_of_one_session():
    command = Command(1, 2, 3, 0)
    assert guarded(command, 7) == guarded(command, 7)
    assert guarded(command, 7) != guarded(command, 8)


@pytest.mark.parametrize(
    "kind", [kind for number, kind in link_layout.MESSAGES.items() if number > 127]
)
def test_who_waits_for_a_board_never_waits_for_more_than_comes(kind):
    data = b"ab" if kind.REST else b""
    octets = frame(kind.unpack(bytes(kind.LAYOUT.size) + data))
    splitter = Splitter()
    for left in range(len(octets), 0, -1):
        assert 1 <= splitter.wanting <= left
        splitter.feed(octets[-left : len(octets) - left + 1])
    assert splitter.broken == 0


def test_who_has_the_beginning_of_an_answer_waits_for_all_of_its_rest():
    octets = frame(Ack(7, 1, 2, 0x01020304, 0x05060708))
    splitter = Splitter()
    splitter.feed(octets[: splitter.wanting])
    assert splitter.wanting == len(octets) - len(frame(Event(0, 0, 0, 0)))
