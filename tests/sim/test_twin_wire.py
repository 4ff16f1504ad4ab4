"""One wire of the twin, terminal and all, with a clock of the test's own."""

from __future__ import annotations

import os
import termios

import pytest
from handrail_drivers.feetech.codec import Instruction, build
from handrail_drivers.pseudo_terminal import PseudoTerminal
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.wire import IDLE, LOG, PAGE, Wire

PING, PONG = build(1, Instruction.PING), build(1, 0)
TORN = b"\xff\xff\x01\xc8\x03"  # announces 200 bytes more
BYTE = 10 / 1_000_000  # s


@pytest.fixture
def wire(tmp_path):
    bank = FeetechBank([ServoSpec(1, "joint", ServoDraw())])
    wire = Wire(bank, PseudoTerminal(tmp_path / "bus", 1_000_000))
    yield wire
    wire.terminal.pull()


@pytest.fixture
def client(wire):
    descriptor = os.open(wire.terminal.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    settings = termios.tcgetattr(descriptor)
    settings[4] = settings[5] = termios.B1000000
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    yield descriptor
    os.close(descriptor)


def heard(client):
    try:
        return os.read(client, 4096)
    except BlockingIOError:
        return b""


def exchange(wire, client, request, now):
    """Send a request at a time [s]; return what has come back 10 ms later."""
    os.write(client, request)
    wire.receive(now)
    wire.flush(now + 0.01)
    return heard(client)


def test_an_answer_comes_when_its_last_byte_would_have_arrived(wire, client):
    os.write(client, PING * 2)
    wire.receive(5.0)
    for count in (1, 2):
        wire.flush(5.0 + (12 * count - 1) * BYTE)
        assert heard(client) == b""
        wire.flush(5.0 + (12 * count + 0.5) * BYTE)
        assert heard(client) == PONG


def test_after_silence_a_torn_frame_is_given_up(wire, client):
    assert exchange(wire, client, TORN, 1.0) == b""
    assert exchange(wire, client, PING, 1.0 + IDLE / 2) == b""  # still part of the torn one
    assert exchange(wire, client, PING, 1.1 + IDLE) == PONG


def test_the_log_tells_what_passed_and_when(wire, client):
    exchange(wire, client, PING, 1.0)
    first, end = wire.logged(0)
    (asked_ns, way, asked), (answered_ns, back, answered) = wire.entries(first, end)
    assert (asked_ns, way, asked) == (1_000_000_000, "in", PING)
    assert (back, answered) == ("out", PONG)
    assert answered_ns > asked_ns


def test_the_log_keeps_the_newest_and_gives_them_page_by_page(wire):
    count = LOG + 123
    for number in range(count):
        wire._keep(number, "in", b"")
    assert wire.logged(0) == (123, count)
    assert wire.logged(count - 5) == (count - 5, count)
    assert wire.logged(count + 5) == (count, count)
    page = wire.entries(count - PAGE - 7, count)
    assert [entry[0] for entry in page] == list(range(count - PAGE - 7, count - 7))
    assert [entry[0] for entry in wire.entries(count - 7, count + 9)] == list(
        range(count - 7, count)
    )
