"""The serial port on a pseudo-terminal: whole replies, timeouts, one owner, a clear loss."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
import tty

import pytest
from handrail_drivers import serial_port
from handrail_drivers.errors import BusLost
from handrail_drivers.serial_port import SerialPort

TIOCGEXCL = 0x80045440  # linux/ioctls.h


class Terminal:
    """A pseudo-terminal whose master is the test's."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)

    def pull(self) -> None:
        for descriptor in (self.master, self.slave):
            os.close(descriptor)
        self.master = self.slave = -1


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    if made.master >= 0:
        made.pull()


@pytest.fixture
def port(terminal):
    opened = SerialPort(terminal.path, 1_000_000)
    yield opened
    opened.close()


def test_a_reply_in_pieces_is_read_whole(terminal, port):
    def answer() -> None:
        for byte in os.read(terminal.master, 100):
            os.write(terminal.master, bytes((byte,)))

    server = threading.Thread(target=answer)
    server.start()
    port.write(bytes(range(72)))
    assert port.read(72, 5.0) == bytes(range(72))
    server.join()


def test_after_the_timeout_there_is_what_came(terminal, port):
    os.write(terminal.master, b"abc")
    assert port.read(10, 0.02) == b"abc"
    assert port.read(10, 0.001) == b""


def test_no_more_is_read_than_asked(terminal, port):
    os.write(terminal.master, b"abcdef")
    assert port.read(2, 1.0) == b"ab"
    assert port.read(4, 1.0) == b"cdef"


def test_more_than_the_kernel_counts_to(terminal, port):
    server = threading.Thread(target=os.write, args=(terminal.master, b"x" * 700))
    server.start()
    assert port.read(700, 5.0) == b"x" * 700
    server.join()


def test_who_only_looks_changes_no_terminal(terminal, port, monkeypatch):
    changes: list[object] = []
    monkeypatch.setattr(serial_port.termios, "tcsetattr", lambda *given: changes.append(given))
    assert port.read(4096, 0) == b""
    os.write(terminal.master, b"abc")
    assert port.read(1, 5.0) == b"a"
    assert port.read(4096, 0) == b"bc"
    assert changes == []


def test_discarded_input_is_gone(terminal, port):
    os.write(terminal.master, b"old")
    assert port.read(1, 1.0) == b"o"
    port.discard_input()
    os.write(terminal.master, b"new")
    assert port.read(3, 1.0) == b"new"


def test_a_second_process_is_refused(terminal, port):
    code = (
        f"from handrail_drivers.serial_port import SerialPort; SerialPort({terminal.path!r}, 9600)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "BusLost" in done.stderr
    assert "held by another process" in done.stderr


def is_exclusive(terminal) -> bool:
    """What the kernel says: it lets nobody else open it."""
    return struct.unpack("i", fcntl.ioctl(terminal.slave, TIOCGEXCL, bytes(4))) != (0,)


def test_a_real_port_is_closed_to_those_who_ask_for_no_lock(terminal, monkeypatch):
    monkeypatch.setattr(serial_port, "PSEUDO", "/nowhere/")  # as if this were one
    port = SerialPort(terminal.path, 1_000_000)
    assert is_exclusive(terminal)
    port.close()


def test_a_pseudo_terminal_can_be_opened_after_its_owner_was_killed(terminal, port):
    assert not is_exclusive(terminal)


def test_closing_lets_the_next_one_in(terminal, port):
    port.close()
    port.close()
    with pytest.raises(BusLost, match="closed"):
        port.write(b"x")
    SerialPort(terminal.path, 1_000_000).close()


def test_another_program_finds_a_terminal_that_wakes_at_each_byte(terminal, port):
    """As avrdude does: a terminal keeps its settings when it is closed."""
    os.write(terminal.master, bytes(15))
    assert len(port.read(15, 5.0)) == 15
    port.close()
    assert termios.tcgetattr(terminal.slave)[-1][termios.VMIN] == 1


def test_a_pulled_terminal_is_lost_at_once_and_from_every_method(terminal, port):
    waiting: list[BaseException] = []

    def wait() -> None:
        try:
            port.read(72, 60.0)
        except BusLost as error:
            waiting.append(error)

    os.write(terminal.master, b"half a me")
    reader = threading.Thread(target=wait)
    reader.start()
    terminal.pull()
    reader.join(30)
    assert "gone" in str(waiting[0])
    for act in (lambda: port.write(b"x"), lambda: port.read(1, 0.01)):
        with pytest.raises(BusLost):
            act()


def test_no_descriptor_leaks(terminal):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        SerialPort(terminal.path, 1_000_000).close()
    with pytest.raises(BusLost):
        SerialPort("/dev/pts/99999", 1_000_000)
    held = SerialPort(terminal.path, 1_000_000)
    for _ in range(5):
        with pytest.raises(BusLost):
            SerialPort(terminal.path, 1_000_000)
    held.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_port_that_is_not_there_gets_the_nearest(monkeypatch):
    class Present:
        device = "/dev/ttyACM1"

    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [Present()])
    with pytest.raises(BusLost, match="/dev/ttyACM1"):
        SerialPort("/dev/ttyACM0", 1_000_000)


def test_no_serial_port_at_all():
    with pytest.raises(BusLost, match="cannot be opened"):
        SerialPort("/dev/null", 1_000_000)


@pytest.mark.parametrize("parity", ["even", "odd"])
def test_a_terminal_is_opened_again_whatever_parity_is_asked_of_it(parity):
    """A pseudo-terminal has none; the C library tells so only at the second opening."""
    far, near = os.openpty()
    for _ in range(3):
        SerialPort(os.ttyname(near), 115_200, parity).close()
    os.close(far)
    os.close(near)
