"""Six servos behind one byte stream: what the twin's servo bus answers. Pure, no I/O.

Semantics from Feetech's protocol manual: broadcast writes and sync writes are not
answered, a broadcast ping is answered by every servo, a sync read is answered by each
named servo in the order of the request; an absent servo leaves its place empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from handrail_drivers.emulator import Place, World
from handrail_drivers.feetech import codec
from handrail_drivers.feetech.codec import BROADCAST, OVERHEAD, Instruction, Parser
from handrail_drivers.servos.frames import Frame

from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.servo import (
    HEAT_BIT,
    OVERLOAD_BIT,
    TORQUE_PER_AMPERE,
    VOLTAGE_BIT,
    Servo,
)
from handrail_sim.twin.servo_bank import ServoBank

SUPPLY = 12.0  # V
SUPPLY_RESISTANCE = 0.1  # ohm, cable and supply
FAULT_BITS = {"overload": OVERLOAD_BIT, "overheat": HEAT_BIT, "voltage": VOLTAGE_BIT, "angle": 0x02}
STRENGTHS = {"weak": 0.1, "strong": 1.0}  # what a servo has left of its torque


@dataclass(frozen=True, slots=True)
class ServoSpec:
    """One servo on the bus: its id, the joint it turns, how it differs from its data sheet."""

    id: int
    joint: str
    draw: ServoDraw


class FeetechBank(ServoBank[Servo]):
    """The servos of one bus.

    ``handle`` answers bytes with bytes; ``step`` advances the servos with the physics.
    """

    faults: ClassVar[tuple[str, ...]] = ("brownout", *STRENGTHS, *FAULT_BITS)

    def __init__(self, servos: Sequence[ServoSpec]) -> None:
        super().__init__({spec.joint: Servo(spec.id, spec.draw) for spec in servos})
        self._parser = Parser()
        self._actions: dict[int, Callable[[Frame], list[bytes]]] = {
            Instruction.PING: self._ping,
            Instruction.READ: self._read,
            Instruction.WRITE: self._write,
            Instruction.REG_WRITE: self._stage,
            Instruction.ACTION: self._act,
            Instruction.RESET: self._reset,
            Instruction.SYNC_READ: self._sync_read,
            Instruction.SYNC_WRITE: self._sync_write,
        }

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the servos of one device, as its settings and the cell's hidden draws have it."""
        given = place.settings.joints
        return cls([ServoSpec(given[name].id, name, place.draws[name]) for name in place.joints])

    def handle(self, data: bytes) -> list[bytes]:
        """Take bytes from the wire; return the answers in the order in which they are sent."""
        return [answer for _, answers in self.handle_frames(data) for answer in answers]

    def handle_frames(self, data: bytes) -> list[tuple[Frame, list[bytes]]]:
        """The same, request by request."""
        return [(frame, self._answers(frame)) for frame in self._parser.feed(data)]

    def exchanges(self, data: bytes, line_baud: int | None) -> list[tuple[int, bytes, float]]:
        """The same for a wire: bytes of each request, its answers, the delay [s] before them."""
        self.line_baud = line_baud
        return [
            (len(frame.parameters) + OVERHEAD, b"".join(answers), self.return_delay(answers))
            for frame, answers in self.handle_frames(data)
        ]

    def forget_partial(self) -> None:
        """Give up a frame that has begun: the line was silent in its middle."""
        self._parser = Parser()

    def return_delay(self, answers: Sequence[bytes]) -> float:
        """Time [s] for which the servos that sent these answers waited first."""
        delays = {servo.id: servo.return_delay for servo in self._order}
        return sum(delays.get(answer[2], 0.0) for answer in answers)

    def settle_supply(self) -> None:
        """Work out the supply's voltage under the present currents; call at some 50 Hz."""
        current = sum(abs(servo.torque) for servo in self._order) / TORQUE_PER_AMPERE
        for servo in self._order:
            servo.voltage = SUPPLY - SUPPLY_RESISTANCE * current

    def feel(self, world: World, duration: float) -> None:
        """Let the supply settle."""
        del world, duration
        self.settle_supply()

    def _fail(self, servo: Servo, fault: str, count: int) -> None:
        if fault in FAULT_BITS:
            servo.stuck_faults = FAULT_BITS[fault] if count else 0
        elif fault in STRENGTHS:
            servo.strength = STRENGTHS[fault]
        else:
            servo.power_cycle()

    def _answers(self, frame: Frame) -> list[bytes]:
        action = self._actions.get(frame.code)
        return self._spoilt(action(frame) if action else [])

    def _status(self, servo: Servo, parameters: bytes = b"") -> bytes:
        return codec.build(servo.id, servo.status, parameters)

    def _acknowledge(self, frame: Frame, servos: list[Servo]) -> list[bytes]:
        """Answers to a write: none to a broadcast, none where the response level says so."""
        if frame.id == BROADCAST:
            return []
        return [self._status(servo) for servo in servos if servo.answers_writes]

    def _ping(self, frame: Frame) -> list[bytes]:
        return [self._status(servo) for servo in self._named(frame.id)]

    def _read(self, frame: Frame) -> list[bytes]:
        if len(frame.parameters) != 2 or frame.id == BROADCAST:
            return []
        address, size = frame.parameters
        return [self._status(s, s.read(address, size)) for s in self._named(frame.id)]

    def _write(self, frame: Frame) -> list[bytes]:
        servos = self._named(frame.id)
        answers = self._acknowledge(frame, servos)
        for servo in servos:
            if frame.parameters:
                servo.write(frame.parameters[0], frame.parameters[1:])
        return answers

    def _stage(self, frame: Frame) -> list[bytes]:
        servos = self._named(frame.id)
        for servo in servos:
            if frame.parameters:
                servo.stage(frame.parameters[0], frame.parameters[1:])
        return self._acknowledge(frame, servos)

    def _act(self, frame: Frame) -> list[bytes]:
        servos = self._named(frame.id)
        for servo in servos:
            servo.act()
        return self._acknowledge(frame, servos)

    def _reset(self, frame: Frame) -> list[bytes]:
        servos = self._named(frame.id)
        for servo in servos:
            servo.reset()
        return self._acknowledge(frame, servos)

    def _sync_read(self, frame: Frame) -> list[bytes]:
        if frame.id != BROADCAST or len(frame.parameters) < 3:
            return []
        address, size, *ids = frame.parameters
        return [self._status(s, s.read(address, size)) for id in ids for s in self._named(id)]

    def _sync_write(self, frame: Frame) -> list[bytes]:
        if frame.id != BROADCAST or len(frame.parameters) < 3:
            return []
        address, size = frame.parameters[:2]
        rows = frame.parameters[2:]
        for at in range(0, len(rows) - size, size + 1):
            for servo in self._named(rows[at]):
                servo.write(address, rows[at + 1 : at + 1 + size])
        return []
