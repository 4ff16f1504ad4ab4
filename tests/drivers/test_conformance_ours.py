"""The conformance kit on every driver that comes with Handrail."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivers.kiln import Kiln
from handrail_drivers import plugins
from handrail_drivers.board.axis import BoardAxis
from handrail_drivers.board.driver import Board
from handrail_drivers.conformance import Call, Conformance
from handrail_drivers.emulator import Exchange, StandIn
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.inverter.driver import Inverter
from handrail_drivers.line_protocol.driver import LineDevice, SocketLineDevice
from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.unit import ILLEGAL_ADDRESS, Refusal
from handrail_drivers.network_camera import NetworkCamera
from handrail_drivers.null_bus import NullBus
from handrail_drivers.numato_gpio import NumatoGpio
from handrail_drivers.robotiq import registers as robotiq
from handrail_drivers.robotiq.driver import Robotiq
from handrail_drivers.scpi.supply import SocketSupply, Supply
from handrail_sim.cell_file import SHIPPED, device_settings, load_cell
from handrail_sim.twin import inverter
from handrail_sim.twin import robotiq as gripper
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.numato_wire import NumatoModule
from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.scpi_supply import ScpiSupply

DESK = device_settings(load_cell("desk"), "arm_bus")
KILN = Path(__file__).with_name("kiln.toml")
SPEED = 1.0  # rad/s at which joints follow their goals here
STEP = 0.01  # s


def test_every_driver_of_ours_is_here():
    kinds = [kind for kind in globals().values() if isinstance(kind, type)]
    subjects = [kind for kind in kinds if issubclass(kind, Conformance) and kind is not Conformance]
    tried = {kind.driver for kind in subjects}
    ours = {found for found in plugins.drivers.found().values() if _is_ours(found)}
    assert tried | {Board, BoardAxis} == ours  # their stand-in is the firmware: tests/firmware


def _is_ours(driver: type) -> bool:
    return driver.__module__.startswith("handrail_drivers.")


class Servos(FeetechBank):
    """The twin's servos with joints that follow at a speed of their own."""

    def __init__(self) -> None:
        super().__init__([ServoSpec(j.id, name, ServoDraw()) for name, j in DESK.joints.items()])
        self._q = [0.0] * len(self.servos)
        self._feel()

    def exchanges(self, data: bytes, line_baud: int | None) -> list[Exchange]:
        bank = copy.deepcopy(self) if self.stuck else self
        return FeetechBank.exchanges(bank, data, None)

    def advance(self, duration: float) -> None:
        for number, servo in enumerate(self.servos.values()):
            way = self._goal(servo) - self._q[number] if servo.torque_enabled else 0.0
            self._q[number] += max(-SPEED * duration, min(SPEED * duration, way))
        self._feel()

    def outputs(self) -> Mapping[str, float]:
        rows = zip(self.servos.items(), self._q, strict=True)
        return {
            f"{name}.{key}": value
            for (name, servo), q in rows
            for key, value in (("at", q), ("torque", float(servo.torque_enabled)))
        }

    def power_cycle(self) -> None:
        for servo in self.servos.values():
            servo.power_cycle()
        self._feel()

    def change(self) -> None:
        self._q = [q + 0.05 for q in self._q]
        self._feel()

    def _feel(self) -> None:
        self.step(self._q, [0.0] * len(self._q), 0.1)
        for servo in self.servos.values():
            servo.torque = 0.0  # nothing is heavy here

    def _goal(self, servo: Any) -> float:
        at = reg.GOAL_POSITION.address
        count = int.from_bytes(servo.read(at, 2), "little")
        return (count - reg.CENTRE) * 2 * 3.141592653589793 / 4096


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


class Belt(inverter.Inverter):
    """The twin's inverter with a belt that has a mass."""

    def __init__(self) -> None:
        super().__init__()
        self._x = self._v = 0.0

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        super().write(table, address, values) if not self.stuck else self.read(table, 100, 1)

    def advance(self, duration: float) -> None:
        for _ in range(min(round(duration / STEP), 900)):
            (force,) = self.step((self._x,), (self._v,), STEP)
            self._v += (force - 4.0 * self._v) / 1.5 * STEP
            self._v = 0.0 if abs(self._v) < 1e-4 and force == 0.0 else self._v
            self._x += self._v * STEP

    def outputs(self) -> Mapping[str, float]:
        return {"at": round(self._x, 3), "power": float(self._state in inverter.POWERED)}

    def change(self) -> None:
        self._x += 0.01
        self.step((self._x,), (self._v,), STEP)


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


class Finger(gripper.Gripper):
    """The twin's gripper with fingers that have a mass; activated already."""

    def __init__(self) -> None:
        super().__init__(0.0425)
        self._x = self._v = 0.0
        super().write(Table.HOLDING, robotiq.OUTPUT, [0x0100, 0, 0])
        self.advance(5.0)

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        if not self.stuck:
            super().write(table, address, values)

    def advance(self, duration: float) -> None:
        for _ in range(min(round(duration / STEP), 900)):
            (force,) = self.step((self._x,), (self._v,), STEP)
            self._v = 0.9 * (self._v + force / 20.0 * STEP)
            self._x = max(0.0, min(0.0425, self._x + self._v * STEP))
            self._v = 0.0 if self._x in (0.0, 0.0425) else self._v

    def outputs(self) -> Mapping[str, float]:
        return {"at": round(self._x, 4), "going": float(self._status().going)}

    def change(self) -> None:
        self._x = 0.02
        self.step((self._x,), (0.0,), STEP)


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


class TestCamera(Conformance):
    driver = NetworkCamera
    settings = {"url": "http://127.0.0.1:9/nothing"}

    def open(self, driver: Any) -> None:
        driver.start()
