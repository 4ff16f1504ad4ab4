"""The STM32F405 image in QEMU: what of it QEMU can show.

Not shown, since QEMU's netduinoplus2 has no such parts, or none that answer: pins, pulses, the
converter, I2C, the watchdog, the reset's cause.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail.v1.link_layout import (
    Ack,
    AckResult,
    AskStatus,
    BoardState,
    Command,
    Event,
    EventKind,
    Greet,
    Hello,
    Message,
    Status,
    Stop,
)
from handrail_drivers.board.driver import Board
from handrail_drivers.board.frames import Splitter, frame, guarded
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import InvalidValue, Refused
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.serial_port import SerialPort
from virtual_board import FIRMWARE, LAMP_GREEN, PUSHER_CHANNEL

READY = 60.0
MOVE_AGE = 300_000  # us, of apps/desk.c


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stm32")
    path = folder / "desk-stm32f405.bin"
    command = ["make", "-C", str(FIRMWARE), f"BUILD={folder}", str(path)]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    return path


@pytest.fixture
def port(image: Path) -> Iterator[str]:
    """An emulated board's line, a pseudo-terminal."""
    command = ["qemu-system-arm", "-M", "netduinoplus2", "-kernel", str(image), "-nographic"]
    command += ["-monitor", "none", "-serial", "pty"]
    board = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said = board.stdout.readline()
        yield re.search(r"/dev/pts/\d+", said).group()
    finally:
        board.kill()
        board.wait(20)
        board.stdout.close()


@pytest.fixture
def device(port: str) -> Iterator[Board]:
    settings = BoardSettings(port=port, timeout=1.0, wait=READY, streams={"wheel": 50})
    found = Board("stm32", settings, LastingPort(port, lambda: SerialPort(port, 115_200)))
    found.connect()
    assert found.wait_ready(READY)
    yield found
    found.close()


def test_it_says_what_it_is_and_answers_our_driver(device: Board) -> None:
    report = device.read_board()
    assert (report.application, report.board) == ("desk", "stm32f405")
    assert device.write("lamp_green", 1) == 1
    assert device.read(["wheel"])["wheel"] == 0.0
    deadline = time.monotonic() + READY
    while "stm32.wheel" not in device.readings():
        assert time.monotonic() < deadline
    assert device.read_board().faults.bad_crc == 0


def test_limits_hold_at_the_door(device: Board) -> None:
    with pytest.raises(InvalidValue):
        device.write("pusher", 2.0)
    with pytest.raises(Refused, match="not armed"):
        device.write("pusher", 0.0)


class Line:
    """The port without our driver: what the board itself does."""

    session = 0x4321

    def __init__(self, port: str) -> None:
        self._port = SerialPort(port, 115_200)
        self._splitter = Splitter()
        self._sequence = 0

    def say(self, message: Message | None, kind: type) -> Message:
        """Send, where there is something; return the next message of a kind.

        Sent again and again: QEMU hears nothing before it is ready, and repeating does no harm.
        """
        deadline = time.monotonic() + READY
        while time.monotonic() < deadline:
            if message is not None:
                self._port.write(frame(message))
            octets = self._port.read(1, 1.0) + self._port.read(4096, 0.05)
            for found in self._splitter.feed(octets):
                if isinstance(found, kind) and getattr(found, "session", self.session):
                    return found
        raise AssertionError(f"no {kind.__name__}")

    def command(self, channel: int, value: int) -> Ack:
        self._sequence += 1
        order = guarded(Command(self._sequence, channel, value, 0), self.session)
        return self.say(order, Ack)

    def close(self) -> None:
        self._port.close()


@pytest.fixture
def line(port: str) -> Iterator[Line]:
    found = Line(port)
    found.say(Greet(1, 0, 3, found.session), Hello)
    yield found
    found.close()


def test_limits_hold_on_the_board(line: Line) -> None:
    refused = line.command(PUSHER_CHANNEL, 2001)
    assert (refused.result, refused.value) == (AckResult.OUT_OF_RANGE, 2000)


def test_the_dead_man_is_in_time_by_the_boards_own_clock(line: Line) -> None:
    done = line.command(6, 500)  # the buzzer, 300 ms
    assert done.result == AckResult.DONE
    event = line.say(None, Event)
    assert (event.kind, event.channel) == (EventKind.DEAD_MAN, 6)
    turn = line.say(AskStatus(1), Status).longest_poll  # also from the command to its answer
    assert MOVE_AGE - turn <= event.time - done.time <= MOVE_AGE + turn


def test_a_repeated_command_is_done_once_and_stop_ends_all(line: Line) -> None:
    order = guarded(Command(7, LAMP_GREEN, 1, 0), line.session)
    assert line.say(order, Ack) == line.say(order, Ack)
    assert line.say(AskStatus(2), Status).repeated >= 1
    assert line.say(Stop(9), Ack).sequence == 9
    status = line.say(AskStatus(2), Status)
    assert status.state == BoardState.SESSION
