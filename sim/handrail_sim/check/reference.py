"""From steps to setpoints: jerk-limited point-to-point motion, with feed-forward.

The command adds to the reference what a soft servo needs to be there: gravity over
stiffness, and while it moves damping and friction over stiffness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from handrail_drivers.errors import HandrailError
from ruckig import InputParameter, Result, Ruckig
from ruckig import Trajectory as Profile

from handrail_sim.cell import Cell
from handrail_sim.world import Array, Scene

DWELL = 0.1  # s at the end of every step
SMOOTH = 0.05  # rad/s below which dry friction's sign is blended
SAME = 1e-6  # rad
KNOTS = 4  # rows: gravity between is interpolated (wrong by some 10 uN.m, at full speed)


class Reference:
    """Joint references (rows, j) [rad] and their velocities, a step at a time."""

    def __init__(self, cell: Cell, scene: Scene, command: Sequence[float]) -> None:
        """Begin where the command that stands holds the arm."""
        self._scene = scene
        self._rate = cell.loop.rate
        joints = cell.arm.all_joints
        limits = [cell.arm.limits[name] for name in joints]
        servos = [cell.arm.servo[name] for name in joints]
        self._velocity = np.array([limit.velocity for limit in limits])
        self._acceleration = np.array([limit.acceleration for limit in limits])
        self._jerk = np.array([limit.jerk for limit in limits])
        self._low = np.array([limit.low for limit in limits])
        self._high = np.array([limit.high for limit in limits])
        self._stiffness = np.array([servo.stiffness for servo in servos])
        self._damping = np.array([servo.damping + servo.derivative for servo in servos])
        self._friction = np.array([servo.friction for servo in servos])
        self.standing = self._held_by(np.array(command, dtype=float))
        self.present = self.standing
        self._positions: list[Array] = []  # (n, j) each
        self._velocities: list[Array] = []
        self.rows = 0
        self.step_rows: list[int] = []

    def begin_step(self) -> None:
        """Note that the next rows belong to the next step."""
        self.step_rows.append(self.rows)

    def fastest(self, target: Array) -> float:
        """Return the least time [s] to a target (j,) [rad]: at the velocity limits throughout."""
        return float((np.abs(target - self.present) / self._velocity).max())

    def move(self, target: Array, speed: float) -> None:
        """Go to target (j,) [rad] at a fraction of the speed limits, point to point."""
        if float(np.abs(target - self.present).max()) > SAME:
            profile = self._profile(target, speed)
            rows = range(1, int(profile.duration * self._rate) + 1)
            if sampled := [profile.at_time(row / self._rate)[:2] for row in rows]:
                positions, velocities = np.array(sampled).swapaxes(0, 1)
                self._append(positions, velocities)
        self._arrive(target)

    def follow(self, positions: Array, velocities: Array, target: Array) -> None:
        """Go along rows (n, j) [rad, rad/s] that are within the limits, to a target (j,)."""
        self._append(positions, velocities)
        self._arrive(target)

    def wait(self, seconds: float) -> None:
        """Stand still."""
        still = np.tile(self.present, (round(seconds * self._rate), 1))
        self._append(still, np.zeros_like(still))

    def setpoints(self) -> tuple[Array, Array, Array]:
        """Return reference, hold and lead, each (rows, j) [rad]."""
        reference = np.concatenate(self._positions)
        velocity = np.concatenate(self._velocities)
        hold = np.clip(reference + self._load(reference), self._low, self._high)
        friction = self._friction * np.tanh(velocity / SMOOTH)
        lead = (self._damping * velocity + friction) / self._stiffness
        # Never beyond the limits, so that the loop's clamp has nothing to do.
        return reference, hold, np.clip(hold + lead, self._low, self._high) - hold

    def hold_command(self, position: Sequence[float], payload: Array) -> Array:
        """Return the command (j,) [rad] that holds the arm and a ``payload`` (j,) [N.m] there."""
        q = np.array(position, dtype=float)
        load = (self._scene.gravity(q) + payload) / self._stiffness
        command: Array = np.clip(q + load, self._low, self._high)
        return command

    def _load(self, reference: Array) -> Array:
        """Gravity over stiffness (rows, j) [rad]."""
        rows = np.arange(len(reference))
        knots = np.unique(np.append(rows[::KNOTS], rows[-1]))
        gravity = np.array([self._scene.gravity(q) for q in reference[knots]])
        between = np.array([np.interp(rows, knots, joint) for joint in gravity.T]).T
        load: Array = between / self._stiffness
        return load

    def _held_by(self, command: Array) -> Array:
        """Where a command holds the arm: the fixed point of reference + load = command."""
        reference = command
        for _ in range(4):
            reference = command - self._scene.gravity(reference) / self._stiffness
        return reference

    def _profile(self, target: Array, speed: float) -> Profile:
        count = len(target)
        wish = InputParameter(count)
        wish.current_position = self.present.tolist()
        wish.target_position = target.tolist()
        wish.current_velocity = wish.current_acceleration = [0.0] * count
        wish.target_velocity = wish.target_acceleration = [0.0] * count
        wish.max_velocity = (self._velocity * speed).tolist()
        wish.max_acceleration = self._acceleration.tolist()
        wish.max_jerk = self._jerk.tolist()
        profile = Profile(count)
        result = Ruckig(count).calculate(wish, profile)
        if result not in (Result.Working, Result.Finished):
            raise HandrailError(f"No profile leads to {target.tolist()}: {result}.")
        return profile

    def _arrive(self, target: Array) -> None:
        self._append(target[None], np.zeros((1, len(target))))
        self.present = target

    def _append(self, positions: Array, velocities: Array) -> None:
        self._positions.append(positions)
        self._velocities.append(velocities)
        self.rows += len(positions)
