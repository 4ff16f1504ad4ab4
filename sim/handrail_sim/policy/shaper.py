"""Setpoints out of velocities that anybody may have asked for: within limits, whatever they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from handrail_drivers.errors import HandrailError
from ruckig import (
    ControlInterface,
    InputParameter,
    OutputParameter,
    Result,
    Ruckig,
    Synchronization,
)

from handrail_sim.arm import JointLimits
from handrail_sim.world import Array

APPROACH = 4.0  # 1/s: how fast a joint may come near the end of its range, by what is left


class Shaper:
    """Setpoints (n,) [rad] of some joints, led by velocities.

    Velocity (a fraction ``speed`` of the limit), acceleration and jerk stay within the joints'
    limits, and a joint brakes before the end of its range.
    """

    def __init__(
        self, limits: Sequence[JointLimits], rate: int, speed: float, setpoint: Sequence[float]
    ) -> None:
        self.setpoint: Array = np.array(setpoint, dtype=float)
        self._dt = 1.0 / rate
        self._low = np.array([one.low for one in limits])
        self._high = np.array([one.high for one in limits])
        self.fastest: Array = speed * np.array([one.velocity for one in limits])
        self._acceleration = np.array([one.acceleration for one in limits])
        jerk = np.array([one.jerk for one in limits])
        self._ramp = self._acceleration / jerk  # s until the full acceleration
        count = len(limits)
        self._ruckig = Ruckig(count, self._dt)
        self._wish, self._next = InputParameter(count), OutputParameter(count)
        self._wish.control_interface = ControlInterface.Velocity
        self._wish.synchronization = Synchronization.No
        self._wish.max_acceleration = self._acceleration.tolist()
        self._wish.max_jerk = jerk.tolist()

    @property
    def velocity(self) -> Array:
        """What the setpoints move at (n,) [rad/s], at full scale."""
        return np.array(self._wish.current_velocity)

    @property
    def braking(self) -> float:
        """Time [s] in which the fastest joint comes to a stand."""
        return float((self.fastest / self._acceleration + self._ramp).max()) + 2 * self._dt

    def advance(self, velocity: Array, scale: float = 1.0) -> Array:
        """Go on by one tick towards a velocity (n,) [rad/s]; return the setpoints (n,) [rad].

        ``scale`` is what reflexes and stops leave of the speed.
        """
        slowest = -np.minimum(self.fastest, APPROACH * (self.setpoint - self._low))
        fastest = np.minimum(self.fastest, APPROACH * (self._high - self.setpoint))
        allowed = np.clip(velocity, slowest, fastest)
        self._wish.target_velocity = allowed.tolist()
        if self._ruckig.update(self._wish, self._next) not in (Result.Working, Result.Finished):
            raise HandrailError("No profile leads to the velocity that is asked for.")
        self._next.pass_to_input(self._wish)
        moved = self.setpoint + scale * self._dt * self.velocity
        self.setpoint = np.clip(moved, self._low, self._high)
        return self.setpoint
