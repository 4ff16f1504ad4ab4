"""What is found: ports by their adapters, devices by questions that move nothing, services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from drivers.gantry import Gantry, MarlinGantry
from drivers.kiln import Kiln
from drivers.moving_stand_ins import Servos, XServos
from handrail.v1.link_layout import AskStatus, Hello, Status
from handrail_drivers.board.frames import Splitter, frame
from handrail_drivers.discovery import Found
from handrail_drivers.discovery.draft import cell_draft, device_draft
from handrail_drivers.discovery.network import services
from handrail_drivers.discovery.ports import cameras, family, serial_ports
from handrail_drivers.discovery.probing import PROBES, probe
from handrail_drivers.discovery.servos import examine_servos
from handrail_drivers.dynamixel import registers as x_registers
from handrail_drivers.dynamixel.models import MODELS
from handrail_drivers.emulator import StandIn
from handrail_drivers.errors import BusLost
from handrail_drivers.feetech import registers as reg
from handrail_drivers.plugins import drivers
from handrail_drivers.serial_port import Adapter, KeptPort
from handrail_sim.cell_faults import find_faults
from handrail_sim.twin.dynamixel_servo import XServo
from handrail_sim.twin.dynamixel_wire import DynamixelBank
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.numato_wire import NumatoModule
from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.scpi_supply import ScpiSupply
from zeroconf import ServiceInfo, Zeroconf

HANDRAIL = Path(sys.executable).with_name("handrail")


class Line:
    """A port at a rate, an emulator at its end. Its time-outs do not wait."""

    def __init__(self, emulator, baud=9600):
        self._emulator, self._baud, self._said = emulator, baud, b""

    def write(self, data):
        self._said += b"".join(a for _, a, _ in self._emulator.exchanges(data, self._baud))

    def read(self, size, timeout_s):
        data, self._said = self._said[:size], self._said[size:]
        return data

    def discard_input(self):
        self._said = b""

    def close(self):
        pass


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


def servos(*ids: int) -> FeetechBank:
    bank = FeetechBank([ServoSpec(id, f"joint{n}", ServoDraw()) for n, id in enumerate(ids)])
    bank.step([0.0] * len(ids), [0.0] * len(ids), 0.002)
    return bank


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


def test_ports_are_what_their_adapters_say():
    adapters = [
        Adapter("/dev/ttyACM0", 0x1A86, 0x55D3, "58FA", "USB Single Serial"),
        Adapter("/dev/ttyACM1", 0x2A19, 0x0C01, "", "Numato"),
        Adapter("/dev/ttyUSB0", 0x9999, 0x0001, "", "Something"),
        Adapter("/dev/ttyUSB1", 0x1A86, 0x7523, "", "USB Serial"),
        Adapter("/dev/ttyUSB2", 0x0403, 0x6014, "", "USB Serial"),
        Adapter("/dev/ttyACM2", 0x1D50, 0x6029, "", "Marlin USB Device"),
    ]
    said = [one.what for one in serial_ports(adapters)]
    assert said[0] == "CH343 adapter, as on bus servo boards (1a86:55d3), serial number 58FA"
    assert said[2] == "Something (9999:0001)"
    assert "may reset a board" in said[3]
    assert [family(one) for one in adapters] == [
        *("feetech", "numato_gpio", "", "", "dynamixel", "marlin")
    ]


def plug_in(folder, number, name, index=0):
    node = folder / f"video{number}"
    node.mkdir()
    (node / "name").write_text(f"{name}\n")
    (node / "index").write_text(f"{index}\n")


def test_a_camera_is_found_once_and_proposed_by_its_name(tmp_path):
    plug_in(tmp_path, 0, "USB camera")
    plug_in(tmp_path, 1, "USB camera", index=1)
    (found,) = cameras(tmp_path)
    assert (found.where, found.what) == ("/dev/video0", "USB camera")
    assert device_draft([found]).splitlines()[1:] == [
        "[devices.usb_camera]",
        'driver = "usb_camera"',
        'without_power = "holds"  # guessed: or falls, or coasts',
        "",
        "[devices.usb_camera.settings]",
        'device = "USB camera"',
    ]


def test_cameras_of_one_name_are_proposed_by_their_paths(tmp_path):
    plug_in(tmp_path, 0, "Twin")
    plug_in(tmp_path, 2, "Twin")
    assert [one.settings["device"] for one in cameras(tmp_path)] == ["/dev/video0", "/dev/video2"]


def test_a_draft_has_what_is_known_and_says_what_is_not():
    found = [
        Found("serial port", "/dev/ttyUSB0", "adapter", settings={"port": "/dev/ttyUSB0"}),
        Found("device", "/dev/ttyUSB0", "PS-60", "scpi_supply", {"port": "/dev/x", "baud": 9600}),
        Found("device", "/dev/ttyUSB1", "PS-60", "scpi_supply", {"port": "/dev/y", "baud": 9600}),
    ]
    text = device_draft(found)
    devices = tomllib.loads(text)["devices"]
    assert list(devices) == ["scpi_supply", "scpi_supply_2"]
    assert "# most_voltage = ...  # V that may be set" in text
    settings = {**devices["scpi_supply"]["settings"], "most_voltage": 1.0, "most_current": 1.0}
    assert drivers.one("scpi_supply").Settings.model_validate(settings).baud == 9600


def test_a_draft_of_a_cell_lacks_what_nobody_can_know(tmp_path):
    ids = servos(1, 2)
    bus = probe("/dev/ttyACM0", lambda baud: Line(ids, baud), ("feetech",))
    supply = Found("device", "/dev/ttyUSB0", "PS-60", "scpi_supply", {"port": "/dev/x"})
    text = cell_draft([bus, supply])
    said = [str(fault) for fault in find_faults(tomllib.loads(text), tmp_path.joinpath)]
    assert len(said) == 4, said
    for part in ("world.xml", "calibration", "most_voltage", "most_current"):
        assert any(part in one for one in said), (part, said)
    assert tomllib.loads(text)["arm"]["joints"] == ["joint_1", "joint_2"]


def test_a_cell_in_which_nothing_moves_says_that_it_lacks_an_arm():
    assert "arm" not in tomllib.loads(cell_draft([]))
    assert "nothing that moves joints was found" in cell_draft([])


def test_a_service_that_announces_itself_is_found():
    announced = Zeroconf(interfaces=["127.0.0.1"])
    info = ServiceInfo(
        "_scpi-raw._tcp.local.",
        "PS-60._scpi-raw._tcp.local.",
        addresses=[b"\x7f\x00\x00\x01"],
        port=5025,
    )
    try:
        announced.register_service(info)
        found = [one for one in services(3.0, ["127.0.0.1"]) if one.where == "127.0.0.1:5025"]
        assert [(one.driver, one.settings) for one in found] == [
            ("scpi_supply_tcp", {"address": "127.0.0.1:5025"})
        ]
    finally:
        announced.close()


def test_the_command_prints_json_and_writes_a_draft(tmp_path):
    draft = tmp_path / "devices.toml"
    command = [HANDRAIL, "discover", "--listen", "0", "--draft", str(draft), "--json"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)
    assert draft.exists()


def test_a_bus_in_order_has_nothing_to_say():
    bank = servos(1, 2, 3)
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert (found.baud, found.ids, found.findings) == (1_000_000, (1, 2, 3), ())


def test_a_wrong_rate_is_found():
    bank = servos(1, 2)
    for servo in bank.servos.values():
        servo.write(reg.BAUD_RATE.address, bytes((reg.BAUD_RATES.index(115_200),)))
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert found.baud == 115_200
    assert "answer at 115200 bit/s, not at 1000000" in found.findings[0].sentence


def test_an_id_that_two_have_is_found():
    found = examine_servos(lambda baud: Line(servos(1, 4, 4), baud), 1_000_000)
    assert [one.sentence for one in found.findings] == ["two servos have id 4"]


def test_a_brown_out_is_found():
    bank = servos(1, 2)
    bank.servos["joint1"].voltage = 4.8
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert [one.sentence for one in found.findings] == [
        "servo 2 has 4.8 V: it browns out under load"
    ]


def test_a_silent_bus_is_told_what_to_look_at():
    found = examine_servos(lambda _: Line(Kiln()), 1_000_000)
    assert found.baud is None
    assert "supply" in found.findings[0].remedy


def heads(*models: str, ids: tuple[int, ...] = (1, 2)) -> DynamixelBank:
    made = [XServo(id, MODELS[name], ServoDraw()) for id, name in zip(ids, models, strict=True)]
    return DynamixelBank({f"joint{n}": servo for n, servo in enumerate(made)})


def test_a_draft_has_each_dynamixel_with_its_model_and_no_more_effort_than_it_has():
    bank = heads("XL330-M077", "XM540-W270")
    found = probe("/dev/any", lambda baud: Line(bank, baud), ("dynamixel",))
    assert found.what == "Dynamixel servos 1 (XL330-M077), 2 (XM540-W270)"
    settings = {**found.settings, "calibration": "none"}
    joints = drivers.one("dynamixel").Settings.model_validate(settings).joints
    assert [(one.model, one.effort) for one in joints.values()] == [
        ("XL330-M077", 0.215),
        ("XM540-W270", 0.5),
    ]


def test_a_model_that_is_not_known_is_named_by_its_number_and_no_joint_of_a_draft():
    bank = heads("XM430-W350", "XM430-W350")
    bank.servos["joint1"].put(x_registers.MODEL_NUMBER, 1050)
    found = probe("/dev/any", lambda baud: Line(bank, baud), ("dynamixel",))
    assert found.what == "Dynamixel servos 1 (XM430-W350), 2 (model 1050)"
    assert list(found.settings["joints"]) == ["joint_1"]


def test_a_bus_of_dynamixels_is_examined_alike():
    bank = heads("XL430-W250", "XL430-W250")
    for servo in bank.servos.values():
        servo.put(x_registers.BAUD_RATE, 1)
        servo.put(x_registers.LEAST_VOLTAGE, 60)
        servo.put(x_registers.PRESENT_VOLTAGE, 111)
    bank.servos["joint1"].put(x_registers.PRESENT_VOLTAGE, 52)
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert (found.baud, found.ids) == (57_600, (1, 2))
    assert found.who == "Dynamixel servos 1 (XL430-W250), 2 (XL430-W250)"
    assert [one.sentence for one in found.findings] == [
        "the servos answer at 57600 bit/s, not at 1000000",
        "servo 2 has 5.2 V: it browns out under load",
    ]
    assert "register 8 to 1000000" in found.findings[0].remedy


def test_an_id_that_two_dynamixels_have_is_found():
    bank = heads("XM430-W350", "XM430-W350", ids=(3, 3))
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert [one.sentence for one in found.findings] == ["two servos have id 3"]
