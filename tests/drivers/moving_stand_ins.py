"""Stand-ins of the twin's that move something, with joints that follow without a world."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from handrail_drivers.dynamixel.models import MODELS
from handrail_drivers.emulator import Exchange
from handrail_drivers.feetech import registers as reg
from handrail_drivers.modbus.frames import Table
from handrail_drivers.robotiq import registers as robotiq
from handrail_sim.cell_file import device_settings, load_cell
from handrail_sim.twin import inverter
from handrail_sim.twin import robotiq as gripper
from handrail_sim.twin.dynamixel_servo import XServo
from handrail_sim.twin.dynamixel_wire import DynamixelBank
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.perturbation import ServoDraw

PAN_TILT = device_settings(load_cell("pan_tilt"), "head")
DESK = device_settings(load_cell("desk"), "arm_bus")


def pan_tilt(model: str, effort: float) -> dict[str, Any]:
    """Settings of the head with servos of another model [N.m]."""
    settings = PAN_TILT.model_dump(mode="json")
    for joint in settings["joints"].values():
        joint.update(model=model, effort=effort)
    return settings


SPEED = 1.0  # rad/s at which joints follow their goals here
STEP = 0.01  # s


class Following:
    """What follows its goals at a speed of its own; before a bank of servos in a class's bases."""

    servos: dict[str, Any]
    stuck: bool
    _q: list[float]

    def exchanges(self, data: bytes, line_baud: int | None) -> list[Exchange]:
        bank = copy.deepcopy(self) if self.stuck else self
        return super(Following, bank).exchanges(data, None)  # type: ignore[misc]  # the bank's

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

    def _goal(self, servo: Any) -> float:
        goal: float = servo.goal
        return goal

    def _feel(self) -> None:
        raise NotImplementedError


class Servos(Following, FeetechBank):
    """The twin's servos, following."""

    def __init__(self) -> None:
        super().__init__([ServoSpec(j.id, name, ServoDraw()) for name, j in DESK.joints.items()])
        self._q = [0.0] * len(self.servos)
        self._feel()

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
        return (count - reg.CENTRE) * 2 * math.pi / 4096


class XServos(Following, DynamixelBank):
    """Dynamixel servos of one model, likewise."""

    def __init__(self, model: str = "XM430-W350") -> None:
        made = [XServo(id, MODELS[model], ServoDraw()) for id in (1, 2)]
        super().__init__(dict(zip(("pan", "tilt"), made, strict=True)))
        self._q = [0.0] * len(self.servos)
        self._feel()

    def power_cycle(self) -> None:
        for servo in self.servos.values():
            servo.reboot()

    def change(self) -> None:
        self._q[0] += 0.1
        self._feel()

    def _feel(self) -> None:
        for servo, q in zip(self.servos.values(), self._q, strict=True):
            servo.step(q, 0.0, 0.0)
            servo.torque = 0.0  # nothing is heavy here


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
