"""What stands behind any G-code controller: steppers, limit switches, a wire. Pure, no I/O.

What the controller would say unasked comes with its next answer: a wire asks its device for
nothing. A motor that is held back too far loses steps, and nobody is told: what is reported is
where the motors were sent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, Self

from handrail_drivers.emulator import Exchange, Place, StandIn
from handrail_drivers.errors import UnknownName
from handrail_drivers.gcode.axes import AXES, MM

HOMED_FIRST = (2, 0, 1)  # Z, then X and Y
ANSWERS = 0.002  # s that it takes
STIFFNESS, DAMPING, MOST = 20_000.0, 300.0, 60.0  # N/m, N.s/m, N: a stepper behind its belt
FAULTS = ("silent", "speaking", "garble", "brownout", "limit")


class Controlling(Protocol):
    """A controller of three axes. ``position`` [mm] is where it has sent its motors."""

    stuck: bool  # acknowledges all and moves nothing
    said: list[str]

    @property
    def position(self) -> tuple[float, ...]:
        """Where the motors are sent [mm]."""

    @property
    def is_limp(self) -> bool:
        """Whether the motors have no current."""

    def put(self, position: tuple[float, ...]) -> None:
        """Be somewhere else [mm], without a word, and know it."""

    def power(self) -> None:
        """Begin anew, as power comes."""

    def hear(self, sign: bytes) -> None:
        """Take one byte. What it answers is in ``said``, line by line."""

    def advance(self, duration: float, switches: Sequence[bool]) -> int | None:
        """Let so many seconds pass; return the axis that has just been homed, if one has."""

    def hit(self) -> None:
        """Have a limit switch pressed where none should be."""


class GcodeMachine(StandIn, ABC):
    """One controller and what it drives; each kind says which controller, and where its ends are.

    Args:
        zeros: m, by axis: machine coordinate where the joint is at 0.
    """

    line: ClassVar[str] = "serial"
    ends: ClassVar[Sequence[float]]  # mm, machine coordinates of the switches

    def __init__(self, zeros: Mapping[str, float]) -> None:
        self._driven = [AXES.index(axis) for axis in zeros]
        self._zeros = [zeros.get(axis, 0.0) * MM for axis in AXES]
        self._truly = [0.0] * 3  # mm, machine coordinates of the axes
        self._lost = [0.0] * 3  # mm that motors were sent and did not go
        self._is_placed = False  # whether the axes' true places are known
        self._silent = False
        self._garble = 0
        homed = [axis for axis in HOMED_FIRST if axis in self._driven]
        self.controller = self._made(tuple(self._truly), homed)

    @abstractmethod
    def _made(self, position: tuple[float, ...], homed: Sequence[int]) -> Controlling:
        """Return its controller, which somebody has homed."""

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the controller of one device."""
        return cls({one.axis: one.zero for one in place.settings.joints.values()})

    def exchanges(self, data: bytes, line_baud: int | None) -> list[Exchange]:
        """Take bytes; return what is answered to each that asks or ends a line."""
        del line_baud
        found: list[Exchange] = []
        taken = 0
        self.controller.stuck = self.stuck
        for sign in data:
            taken += 1
            if not self._silent:
                self.controller.hear(bytes((sign,)))
            if self.controller.said and not self._silent:
                found.append((taken, self._spoken(), ANSWERS))
                taken = 0
        return found

    def forget_partial(self) -> None:
        """It waits for the end of a line for ever."""

    def step(
        self, position: Sequence[float], velocity: Sequence[float], duration: float
    ) -> Sequence[float]:
        """Take the axes' true motion [m, m/s]; return the motors' forces [N]."""
        for number, at in zip(self._driven, position, strict=True):
            self._truly[number] = at * MM + self._zeros[number]
        if not self._is_placed:
            self._is_placed = True
            self.controller.put(tuple(self._truly))
        pairs = zip(self._truly, self.ends, strict=True)
        homed = self.controller.advance(duration, [at >= end for at, end in pairs])
        if homed is not None:
            self._lost[homed] = 0.0
        if self.controller.is_limp:
            for number in self._driven:  # a free motor is where its axis is
                self._lost[number] = self.controller.position[number] - self._truly[number]
            return [0.0] * len(self._driven)
        return [self._force(n, speed) for n, speed in zip(self._driven, velocity, strict=True)]

    def power_cycle(self) -> None:
        """Begin anew, not homed."""
        self.controller.power()

    def inject(self, fault: str, joint: str, count: int) -> None:
        """Fail as a test says: one of ``FAULTS``; ``limit`` presses a switch."""
        del joint
        match fault:
            case "silent" | "speaking":
                self._silent = fault == "silent"
            case "garble":
                self._garble = count
            case "brownout":
                self.power_cycle()
            case "limit":
                self.controller.hit()
            case _:
                raise UnknownName("fault", fault, FAULTS)

    def _force(self, number: int, speed: float) -> float:
        """Return one motor's force [N]; what it is behind more than it can pull is lost."""
        behind = self.controller.position[number] - self._lost[number] - self._truly[number]
        most = MOST / STIFFNESS * MM
        held = max(-most, min(most, behind))
        self._lost[number] += behind - held
        return STIFFNESS * held / MM - DAMPING * speed

    def _spoken(self) -> bytes:
        answer = "".join(f"{line}\r\n" for line in self.controller.said).encode("ascii")
        self.controller.said.clear()
        if self._garble > 0:
            self._garble -= 1
            return bytes(sign | 0x80 for sign in answer[:-2]) + answer[-2:]
        return answer
