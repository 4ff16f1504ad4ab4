"""Who may be at the end of a line that is asked who is there."""

from __future__ import annotations

from handrail_drivers.dynamixel.models import MODELS
from handrail_sim.twin.dynamixel_servo import XServo
from handrail_sim.twin.dynamixel_wire import DynamixelBank
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.perturbation import ServoDraw


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


def servos(*ids: int) -> FeetechBank:
    bank = FeetechBank([ServoSpec(id, f"joint{n}", ServoDraw()) for n, id in enumerate(ids)])
    bank.step([0.0] * len(ids), [0.0] * len(ids), 0.002)
    return bank


def heads(*models: str, ids: tuple[int, ...] = (1, 2)) -> DynamixelBank:
    made = [XServo(id, MODELS[name], ServoDraw()) for id, name in zip(ids, models, strict=True)]
    return DynamixelBank({f"joint{n}": servo for n, servo in enumerate(made)})
