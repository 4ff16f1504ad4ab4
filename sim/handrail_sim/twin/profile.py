"""The servo's internal profile: a reference that follows a goal within speed and acceleration."""

from __future__ import annotations

import math

from handrail_sim.twin.servo_settings import Control


class Profile:
    """``position`` [rad] is what the controller follows, ``speed`` [rad/s] how fast it moves."""

    __slots__ = ("position", "speed")

    def __init__(self) -> None:
        self.position = self.speed = 0.0

    def begin(self, position: float) -> None:
        """Stand at a position."""
        self.position, self.speed = position, 0.0

    def advance(self, goal: float, asked: Control, dt: float) -> float:
        """Move dt [s] towards a goal [rad]; return the position."""
        distance = goal - self.position
        if not distance and not self.speed:
            return goal
        wanted, slow_enough = asked.top_speed, math.inf
        if asked.ramp:
            # The speed from which steps of dt, each slower by the ramp, end on the goal.
            half = asked.ramp * dt / 2
            wanted = min(wanted, math.sqrt(half * half + 2 * asked.ramp * abs(distance)) - half)
            slow_enough = 2.001 * half
        self.accelerate(math.copysign(wanted, distance), asked.ramp, dt)
        step = self.speed * dt
        if abs(distance) <= abs(step) and abs(self.speed) <= slow_enough:
            self.begin(goal)
        else:
            self.position += step
        return self.position

    def accelerate(self, wanted: float, ramp: float, dt: float) -> float:
        """Bring the speed towards a wanted one within the ramp [rad/s2], 0: at once; return it."""
        change = wanted - self.speed
        most = ramp * dt
        self.speed += max(-most, min(most, change)) if most else change
        return self.speed
