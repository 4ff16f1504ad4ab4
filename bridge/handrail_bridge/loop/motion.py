"""What the loop holds and plays, and in which mode: the state machine of the rail's end.

::

    DISARMED --arm--> ARMED --play--> MOVING --end--> ARMED
    MOVING --abort--> STOPPING --> ARMED          ARMED, MOVING --stop--> STOPPED (latched)
    any --fault--> FAULT (latched)                STOPPED, FAULT --reset--> DISARMED
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handrail_bridge.loop.player import Player
from handrail_bridge.loop.reflexes import Stop, Trip
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import Mode


@dataclass(frozen=True, slots=True)
class Ended:
    """How the last motion ended."""

    motion_id: int = 0
    completed: bool = False
    reason: str = ""


class Motion:
    """Mode, setpoints and the trajectory that is being played.

    ``setpoint`` is what is written on every tick; None: nothing is written. ``expected`` is
    where the joints should be.
    """

    def __init__(self, config: LoopConfig) -> None:
        self._slow_step = 1.0 / max(1.0, config.stop_time * config.rate)
        self.mode = Mode.DISARMED
        self.reason = ""
        self.fault_code = ""
        self.setpoint: list[float] | None = None
        self.expected: Sequence[float] | None = None
        self.player: Player | None = None
        self.ended = Ended()
        self.peak_error = 0.0
        self._slowing = False
        self._ends = Mode.ARMED  # the mode that follows the slow-down
        self._why = ""  # what began it

    @property
    def latched(self) -> bool:
        """Whether only the operator's reset leads on."""
        return self.mode in (Mode.STOPPED, Mode.FAULT)

    @property
    def slowing(self) -> bool:
        """Whether the motion is being slowed down to a stop."""
        return self._slowing

    @property
    def at_rest(self) -> bool:
        """Whether no setpoint changes any more."""
        return self.player is None

    def arm(self, setpoint: list[float], position: Sequence[float]) -> None:
        """Hold this setpoint [rad]; the joints are at ``position`` [rad]."""
        self.mode, self.reason, self.fault_code = Mode.ARMED, "", ""
        self.setpoint, self.expected = setpoint, tuple(position)

    def disarm(self, reason: str) -> None:
        """Write no more setpoints, and clear what was latched."""
        self._finish(False, reason)
        self.mode, self.reason, self.fault_code = Mode.DISARMED, reason, ""
        self.setpoint = self.expected = None

    def let_go(self, reason: str) -> None:
        """Write no more setpoints; what is latched stays so."""
        if not self.latched:
            self.disarm(reason)
        self.setpoint = self.expected = None

    def play(self, player: Player) -> None:
        """Begin a motion."""
        self.player, self.mode, self._slowing = player, Mode.MOVING, False
        self.peak_error = 0.0

    def stop(self, reason: str) -> None:
        """A held stop, latched."""
        if self.mode == Mode.FAULT:
            return
        self.mode = Mode.STOPPED if self.player is None else Mode.STOPPING
        self.reason, self._slowing = reason, self.player is not None
        self._ends, self._why = Mode.STOPPED, reason

    def abort(self, reason: str) -> None:
        """The same stop for this motion only: the cell stays armed."""
        if self.mode == Mode.MOVING:
            self.mode, self._slowing, self.reason = Mode.STOPPING, True, ""
            self._ends, self._why = Mode.ARMED, reason

    def trip(self, trip: Trip, position: Sequence[float]) -> None:
        """A protective stop, latched; the first fault names it.

        A stop on the path becomes one where the arm is if the arm leaves the path meanwhile.
        """
        if self.mode == Mode.DISARMED or (self.mode == Mode.FAULT and self.at_rest):
            return
        if self.mode != Mode.FAULT:
            self.mode, self.reason, self.fault_code = Mode.FAULT, trip.reason, trip.code
            self._slowing = self.player is not None
            self._ends, self._why = Mode.FAULT, trip.reason
        if trip.stop is Stop.WHERE_IT_IS:
            self._hold_at(position)

    def _hold_at(self, position: Sequence[float]) -> None:
        """Hold the measured position [rad] at once."""
        if self.setpoint is None or self.expected is None:
            return
        if self.player is not None:  # what was added for the speed goes
            self.player.speed_scale = 0.0
            self.setpoint = self.player.command()
        # What was added to carry the load stays added: the arm must not sag.
        self.setpoint = [
            measured + setpoint - expected
            for measured, setpoint, expected in zip(
                position, self.setpoint, self.expected, strict=True
            )
        ]
        self.expected = tuple(position)
        self._finish(False, self._why)

    def lose(self, code: str, reason: str) -> None:
        """The bus is gone: nothing can be written, and nothing is known when it returns."""
        self._finish(False, reason)
        self.mode, self.reason, self.fault_code = Mode.FAULT, reason, code
        self.setpoint = self.expected = None

    def advance(self) -> None:
        """Go on by one tick: what is written now, and where the joints should be."""
        player = self.player
        if player is None:
            return
        player.advance(self._slow_step if self._slowing else 0.0)
        self.setpoint, self.expected = player.command(), player.predicted()
        if player.speed_scale == 0.0:
            self._finish(False, self._why)
            self.mode = self._ends
        elif player.finished and not self._slowing:
            self._finish(True, "")
            self.mode = Mode.ARMED

    def _finish(self, completed: bool, reason: str) -> None:
        if self.player is not None:
            self.ended = Ended(self.player.motion_id, completed, reason)
        self.player = None
        self._slowing = False
