"""Dynamixel X servos behind one byte stream. Pure, no I/O.

Source: ROBOTIS e-Manual, "Protocol 2.0": a write to all and a sync write are not answered; a ping
of all is answered by every servo, in the order of ids; a sync read by each that is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Self

from handrail_drivers.dynamixel import codec
from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.codec import BROADCAST, Instruction, Parser
from handrail_drivers.dynamixel.models import MODELS
from handrail_drivers.emulator import Exchange, Place
from handrail_drivers.servos.frames import Frame

from handrail_sim.twin.dynamixel_servo import XServo
from handrail_sim.twin.servo_bank import ServoBank

FAULT_BITS = {"overload": 0x20, "overheat": 0x04, "voltage": 0x01}
INSTRUCTION_ERROR, LENGTH_ERROR = 2, 5
REQUEST = 10  # bytes of a request without parameters


class DynamixelBank(ServoBank[XServo]):
    """The servos of one bus, by joint."""

    faults: ClassVar[tuple[str, ...]] = ("brownout", *FAULT_BITS)

    def __init__(self, servos: dict[str, XServo]) -> None:
        super().__init__(servos)
        self._parser = Parser(answers=False)
        self._actions: dict[int, Callable[[XServo, bytes], bytes]] = {
            Instruction.PING: self._ping,
            Instruction.READ: self._read,
            Instruction.WRITE: self._write,
            Instruction.REG_WRITE: self._stage,
            Instruction.ACTION: self._act,
            Instruction.REBOOT: self._reboot,
        }

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the servos of one device, as its settings and the cell's hidden draws have it."""
        given = place.settings.joints
        return cls(
            {
                name: XServo(given[name].id, MODELS[given[name].model], place.draws[name])
                for name in place.joints
            }
        )

    def exchanges(self, data: bytes, line_baud: int | None) -> list[Exchange]:
        """Take bytes; return what is answered to the requests that they complete."""
        self.line_baud = line_baud
        return [
            (len(frame.parameters) + REQUEST, b"".join(said), self._delay(said))
            for frame in self._parser.feed(data)
            for said in [self._spoilt(self._obeyed(frame))]
        ]

    def forget_partial(self) -> None:
        """Give up a frame that has begun: the line was silent in its middle."""
        self._parser = Parser(answers=False)

    def _fail(self, servo: XServo, fault: str, count: int) -> None:
        del count
        if fault in FAULT_BITS:
            servo.fail(FAULT_BITS[fault])
        else:
            servo.reboot()

    # --- requests ---------------------------------------------------------------------------------

    def _obeyed(self, frame: Frame) -> list[bytes]:
        if frame.code == Instruction.SYNC_READ:
            return self._sync_read(frame.parameters)
        if frame.code == Instruction.SYNC_WRITE:
            self._sync_write(frame.parameters)
            return []
        action = self._actions.get(frame.code)
        said = [
            self._status(servo, INSTRUCTION_ERROR)
            if action is None
            else action(servo, frame.parameters)
            for servo in self._named(frame.id)
        ]
        return said if frame.id != BROADCAST or frame.code == Instruction.PING else []

    @staticmethod
    def _status(servo: XServo, error: int, data: bytes = b"") -> bytes:
        alert = codec.ALERT if servo.value(reg.HARDWARE_ERROR) else 0
        return codec.status(servo.id, error | alert, data)

    def _delay(self, said: Sequence[bytes]) -> float:
        delays = {one.id: one.value(reg.RETURN_DELAY) for one in self._order}
        return sum(delays.get(answer[4], 0) for answer in said) * reg.RETURN_DELAY_UNIT

    def _ping(self, servo: XServo, parameters: bytes) -> bytes:
        del parameters
        model = codec.word(servo.value(reg.MODEL_NUMBER))
        return self._status(servo, 0, model + bytes((servo.value(reg.FIRMWARE),)))

    def _read(self, servo: XServo, parameters: bytes) -> bytes:
        if len(parameters) != 4:
            return self._status(servo, LENGTH_ERROR)
        return self._status(servo, *servo.read(*_pair(parameters)))

    def _write(self, servo: XServo, parameters: bytes) -> bytes:
        return self._status(servo, servo.write(_pair(parameters)[0], parameters[2:]))

    def _stage(self, servo: XServo, parameters: bytes) -> bytes:
        servo.stage(_pair(parameters)[0], parameters[2:])
        return self._status(servo, 0)

    def _act(self, servo: XServo, parameters: bytes) -> bytes:
        del parameters
        servo.act()
        return self._status(servo, 0)

    def _reboot(self, servo: XServo, parameters: bytes) -> bytes:
        del parameters
        answer = self._status(servo, 0)
        servo.reboot()
        return answer

    def _sync_read(self, parameters: bytes) -> list[bytes]:
        address, size = _pair(parameters)
        return [
            self._status(servo, *servo.read(address, size))
            for id in parameters[4:]
            for servo in self._named(id)
        ]

    def _sync_write(self, parameters: bytes) -> None:
        address, size = _pair(parameters)
        rows = parameters[4:]
        for at in range(0, len(rows) - size, size + 1):
            for servo in self._named(rows[at]):
                servo.write(address, rows[at + 1 : at + 1 + size])


def _pair(parameters: bytes) -> tuple[int, int]:
    """Return the two words that parameters begin with; 0 for what is missing."""
    return int.from_bytes(parameters[:2], "little"), int.from_bytes(parameters[2:4], "little")
