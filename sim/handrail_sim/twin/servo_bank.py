"""What emulated servo buses of all families share: who listens, and how a test has them fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from handrail_drivers.emulator import StandIn
from handrail_drivers.errors import UnknownName

BROADCAST = 0xFE  # in the frames of every family
LINE_FAULTS = ("garble", "silent", "speaking")


class Servo(Protocol):
    """One emulated servo of any family."""

    silent: bool  # injected: it neither hears nor answers

    @property
    def id(self) -> int:
        """To which it answers."""

    @property
    def baud(self) -> int:
        """Rate [bit/s] at which it listens."""

    def step(self, position: float, velocity: float, duration: float, /) -> float:
        """Advance by a time [s] at its joint's true motion; return the torque [N.m]."""


S = TypeVar("S", bound=Servo)


class ServoBank(StandIn, Generic[S], ABC):
    """The servos of one bus, by joint; a family's emulator derives from it."""

    line: ClassVar[str] = "serial"
    faults: ClassVar[tuple[str, ...]] = ()  # of one servo, beside falling silent

    def __init__(self, servos: Mapping[str, S]) -> None:
        self.servos = dict(servos)
        self.line_baud: int | None = None  # of the client's port; None: as every servo's
        self.garble = 0  # answers still to be sent with a wrong byte (injected fault)
        self._order = sorted(self.servos.values(), key=lambda servo: servo.id)

    def step(
        self, position: Sequence[float], velocity: Sequence[float], duration: float
    ) -> list[float]:
        """Advance all servos at their joints' true motion; return torques [N.m]."""
        rows = zip(self.servos.values(), position, velocity, strict=True)
        return [servo.step(q, qd, duration) for servo, q, qd in rows]

    def inject(self, fault: str, joint: str, count: int) -> None:
        """Fail as a test says; garbled answers are the whole bus's.

        Raises:
            UnknownName: it cannot fail like that, or has no such servo.
        """
        if fault == "garble":
            self.garble = count
            return
        known = (*LINE_FAULTS, *self.faults)
        if fault not in known:
            raise UnknownName("fault", fault, (*known, "jammed", "free"))
        if joint not in self.servos:
            raise UnknownName("servo", joint, self.servos)
        if fault in self.faults:
            self._fail(self.servos[joint], fault, count)
        else:
            self.servos[joint].silent = fault == "silent"

    @abstractmethod
    def _fail(self, servo: S, fault: str, count: int) -> None:
        """Have a servo fail in one of the family's own ways; a count of 0 ends it."""

    def _spoilt(self, answers: list[bytes]) -> list[bytes]:
        """The answers as they are sent: with a wrong byte where that was injected."""
        if self.garble > 0 and answers:
            self.garble -= 1
            *whole, last = answers
            return [*whole, last[:-1] + bytes((last[-1] ^ 0x55,))]
        return answers

    def _named(self, id: int) -> list[S]:
        """The servos that listen to an id, at the line's rate, and are alive; in order of ids."""
        return [
            servo
            for servo in self._order
            if id in (servo.id, BROADCAST)
            and not servo.silent
            and self.line_baud in (None, servo.baud)
        ]
