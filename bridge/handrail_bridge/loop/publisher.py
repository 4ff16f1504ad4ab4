"""What a loop says of itself on every tick: its state, for the bridge."""

from __future__ import annotations

from collections.abc import Sequence

from handrail_drivers.api import JointState

from handrail_bridge.loop.clock import Clock
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.port import Port
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import LoopState, Mode


class Publisher:
    """Publishes the state of one loop; counts its ticks."""

    def __init__(self, clock: Clock, shared: Shared, port: Port, motion: Motion) -> None:
        self._clock, self._shared = clock, shared
        self._port, self._motion = port, motion
        self._mode, self._mode_since_ns = motion.mode, clock.now_ns()
        self.ticks = self.overruns = self.clamps = 0
        self.fired = 0  # bits of the reflexes that are latched

    def publish(
        self,
        due_ns: int,
        joints: JointState,
        written: Sequence[float] | None,
        complaint: str,
    ) -> None:
        """Publish what is so now.

        Args:
            due_ns: when the tick should have begun.
            joints: the last whole reading.
            written: what the servos were told last [rad]; None where nothing is held.
            complaint: of a reflex that keeps the loop from being armed.
        """
        motion, port, player = self._motion, self._port, self._motion.player
        now_ns = self._clock.now_ns()
        if motion.mode != self._mode:
            self._mode, self._mode_since_ns = motion.mode, now_ns
        self._shared.publish(
            LoopState(
                time_ns=joints.time_ns,
                due_ns=due_ns,
                alive_ns=now_ns,
                mode=motion.mode,
                mode_since_ns=self._mode_since_ns,
                reason=(motion.mode == Mode.DISARMED and complaint) or motion.reason,
                fault_code=motion.fault_code,
                position=joints.position,
                velocity=joints.velocity,
                effort=joints.effort,
                setpoint=tuple(self._standing(joints, written)),
                temperature=port.temperature,
                voltage=port.voltage,
                torque_enabled=port.torque_enabled,
                ticks=self.ticks,
                overruns=self.overruns,
                late_reads=port.late_reads,
                retries=port.retries,
                clamps=self.clamps,
                fired=self.fired,
                speed_scale=motion.speed_scale,
                motion_id=player.motion_id if player else 0,
                row=player.row if player else 0,
                rows=player.rows if player else 0,
                peak_following_error=motion.peak_error,
                peak_slide_error=motion.peak_slide_error,
                ended_motion_id=motion.ended.motion_id,
                ended_completed=motion.ended.completed,
                ended_reason=motion.ended.reason,
            )
        )

    def _standing(self, joints: JointState, written: Sequence[float] | None) -> Sequence[float]:
        """Return what the servos were told last [rad]; where they are if nothing is held."""
        if self._motion.setpoint is None:
            return joints.position
        return written or self._motion.setpoint  # just armed: the arming wrote it
