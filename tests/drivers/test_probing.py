"""Who is at the end of a serial line, by questions that move nothing."""

from __future__ import annotations

import os

import pytest
from drivers.asked import Line, servos
from drivers.gantry import Gantry, MarlinGantry
from drivers.kiln import Kiln
from drivers.moving_stand_ins import Servos, XServos
from handrail.v1.link_layout import AskStatus, Hello, Status
from handrail_drivers.board.frames import Splitter, frame
from handrail_drivers.discovery.probing import PROBES, probe
from handrail_drivers.emulator import StandIn
from handrail_drivers.errors import BusLost
from handrail_drivers.serial_port import KeptPort
from handrail_sim.twin.numato_wire import NumatoModule
from handrail_sim.twin.scpi_supply import ScpiSupply


class Plotter(StandIn):
    """A machine that moves at any line that begins as G-code does, and at single letters."""

    def __init__(self):
        self.moves = 0

    def exchanges(self, data, line_baud):
        lines = data.upper().split(b"\n")
        self.moves += sum(line[:1] in (b"G", b"M", b"X", b"$", b"J", b"R") for line in lines)
        self.moves += sum(byte in b"!~\x18\x85" for byte in data)
        return [(len(data), b"error:2\r\n", 0.0)]

    def outputs(self):
        return {"moves": float(self.moves)}


STATUS_QUESTION = b"\0" + frame(AskStatus(token=1))
STATUS = Status(1, 0, 0, 500, *(0,) * 12)
HELLO = Hello(1, 0, 0, 0, 2, 0, 0, 1, 1000, b"desk", b"uno")


class Board(StandIn):
    """A board of ours that answers with a message; nothing else that it is told counts."""

    def __init__(self, message):
        self._said = frame(message)
        self.told = []

    def exchanges(self, data, line_baud):
        self.told += Splitter().feed(data)
        return [(len(data), self._said, 0.0)] if AskStatus(1) in self.told else []

    def outputs(self):
        return {"told": float(sum(one != AskStatus(1) for one in self.told))}


@pytest.mark.parametrize(
    ("emulator", "driver", "what"),
    [
        (servos(1, 2, 5), "feetech", "Feetech servos 1, 2, 5"),
        (XServos(), "dynamixel", "Dynamixel servos 1 (XM430-W350), 2 (XM430-W350)"),
        (Gantry(), "grbl", "Grbl controller"),
        (MarlinGantry(), "marlin", "Marlin 2.1.2.5 (Dec  1 2024 12:00:00)"),
        (Board(STATUS), "board", "board with Handrail's firmware"),
        (Board(HELLO), "board", "board with Handrail's firmware, desk on uno"),
        (NumatoModule(16, {"stop": 0}), "numato_gpio", "Numato module, firmware A0M10.01"),
        (ScpiSupply(), "scpi_supply", "HANDRAIL,PS-60,0001,1.0"),
    ],
)
def test_who_answers_is_known(emulator, driver, what):
    found = probe("/dev/any", lambda baud: Line(emulator, baud))
    assert (found.driver, found.what) == (driver, what)
    assert found.settings["port"] == "/dev/any"


def test_who_is_of_another_family_is_not_asked():
    assert probe("/dev/any", lambda _: Line(ScpiSupply()), ("feetech",)) is None
    assert probe("/dev/any", lambda _: Line(Kiln())) is None


@pytest.mark.parametrize(
    "emulator",
    [Servos(), XServos(), Gantry(), MarlinGantry(), Board(STATUS), ScpiSupply(), Kiln(), Plotter()],
)
def test_no_question_moves_anything(emulator):
    before = dict(emulator.outputs())
    for one in PROBES:
        probe("/dev/any", lambda baud: Line(emulator, baud), (one.driver,))
        emulator.advance(1.0)
    assert emulator.outputs() == before


class Waking:
    """A board's port: opened for the first time, the board begins anew and says so."""

    def __init__(self, emulator, greeting):
        self._emulator, self._greeting = emulator, greeting
        self.told = []

    def at(self, baud):
        line = Line(self._emulator, baud)
        line._said, self._greeting = self._greeting, b""
        write = line.write
        line.write = lambda data: (self.told.append(data), write(data))
        return line


@pytest.mark.parametrize(
    ("emulator", "greeting", "driver", "questions", "settings"),
    [
        (Gantry(), b"\r\nGrbl 1.1h ['$' for help]\r\n", "grbl", [b"?"], {"boot": 2.5}),
        (
            MarlinGantry(),
            b"start\r\nMarlin 2.1.2.5\r\necho:Hardcoded Defaults\r\n",
            "marlin",
            [b"*IDN?\n", b"M115\n"],
            {"boot": 5.0},
        ),
        (Board(STATUS), frame(HELLO), "board", [STATUS_QUESTION], {}),
    ],
)
def test_who_says_who_it_is_hears_no_other_familys_question(
    emulator, greeting, driver, questions, settings
):
    port = Waking(emulator, greeting)
    found = probe("/dev/any", port.at)
    assert (found.driver, port.told) == (driver, questions)
    assert settings.items() <= found.settings.items()


def test_a_board_notices_once_that_its_port_is_opened_and_opened_again():
    other, own = os.openpty()
    path = os.ttyname(own)
    os.set_blocking(other, False)
    with KeptPort(path) as port:
        os.close(own)
        for baud in (9600, 115_200):
            port.at(baud).close()
            with pytest.raises(BlockingIOError):  # else end of file: the last holder has let go
                os.read(other, 1)
    with pytest.raises(OSError, match="Input/output"):
        os.read(other, 1)
    os.close(other)
    with pytest.raises(BusLost, match="no port"):
        KeptPort("/dev/not_there")
