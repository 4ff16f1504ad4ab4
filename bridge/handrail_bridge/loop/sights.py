"""What the reflexes of a loop see on a tick, put together from all who know of it."""

from __future__ import annotations

from handrail_drivers.api import JointState
from handrail_drivers.reflex import Sight, Signal

from handrail_bridge.loop.clock import Clock
from handrail_bridge.loop.control import HEARTBEAT, Control
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.port import Port
from handrail_bridge.loop.settings import LoopConfig


class Sights:
    """Makes the :class:`Sight` of each tick, and knows when the loop was last awake."""

    def __init__(
        self, config: LoopConfig, clock: Clock, control: Control, port: Port, motion: Motion
    ) -> None:
        self._names = config.signals
        self._clock, self._control = clock, control
        self._port, self._motion = port, motion
        self._signals: dict[str, Signal] = {}
        self._awake_ns, self._suspended_ns = clock.now_ns(), clock.suspended_ns()

    def awake(self, now_ns: int) -> None:
        """Know that the loop lives: a tick has begun, or a question was answered."""
        self._awake_ns, self._suspended_ns = now_ns, self._clock.suspended_ns()

    def at(self, now_ns: int, joints: JointState, bridge_gone: bool) -> Sight:
        """Return what is so at a time [ns]; ``joints`` is the last whole reading."""
        motion, port, player = self._motion, self._port, self._motion.player
        for number, name in enumerate(self._names):
            if (signal := self._control.signal(number)) is not None:
                self._signals[name] = signal
        return Sight(
            now_ns=now_ns,
            read_ns=joints.time_ns,
            last_tick_ns=self._awake_ns - (self._clock.suspended_ns() - self._suspended_ns),
            heartbeat_ns=now_ns if bridge_gone else self._control.word(HEARTBEAT),
            position=joints.position,
            velocity=joints.velocity,
            effort=joints.effort,
            temperature=port.temperature,
            expected=motion.expected,
            band=motion.band,
            expected_effort=player.effort() if player else None,
            effort_band=player.effort_band() if player else (),
            late_in_a_row=port.late_in_a_row,
            late_error=port.error,
            faults=port.bus.faults() if port.bus else {},
            limp=port.limp,
            signals=self._signals,
        )
