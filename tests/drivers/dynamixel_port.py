"""A port in memory to the twin's Dynamixel servos, on which no time passes."""

from __future__ import annotations

from handrail_drivers.dynamixel.models import MODELS
from handrail_sim.twin.dynamixel_servo import XServo
from handrail_sim.twin.dynamixel_wire import DynamixelBank
from handrail_sim.twin.perturbation import ServoDraw

PAN, TILT = 1, 2


class Port:
    """What the SDK needs of a port; also a Transport for our driver."""

    def __init__(self, model: str = "XM430-W350") -> None:
        made = [XServo(id, MODELS[model], ServoDraw()) for id in (PAN, TILT)]
        self.bank = DynamixelBank(dict(zip(("pan", "tilt"), made, strict=True)))
        self.bank.step((0.0, 0.0), (0.0, 0.0), 0.0)
        self.is_using = False
        self.sent = b""
        self._said = b""

    def write(self, data: bytes) -> None:
        self.sent = bytes(data)
        for _, answer, _ in self.bank.exchanges(bytes(data), 1_000_000):
            self._said += answer

    def read(self, size: int, timeout_s: float = 0.0) -> bytes:
        data, self._said = self._said[:size], self._said[size:]
        return data

    def discard_input(self) -> None:
        self._said = b""

    def close(self) -> None: ...

    # The SDK's names.
    def clearPort(self) -> None:
        self._said = b""

    def writePort(self, packet: list[int]) -> int:
        self.write(bytes(packet))
        return len(packet)

    def readPort(self, length: int) -> list[int]:
        return list(self.read(length))

    def setPacketTimeout(self, _: int) -> None: ...

    def setPacketTimeoutMillis(self, _: float) -> None: ...

    def isPacketTimeout(self) -> bool:
        return not self._said

    def getBaudRate(self) -> int:
        return 1_000_000
