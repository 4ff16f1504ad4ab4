"""A 2F gripper and its fingers in virtual time, at the end of a line without a wire."""

from __future__ import annotations

from typing import Any

from handrail_drivers.errors import ModbusSilent
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Request
from handrail_drivers.modbus.unit import answer
from handrail_sim.twin import robotiq as twin

TRAVEL = 0.0425  # m
STEP = 0.002  # s
MASS = 2.0  # kg, of both fingers with their motor


class Hand:
    """A gripper and its fingers in virtual time; ``thing``: half of what is between them [m]."""

    def __init__(self) -> None:
        self.gripper = twin.Gripper(TRAVEL)
        self.position, self.speed = TRAVEL, 0.0
        self.thing = 0.0
        self.now_ns = 0
        self.dead = False
        self.written: list[bytes] = []

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            (force,) = self.gripper.step((self.position,), (self.speed,), STEP)
            self.speed += force / MASS * STEP
            self.speed *= 0.97  # drag
            self.position += self.speed * STEP
            for end, side in ((self.thing, 1), (TRAVEL, -1)):
                if (self.position - end) * side < 0:
                    self.position, self.speed = end, 0.0
            self.now_ns += round(STEP * 1e9)

    def ask(self, request: Request, **_: Any) -> bytes:
        if self.dead:
            raise ModbusSilent("It does not answer.")
        if request.writes:
            self.written.append(request.body)
        said = answer(request.body, self.gripper)
        assert frames.answers(request, said)
        return said

    def close(self) -> None:
        """Nothing is open."""
