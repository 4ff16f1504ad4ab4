"""What the loop holds and plays, and in which mode: the state machine of the rail's end.

::

    DISARMED --arm--> ARMED --play--> MOVING --end--> ARMED
    MOVING --abort--> STOPPING --> ARMED          ARMED, MOVING --stop--> STOPPED (latched)
    any --fault--> FAULT (latched)                STOPPED, FAULT --reset--> DISARMED

A stop of category 0 or 1 also wants power off, at once or once the motion has ended.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handrail_sim.verdict import Trajectory

from handrail_bridge.loop.player import Player
from handrail_bridge.loop.policy_player import PolicyPlayer
from handrail_bridge.loop.reflexes import Stop, Trip, stop_of
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import Mode

if TYPE_CHECKING:  # onnxruntime is loaded for cells with policies alone
    from handrail_bridge.loop.policy import LoadedPolicies


@dataclass(frozen=True, slots=True)
class Ended:
    """How the last motion ended."""

    motion_id: int = 0
    completed: bool = False
    reason: str = ""


class Motion:
    """Mode, setpoints and the trajectory that is being played.

    ``setpoint`` is what is written on every tick; None: nothing is written. ``expected`` is
    where the joints should be, ``band`` how far [rad] they may be from there. ``speed_scale`` is
    what reflexes leave to a motion.
    """

    def __init__(self, config: LoopConfig, policies: LoadedPolicies | None = None) -> None:
        self._config = config
        self.policies = policies
        self._slow_step = 1.0 / max(1.0, config.stop_time * config.rate)
        self.mode = Mode.DISARMED
        self.reason = ""
        self.fault_code = ""
        self.setpoint: list[float] | None = None
        self.expected: Sequence[float] | None = None
        # What grips presses against a thing, and gives way with it.
        ways = zip(config.tube, config.grips, strict=True)
        self._rest_band = tuple(math.inf if grips else tube for tube, grips in ways)
        self.band: Sequence[float] = self._rest_band
        self.speed_scale = 1.0
        self.others_scale = 1.0  # what other buses' loops leave of it
        self.waits = False  # for another bus that plays the same motion
        self.player: Player | None = None
        self.ended = Ended()
        self.peak_error = 0.0  # rad, of joints that turn
        self.peak_slide_error = 0.0  # m, of those that slide
        self._slides = [unit == "m" for unit in config.units]
        self._slowing = False
        self._ends = Mode.ARMED  # the mode that follows the slow-down
        self._why = ""  # what began it
        self._begin_ns = 0
        self._power_off: Stop | None = None  # the stop that wants it
        self.wants_stand = False  # a stop has come that no setpoint brings about

    @property
    def latched(self) -> bool:
        """Whether only the operator's reset leads on."""
        return self.mode in (Mode.STOPPED, Mode.FAULT)

    @property
    def halted(self) -> bool:
        """Whether it is latched, or will be once the motion has slowed down."""
        return self.latched or (self.mode == Mode.STOPPING and self._ends == Mode.STOPPED)

    @property
    def slowing(self) -> bool:
        """Whether the motion is being slowed down to a stop."""
        return self._slowing

    @property
    def at_rest(self) -> bool:
        """Whether no setpoint changes any more."""
        return self.player is None

    @property
    def wants_power_off(self) -> bool:
        """Whether a stop of category 0 or 1 wants the joints' power taken off now."""
        return self._power_off is Stop.POWER_OFF or (self._power_off is not None and self.at_rest)

    @property
    def scale(self) -> float:
        """What reflexes leave of the speed, this loop's own and those of other buses."""
        return min(self.speed_scale, self.others_scale)

    def arm(self, setpoint: list[float], position: Sequence[float]) -> None:
        """Hold this setpoint [rad]; the joints are at ``position`` [rad]."""
        self.mode, self.reason, self.fault_code = Mode.ARMED, "", ""
        self.setpoint = setpoint
        self._expect(position)

    def disarm(self, reason: str) -> None:
        """Write no more setpoints, and clear what was latched."""
        self._finish(False, reason)
        self.mode, self.reason, self.fault_code = Mode.DISARMED, reason, ""
        self.setpoint = self.expected = self._power_off = None

    def let_go(self, reason: str) -> None:
        """Write no more setpoints; what is latched stays so."""
        if not self.latched:
            self.disarm(reason)
        self.setpoint = self.expected = None

    def power_is_off(self) -> None:
        """End the motion where it is: a stop has taken the joints' power off."""
        if self.mode == Mode.STOPPING:
            self.mode = self._ends
        self._finish(False, self._why)
        self.setpoint = self.expected = self._power_off = None

    def play(self, trajectory: Trajectory, motion_id: int, token: int, begin_ns: int = 0) -> None:
        """Take a motion, which begins once a monotonic time [ns] has come."""
        rate, settling = self._config.rate, self._config.settling
        rest = (motion_id, token, rate, self.scale, settling, self._config.stiffness)
        part, policies = trajectory.policy, self.policies
        if part is not None and policies is not None:
            standing = self.setpoint or []
            self.player = PolicyPlayer(trajectory, part, policies, standing, rest)
        else:
            self.player = Player(trajectory, *rest)
        self.mode, self._slowing = Mode.MOVING, False
        self.peak_error = self.peak_slide_error = 0.0
        self._begin_ns, self.waits = begin_ns, False

    def begin(self, begin_ns: int) -> None:
        """Say when the motion that was taken begins [ns, monotonic]."""
        if self.player is not None and not self.player.begun:
            self._begin_ns = begin_ns

    def stop(self, reason: str) -> None:
        """A stop of the cell's category, latched.

        What nobody armed may move by itself, such as a machine that homes: its driver stops it.
        """
        self.wants_stand |= self.mode == Mode.DISARMED
        self.demand(stop_of(self._config.stop_category))
        if self.mode == Mode.FAULT:
            return
        self._drop_unbegun(reason)
        self.mode = Mode.STOPPED if self.player is None else Mode.STOPPING
        self.reason, self._slowing = reason, self.player is not None
        self._ends, self._why = Mode.STOPPED, reason

    def abort(self, reason: str) -> None:
        """The same stop for this motion only: the cell stays armed."""
        if self.mode == Mode.MOVING:
            self._drop_unbegun(reason)
            self._slowing, self.reason = self.player is not None, ""
            self.mode = Mode.STOPPING if self._slowing else Mode.ARMED
            self._ends, self._why = Mode.ARMED, reason

    def slow(self, speed_scale: float) -> None:
        """Leave the motion, and those to come, a part of their speed until a reset."""
        self.speed_scale = min(self.speed_scale, speed_scale)

    def trip(self, trip: Trip, position: Sequence[float]) -> None:
        """A protective stop, latched; the first fault names it.

        A stop on the path becomes a graver one where another rule demands it meanwhile.
        """
        if self.mode == Mode.DISARMED or trip.stop is None:
            return
        news = self.mode != Mode.FAULT
        if news:
            self._drop_unbegun(trip.reason)
            self.mode, self.reason, self.fault_code = Mode.FAULT, trip.reason, trip.code
            self._slowing = self.player is not None
            self._ends, self._why = Mode.FAULT, trip.reason
        if trip.stop is Stop.WHERE_IT_IS and (news or not self.at_rest):
            self.hold_at(position)
        self.demand(trip.stop)

    def demand(self, stop: Stop | None) -> None:
        """Have power taken off where the stop says so; the graver demand stands until it is."""
        if self._power_off is Stop.POWER_OFF:
            return
        if stop in (Stop.THEN_POWER_OFF, Stop.POWER_OFF):
            self._power_off = stop

    def hold_at(self, position: Sequence[float]) -> None:
        """Hold the measured position [rad] at once."""
        if self.setpoint is None or self.expected is None:
            return
        if self.player is not None:  # what was added for the speed goes
            self.player.speed_scale = 0.0
            self.setpoint = self.player.command()
        # What was added to carry the load stays added: the arm must not sag. What grips presses
        # on: its setpoint lies behind the thing.
        parts = zip(position, self.setpoint, self.expected, self._config.grips, strict=True)
        self.setpoint = [
            setpoint if grips else measured + setpoint - expected
            for measured, setpoint, expected, grips in parts
        ]
        self._expect(position)
        self._finish(False, self._why)

    def hold_back(self, ticks: int) -> None:
        """Know that the setpoints stood for so many ticks more than the check saw."""
        if self.player is not None and ticks:
            self.player.hold_back(ticks)
            self.band = self.player.band()  # what is measured now is compared already

    def remember_error(self, position: Sequence[float]) -> None:
        """Keep the motion's largest distances of joints that do not grip."""
        if self.player is not None and self.expected is not None:
            rows = zip(position, self.expected, self._config.grips, self._slides, strict=True)
            for is_, seen, grips, slides in rows:
                if not grips and slides:
                    self.peak_slide_error = max(self.peak_slide_error, abs(is_ - seen))
                elif not grips:
                    self.peak_error = max(self.peak_error, abs(is_ - seen))

    def _expect(self, position: Sequence[float]) -> None:
        """The joints should stay at ``position`` [rad]."""
        self.expected = tuple(position)
        self.band = self._rest_band

    def lose(self, code: str, reason: str) -> None:
        """The bus is gone: nothing can be written, and nothing is known when it returns."""
        self._finish(False, reason)
        self.mode, self.reason, self.fault_code = Mode.FAULT, reason, code
        self.setpoint = self.expected = None  # a demand to take power off outlasts the bus

    def advance(self, now_ns: int = 0) -> None:
        """Go on by one tick: what is written now, and where the joints should be."""
        player = self.player
        if player is None or (now_ns < self._begin_ns and not self._slowing):
            return
        if self.waits and not self._slowing:
            self.hold_back(1)
            return
        player.advance(0.0 if self._slowing else self.scale, self._slow_step)
        self.setpoint, self.expected = player.command(), player.predicted()
        self.band = player.band()
        if player.speed_scale == 0.0:
            self._finish(False, self._why)
            self.mode = self._ends
        elif player.finished and not self._slowing:
            self._finish(True, "")
            self.mode = Mode.ARMED

    def ease(self) -> None:
        """Take a stop's first step between two ticks, on the row that is being played."""
        if self.player is not None:
            self.player.ease(self._slow_step)
            self.setpoint = self.player.command()

    def _drop_unbegun(self, why: str) -> None:
        """End a motion at once that has not played its first row: nothing has to slow down."""
        if self.player is not None and not self.player.begun:
            self._finish(False, why)

    def _finish(self, completed: bool, reason: str) -> None:
        if self.player is not None:
            self.ended = Ended(self.player.motion_id, completed, reason)
        self.player = None
        self._slowing = False
