"""Frames: what is built is found again, wherever it stands; what is wrong is never taken."""

from __future__ import annotations

import pytest
from handrail_drivers.feetech import codec
from handrail_drivers.feetech.codec import Parser
from handrail_drivers.servos.frames import Frame
from hypothesis import given
from hypothesis import strategies as st
from scservo_sdk import PacketHandler

frames = st.builds(
    Frame, st.integers(0, 253), st.integers(0, 255), st.binary(max_size=codec.MAX_PARAMETERS)
)
noise = st.binary(max_size=40).map(lambda data: data.replace(b"\xff", b"\x00"))


def build(frame: Frame) -> bytes:
    return codec.build(frame.id, frame.code, frame.parameters)


@given(st.lists(st.tuples(noise, frames), max_size=6), st.integers(1, 64))
def test_frames_are_found_in_noise_at_any_chunking(parts, size):
    stream = b"".join(before + build(frame) for before, frame in parts)
    parser = Parser()
    found = []
    for at in range(0, len(stream), size):
        found += parser.feed(stream[at : at + size])
    assert found == [frame for _, frame in parts]
    assert parser.skipped == sum(len(before) for before, _ in parts)
    assert not parser.garbled


@given(frames, st.data())
def test_a_changed_byte_never_passes(frame, data):
    raw = bytearray(build(frame))
    at = data.draw(st.integers(4, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    parser = Parser()
    taken = parser.feed(bytes(raw))
    assert frame.id in parser.garbled or not taken
    assert all(len(part.parameters) < len(frame.parameters) for part in taken)


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_garbage_is_bounded(chunks):
    parser = Parser()
    for chunk in chunks:
        for frame in parser.feed(chunk):
            assert build(frame) in b"".join(chunks)
    assert parser.pending <= codec.MAX_PARAMETERS + codec.OVERHEAD


def test_a_frame_behind_a_wrong_checksum_is_found():
    wrong = bytearray(codec.build(3, 0, b"abcdef"))
    wrong[-1] ^= 1
    parser = Parser()
    assert parser.feed(bytes(wrong) + codec.build(4, 0, b"x")) == [Frame(4, 0, b"x")]
    assert parser.garbled == [3]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_header_bytes_before_a_frame_belong_to_nothing(count):
    parser = Parser()
    assert parser.feed(b"\xff" * count + codec.build(4, 0, b"x")) == [Frame(4, 0, b"x")]
    assert (parser.garbled, parser.skipped) == ([], count)


@pytest.mark.parametrize(("id", "parameters"), [(255, b""), (-1, b""), (1, bytes(300))])
def test_impossible_frames_are_not_built(id, parameters):
    with pytest.raises(ValueError, match="no frame"):
        codec.build(id, 1, parameters)


class Recorder:
    """The vendor's port handler, as far as sending needs it."""

    is_using = False

    def __init__(self) -> None:
        self.sent = b""

    def clearPort(self) -> None: ...

    def setPacketTimeout(self, length) -> None: ...

    def writePort(self, packet) -> int:
        self.sent = bytes(packet)
        return len(packet)


@given(st.integers(0, 253), st.integers(0, 86), st.integers(1, 60))
def test_a_read_is_the_vendors_read(id, address, size):
    port = Recorder()
    PacketHandler(0).readTx(port, id, address, size)
    assert port.sent == codec.build(id, codec.Instruction.READ, bytes((address, size)))


def test_sync_frames_are_the_vendors():
    port = Recorder()
    handler = PacketHandler(0)
    handler.syncReadTx(port, 56, 6, [1, 2, 3], 3)
    assert port.sent == codec.sync_read([1, 2, 3], 56, 6)
    port.is_using = False
    handler.syncWriteTxOnly(port, 42, 2, [1, 0x10, 0x08, 2, 0x20, 0x04], 6)
    assert port.sent == codec.sync_write(42, 2, [(1, b"\x10\x08"), (2, b"\x20\x04")])
