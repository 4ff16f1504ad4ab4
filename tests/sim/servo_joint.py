"""A joint that is one line of physics, for tests of one servo in virtual time."""

from __future__ import annotations

import math

from handrail_drivers.feetech import registers as reg
from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.servo import Servo

DT = 0.002  # s
COUNT = 2 * math.pi / 4096  # rad
INERTIA, DAMPING = 0.03, 0.6  # kg.m2, N.m.s/rad


class Joint:
    """A servo on an inertia with viscous friction. ``blocked``: it cannot move."""

    def __init__(self, draw: ServoDraw | None = None) -> None:
        self.servo = Servo(1, draw or ServoDraw())
        self.position = self.velocity = self.load = 0.0
        self.blocked = False
        self.run(DT)

    def put(self, register: reg.Register, value: int) -> None:
        word = register.encode(value)
        self.servo.write(register.address, word.to_bytes(register.size, "little"))

    def get(self, register: reg.Register) -> int:
        word = self.servo.read(register.address, register.size)
        return register.decode(int.from_bytes(word, "little"))

    def run(self, seconds: float) -> list[tuple[float, float]]:
        """Position [rad] and velocity [rad/s] after every step."""
        path = []
        for _ in range(round(seconds / DT)):
            torque = self.servo.step(self.position, self.velocity, DT) + self.load
            if not self.blocked:
                self.velocity += torque * DT / INERTIA
                self.velocity /= 1 + DAMPING * DT / INERTIA
                self.position += self.velocity * DT
            path.append((self.position, self.velocity))
        return path

    def drive(self, goal: int) -> None:
        """Torque on, towards goal counts from the centre."""
        self.put(reg.GOAL_POSITION, 2048 + goal)
        self.put(reg.TORQUE_ENABLE, 1)
