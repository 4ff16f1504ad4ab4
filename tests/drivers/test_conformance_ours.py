"""The conformance kit on every driver that comes with Handrail."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from drivers.gantry import JOINTS, MARLIN_JOINTS, Gantry, MarlinGantry
from drivers.kiln import Kiln
from drivers.moving_stand_ins import (
    DESK,
    PAN_TILT,
    STEP,
    Belt,
    Finger,
    Servos,
    XServos,
    pan_tilt,
)
from handrail_drivers import plugins
from handrail_drivers.board.axis import BoardAxis
from handrail_drivers.board.driver import Board
from handrail_drivers.camera.network import NetworkCamera
from handrail_drivers.camera.replay import ReplayCamera
from handrail_drivers.camera.usb import UsbCamera
from handrail_drivers.conformance import Call, Conformance
from handrail_drivers.dynamixel.driver import DynamixelBus
from handrail_drivers.emulator import StandIn
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.grbl.driver import Grbl
from handrail_drivers.inverter.driver import Inverter
from handrail_drivers.line_protocol.driver import LineDevice, SocketLineDevice
from handrail_drivers.marlin.driver import Marlin
from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.unit import ILLEGAL_ADDRESS, Refusal
from handrail_drivers.null_bus import NullBus
from handrail_drivers.numato_gpio import NumatoGpio
from handrail_drivers.robotiq.driver import Robotiq
from handrail_drivers.scpi.supply import SocketSupply, Supply
from handrail_sim.cell_file import SHIPPED
from handrail_sim.twin.numato_wire import NumatoModule
from handrail_sim.twin.scpi_supply import ScpiSupply

KILN = Path(__file__).with_name("kiln.toml")


def test_every_driver_of_ours_is_here():
    kinds = [kind for kind in globals().values() if isinstance(kind, type)]
    subjects = [kind for kind in kinds if issubclass(kind, Conformance) and kind is not Conformance]
    tried = {kind.driver for kind in subjects}
    ours = {found for found in plugins.drivers.found().values() if _is_ours(found)}
    assert tried | {Board, BoardAxis} == ours  # their stand-in is the firmware: tests/firmware


def _is_ours(driver: type) -> bool:
    return driver.__module__.startswith("handrail_drivers.")


class TestFeetech(Conformance):
    driver = FeetechBus
    settings = DESK.model_dump(mode="json")
    calls = {"health": Call({"joint": "elbow_flex"})}
    setpoints = (0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    beyond = (0.5, 0.5, 0.5, 0.5, 0.5, 9.0)
    stop_time = 0.2
    patience = 0.3

    def emulator(self) -> StandIn:
        return Servos()


class TestDynamixel(Conformance):
    driver = DynamixelBus
    settings = PAN_TILT.model_dump(mode="json")
    calls = {"health": Call({"joint": "tilt"})}
    setpoints = (0.5, 0.5)
    beyond = (0.5, 9.0)
    stop_time = 0.2
    patience = 0.3

    def emulator(self) -> StandIn:
        return XServos()


class TestDynamixelThatMeasuresNoCurrent(TestDynamixel):
    settings = pan_tilt("XL430-W250", 1.0)

    def emulator(self) -> StandIn:
        return XServos("XL430-W250")


class TestDynamixelWithAnotherCurrent(TestDynamixel):
    settings = pan_tilt("XH430-V350", 3.0)

    def emulator(self) -> StandIn:
        return XServos("XH430-V350")


class TestDynamixelThatMeasuresItsSupply(TestDynamixel):
    settings = pan_tilt("XL330-M288", 0.4)

    def emulator(self) -> StandIn:
        return XServos("XL330-M288")


class TestInverter(Conformance):
    driver = Inverter
    settings = {
        "map": SHIPPED / "cells" / "maps" / "inverter.toml",
        "port": "none",
        "joint": "belt",
        "timeout": 0.02,
        "communication_loss": 1.0,
    }
    setpoints = (1.0,)
    stop_time = 0.3
    patience = 0.3

    def emulator(self) -> StandIn:
        return Belt()


class TestRobotiq(Conformance):
    driver = Robotiq
    settings = {"port": "none", "joint": "gripper", "timeout": 0.02, "speed": 0.0}
    setpoints = (0.0425,)
    stop_time = 0.3
    patience = 0.3

    def emulator(self) -> StandIn:
        return Finger()


class Registers(StandIn):
    """A Modbus unit that does what its registers say."""

    line = "modbus"
    identity = ("Handrail", "registers", "1.0")

    def __init__(self) -> None:
        self._words = [0, 0, 0xFFF7, 0x41A4, 0]

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        if table is not Table.HOLDING or address + count > len(self._words):
            raise Refusal(ILLEGAL_ADDRESS)
        return self._words[address : address + count]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        if not self.stuck:
            self._words[address : address + len(values)] = values

    def outputs(self) -> Mapping[str, float]:
        return dict(zip(("speed", "mode", "enabled"), self._words, strict=False))

    def power_cycle(self) -> None:
        self._words = [0, 0, 0xFFF7, 0x41A4, 0]

    def change(self) -> None:
        self._words[3] = 0x41B4


class TestGrbl(Conformance):
    driver = Grbl
    settings = {"port": "none", "joints": JOINTS, "timeout": 0.02}
    setpoints = (0.2, 0.1, -0.03)
    beyond = (0.2, 0.1, 0.5)
    stop_time = 0.5
    patience = 0.5

    def emulator(self) -> StandIn:
        return Gantry()


class TestMarlin(Conformance):
    driver = Marlin
    settings = {
        "port": "none",
        "joints": MARLIN_JOINTS,
        "timeout": 0.02,
        "homing": "when armed",  # it stands at its switches: they are found at once
    }
    setpoints = (0.2, 0.1, -0.03)
    beyond = (0.2, 0.1, 0.5)
    stop_time = 0.5
    patience = 0.5

    def emulator(self) -> StandIn:
        return MarlinGantry()


class TestModbusDevice(Conformance):
    driver = ModbusDevice
    settings = {
        "map": SHIPPED.parents[1] / "tests" / "drivers" / "conformance_map.toml",
        "port": "none",
        "timeout": 0.01,
        "retries": 0,
    }
    calls = {
        "set_speed": Call({"value": 0.25}, {"speed": 250}),
        "set_mode": Call({"value": "run"}, {"mode": 5}),
        "set_enabled": Call({"value": True}, {"enabled": 0xFFFF}),
    }
    safe = {"speed": 0, "mode": 0}
    patience = 0.15

    def emulator(self) -> StandIn:
        return Registers()


class TestLineDevice(Conformance):
    driver = LineDevice
    settings = {"protocol": KILN, "port": "none", "timeout": 0.01}
    calls = {"set_setpoint": Call({"value": 150.5}, {"setpoint": 150.5})}
    safe = {"setpoint": 0.0}
    patience = 0.3

    def emulator(self) -> StandIn:
        return Kiln()


class TestSocketLineDevice(TestLineDevice):
    driver = SocketLineDevice
    settings = {"protocol": KILN, "address": "none:1", "timeout": 0.01}


class TestSupply(Conformance):
    driver = Supply
    settings = {"port": "none", "most_voltage": 30.0, "most_current": 2.0, "timeout": 0.01}
    calls = {
        "set_voltage": Call({"value": 12.5}, {"VOLT": 12.5}),
        "set_current_limit": Call({"value": 1.5}, {"CURR": 1.5}),
        "set_output": Call({"value": True}, {"on": 1.0}),
    }
    safe = {"on": 0.0, "voltage": 0.0, "current": 0.0}
    patience = 0.3

    def emulator(self) -> StandIn:
        return ScpiSupply()


class TestSocketSupply(TestSupply):
    driver = SocketSupply
    settings = {"address": "x:1", "most_voltage": 30.0, "most_current": 2.0, "timeout": 0.01}


class TestNumato(Conformance):
    driver = NumatoGpio
    settings = {"port": "none", "ports": 16, "inputs": {"stop": 0, "door": 5}, "timeout": 0.02}

    def emulator(self) -> StandIn:
        return NumatoModule(16, {"stop": 0, "door": 5})


class TestNull(Conformance):
    driver = NullBus
    settings = {"joints": ["one", "two"]}
    setpoints = (0.5, 0.5)


class TestNetworkCamera(Conformance):
    driver = NetworkCamera
    settings = {"url": "http://127.0.0.1:9/nothing"}

    def open(self, driver: Any) -> None:
        driver.start()


class TestReplayCamera(TestNetworkCamera):
    driver = ReplayCamera
    settings = {"recording": "/nothing"}


class Pictures:
    """What a USB camera is once it is open."""

    def read(self) -> Any:
        time.sleep(STEP)
        return np.zeros((64, 96, 3), np.uint8)

    def expose(self, exposure: float | None) -> float:
        return exposure or 0.02

    def release(self) -> None: ...


class TestUsbCamera(TestNetworkCamera):
    driver = UsbCamera
    settings = {"device": "/nothing"}
    calls = {"set_exposure": Call({"exposure": 0.01})}

    def open(self, driver: Any) -> None:
        driver._open = Pictures
        super().open(driver)
