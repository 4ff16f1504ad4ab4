"""A gantry's Grbl controller with its steppers and limit switches. Pure, no I/O.

What the controller would say unasked comes with its next answer: a wire asks its device for
nothing. A motor that is held back too far loses steps, and nobody is told: what is reported is
where the motors were sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from handrail_drivers.emulator import Exchange, Place, StandIn
from handrail_drivers.errors import UnknownName
from handrail_drivers.grbl.words import AXES, MM, State

from handrail_sim.twin.grbl_controller import Controller

HOMED_FIRST = (2, 0, 1)  # Z, then X and Y, as Grbl does
ANSWERS = 0.002  # s that it takes
STIFFNESS, DAMPING, MOST = 20_000.0, 300.0, 60.0  # N/m, N.s/m, N: a stepper behind its belt
FAULTS = ("silent", "speaking", "garble", "brownout", "limit")


class Grbl(StandIn):
    """One controller and what it drives.

    Args:
        zeros: m, by axis: machine coordinate where the joint is at 0.
    """

    line: ClassVar[str] = "serial"

    def __init__(self, zeros: Mapping[str, float]) -> None:
        self._driven = [AXES.index(axis) for axis in zeros]
        self._zeros = [zeros.get(axis, 0.0) * MM for axis in AXES]
        self._truly = [0.0] * 3  # mm, machine coordinates of the axes
        self._lost = [0.0] * 3  # mm that motors were sent and did not go
        self._is_placed = False  # whether the axes' true places are known
        self._silent = False
        self._garble = 0
        homed = [axis for axis in HOMED_FIRST if axis in self._driven]
        self.controller = Controller(tuple(self._truly), homed, State.IDLE)

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the controller of one device; somebody has homed it."""
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
            self.controller.restart(tuple(self._truly), self.controller.state)
        homed = self.controller.advance(duration, [at >= 0 for at in self._truly])
        if homed is not None:
            self._lost[homed] = 0.0
        if self.controller.state is State.SLEEP:
            return [0.0] * len(self._driven)
        return [self._force(n, speed) for n, speed in zip(self._driven, velocity, strict=True)]

    def power_cycle(self) -> None:
        """Begin anew, locked until it is homed."""
        self.controller.restart(self.controller.position, State.ALARM)
        self.controller.greet()

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
