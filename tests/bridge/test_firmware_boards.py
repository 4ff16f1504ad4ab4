"""Which boards there are, how their images are built and written, and at which port."""

from __future__ import annotations

from pathlib import Path

import pytest
from handrail_bridge.cli import firmware as cli
from handrail_bridge.firmware.boards import KINDS, board_kind, programmer
from handrail_bridge.firmware.building import build
from handrail_drivers.errors import BusLost, Refused, UnknownName

AVR = KINDS["avr"]


def test_programmers_that_nobody_has_seen_work_say_so():
    assert programmer(AVR, "").exercised
    stm32 = board_kind("stm32f405")
    assert not any(one.exercised for one in stm32.programmers.values())
    with pytest.raises(UnknownName):
        programmer(stm32, "stlink")
    with pytest.raises(UnknownName):
        board_kind("esp32")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stm32flash", "stm32flash -b 57600 -w a.bin -v -g 0x0 /dev/ttyX"),
        ("dfu-util", "dfu-util -a 0 -s 0x08000000:leave -D a.bin"),
    ],
)
def test_how_other_programmers_are_called(name, expected):
    command = programmer(board_kind("stm32f405"), name).command("/dev/ttyX", Path("a.bin"), 57_600)
    assert " ".join(command) == expected


def test_building_says_what_is_missing(monkeypatch, tmp_path):
    with pytest.raises(UnknownName) as unknown:
        build(AVR, "dsk", tmp_path)
    assert unknown.value.hint == "use 'desk'"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="no avr-gcc"):
        build(AVR, "desk", tmp_path)


def test_the_only_usb_port_is_found(monkeypatch):
    ports = {"/dev/ttyACM0": "Uno"}
    monkeypatch.setattr(cli.serial_port, "usb_ports", lambda: ports)
    assert cli.only_port() == "/dev/ttyACM0"
    ports["/dev/ttyUSB0"] = "CH340"
    with pytest.raises(BusLost) as several:
        cli.only_port()
    assert "/dev/ttyUSB0 (CH340)" in several.value.choices
    ports.clear()
    with pytest.raises(BusLost, match="No board"):
        cli.only_port()
