"""What is found, and the drafts that are made of it: ports, cameras, services, devices."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from drivers.asked import Line, heads, servos
from handrail_drivers.discovery import Found
from handrail_drivers.discovery.draft import cell_draft, device_draft
from handrail_drivers.discovery.network import services
from handrail_drivers.discovery.ports import cameras, family, serial_ports
from handrail_drivers.discovery.probing import probe
from handrail_drivers.dynamixel import registers as x_registers
from handrail_drivers.plugins import drivers
from handrail_drivers.serial_port import Adapter
from handrail_sim.cell_faults import find_faults
from zeroconf import ServiceInfo, Zeroconf

HANDRAIL = Path(sys.executable).with_name("handrail")


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
