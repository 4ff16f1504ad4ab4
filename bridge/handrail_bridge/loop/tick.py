"""One tick: read -> reflexes -> sample -> clamp -> write -> publish -> one question.

A function of (clock, bus): the same on the wall clock over a serial port and in virtual time
over a wire in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from handrail_drivers.api import JointState, MotionBus
from handrail_drivers.errors import BusLost, HandrailError
from handrail_drivers.reflex import Sight, Signal

from handrail_bridge.loop.clamp import Clamp
from handrail_bridge.loop.clock import Clock
from handrail_bridge.loop.control import HEARTBEAT, Control
from handrail_bridge.loop.flags import Flags
from handrail_bridge.loop.guards import guards
from handrail_bridge.loop.mailbox import Mailbox
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.port import Port
from handrail_bridge.loop.questions import Questions
from handrail_bridge.loop.reflexes import Reflexes, Trip
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.loop.trace import Trace

HEALTH_NS = 250_000_000  # between two health questions
ROOM_NS = 600_000  # what one exchange with one servo takes: with less left, questions wait
STILL = 0.05  # rad/s: slower than that, a joint stands
ELSEWHERE = 0.01  # rad: a joint that stands farther off did not hear where to stop
PATIENCE = 25  # ticks that they wait at most; then a tick may be missed for one

log = logging.getLogger(__name__)


class Tick:
    """The loop's whole state, advanced by ``run_once``."""

    def __init__(
        self,
        config: LoopConfig,
        clock: Clock,
        control: Control,
        shared: Shared,
        mailbox: Mailbox,
        factory: Callable[[], MotionBus],
    ) -> None:
        self._config = config
        self._clock = clock
        self._control = control
        self._shared = shared
        self._mailbox = mailbox
        self.port = Port(config.device, config.joints, factory)
        self.motion = Motion(config)
        self.overruns = 0
        self.trace = Trace(config.trace) if config.trace else None
        self.flags = Flags(config, control, mailbox)
        self._clamp = Clamp(config)
        self._reflexes = Reflexes(config, guards(config))
        self._questions = Questions(config, control, shared, self.port, self.motion, self._reflexes)
        self._ticks = 0
        self._waited = 0  # ticks since questions were last looked at
        self._health_ns = clock.now_ns()
        self._last_tick_ns = self._due_ns = self._health_ns
        self._suspended_ns = clock.suspended_ns()
        self._mode = self.motion.mode
        self._mode_since_ns = self._health_ns
        self._silenced = False  # a joint was silent when a rule stopped the motion
        self._complaint = ""  # of a reflex that would stop what is not held yet
        self._signals: dict[str, Signal] = {}
        self._written: list[float] | None = None
        self._joints = JointState(0, *((0.0,) * len(config.joints),) * 3)

    @property
    def bridge_gone(self) -> bool:
        """Whether the bridge has died."""
        return self._mailbox.closed

    @property
    def is_done(self) -> bool:
        """Whether nothing moves, and no stop that was asked for is outstanding."""
        powers_off = self.motion.wants_power_off and self.port.bus is not None
        return self.motion.at_rest and not powers_off and not self.flags.stop_wanted

    def run_once(self, due_ns: int = 0) -> None:
        """Do the tick that was due at a time [ns]. Never raises for what hardware or clients do."""
        started = self._clock.now_ns()
        self._count(due_ns or started)
        resting = self.motion.at_rest
        fresh = self._read(started)
        self.motion.hold_back(not fresh)
        if self.port.bus is not None:
            self._react(started)
        self._last_tick_ns, self._suspended_ns = started, self._clock.suspended_ns()
        self.flags.obey(self.motion)  # near the write: a stop raised during the read counts
        if self.port.bus is not None:
            lost = resting and self._is_lost(fresh)
            if fresh or self.motion.slowing:
                self.motion.advance(started)  # a late read holds, but no stop waits for a reading
            if not lost:
                self._write()
        if self.trace is not None:
            self.trace.note(self._due_ns, started, self._clock.now_ns())
        if self.motion.wants_power_off and self.port.bus is not None:
            self._take_power_off()
        self._publish()
        self._waited += 1
        left_ns = self._due_ns + self._config.period_ns - self._clock.now_ns()
        if left_ns > ROOM_NS or self._waited > PATIENCE:
            self._serve(started)
            self._waited = 0

    # --- the parts of a tick --------------------------------------------------------------

    def _count(self, due_ns: int) -> None:
        """Count this tick, and those that fell out before it."""
        missed = max(0, round((due_ns - self._due_ns) / self._config.period_ns) - 1)
        self._due_ns = due_ns
        self._ticks += 1
        self.overruns += missed
        self.motion.hold_back(missed)

    def _read(self, now_ns: int) -> bool:
        """Read the joints, or look for the lost bus; tell whether the reading is whole."""
        if self.port.bus is None and not self.port.reopen(now_ns):
            return False
        try:
            joints = self.port.read()
        except BusLost as error:
            self._lose(error)
            return False
        if joints is not None:
            self._joints = joints
        return joints is not None

    def _is_lost(self, fresh: bool) -> bool:
        """Tell whether a joint that fell silent may not have heard us either: it is not told more.

        Once all are heard and stand, those that stand elsewhere are held there: told the old
        setpoint, they would jump.
        """
        if self._silenced and fresh and all(abs(v) < STILL for v in self._joints.velocity):
            pairs = zip(self._joints.position, self.motion.expected or (), strict=False)
            self.motion.hold_at([p if abs(p - e) > ELSEWHERE else e for p, e in pairs])
            self._silenced, self._written = False, None  # no way there from what was told last
        return self._silenced

    def _react(self, now_ns: int) -> None:
        """Evaluate every reflex; what is broken slows or stops the motion."""
        sight = self._sight(now_ns)
        self.motion.remember_error(sight.position)
        trips = self._reflexes.look(sight)
        self._complaint = next((trip.reason for trip in trips if trip.stop is not None), "")
        for trip in trips:
            self._trip(trip)

    def _sight(self, now_ns: int) -> Sight:
        motion, port, player = self.motion, self.port, self.motion.player
        control = self._control
        for number, name in enumerate(self._config.signals):
            if (signal := control.signal(number)) is not None:
                self._signals[name] = signal
        return Sight(
            now_ns=now_ns,
            read_ns=self._joints.time_ns,
            last_tick_ns=self._last_tick_ns - (self._clock.suspended_ns() - self._suspended_ns),
            heartbeat_ns=now_ns if self._mailbox.closed else control.word(HEARTBEAT),
            position=self._joints.position,
            velocity=self._joints.velocity,
            effort=self._joints.effort,
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

    def _trip(self, trip: Trip) -> None:
        if self.motion.mode == Mode.DISARMED:
            if any(self.port.torque_enabled):
                self.motion.demand(trip.stop)
            return
        if self._reflexes.latch(trip):
            log.warning("reflex %s: %s", trip.name, trip.reason)
        if trip.stop is None:
            self.motion.slow(trip.speed_scale)
        else:
            self._silenced |= trip.name == "late_reads" and not self.motion.at_rest
            self.motion.trip(trip, self._joints.position)

    def _take_power_off(self) -> None:
        """Follow a stop of category 0 or 1; tried again on the next tick where it fails."""
        try:
            if any(self.port.torque_enabled):
                self.port.set_torque(False)
        except BusLost as error:
            self._lose(self.port.lose(error))
        except HandrailError as error:
            log.warning("power is not off yet: %s", error.message)
        else:
            self.motion.power_is_off()

    def _write(self) -> None:
        """Clamp and write."""
        if self.motion.setpoint is None:
            self._written = None
            return
        command = self._clamp.within(self.motion.setpoint, self._written)
        try:
            self.port.require().write(command)
        except BusLost as error:
            self._lose(self.port.lose(error))
            return
        except HandrailError as error:
            self._trip(Trip("late_reads", error.code, error.message))
            return
        self._written = command

    def _lose(self, error: BusLost) -> None:
        log.warning("protective stop: %s", error.message)
        self._written = None
        self.motion.lose(error.code, error.message)

    def _serve(self, now_ns: int) -> None:
        """Answer one question of the bridge, or ask one joint for its health."""
        question = self._mailbox.next()
        if question is not None:
            self._answer(question)
        elif self.port.bus is not None and now_ns - self._health_ns > HEALTH_NS:
            self._health_ns = now_ns
            try:
                self.port.ask_health()
            except BusLost as error:
                self._lose(error)

    def _answer(self, question: dict[str, Any]) -> None:
        answer = self._questions.answer(question, self._clock.now_ns(), self._complaint)
        error = answer.error
        if isinstance(error, BusLost) and self.port.bus is not None:
            error = self.port.lose(error)
            self._lose(error)
        self._publish()  # who reads the answer must find what was done in the state
        self._mailbox.answer(answer.number, answer.result, error)

    # --- what the bridge sees ---------------------------------------------------------------

    def _standing(self) -> Sequence[float]:
        """Return what the servos were told last [rad]; where they are if nothing is held."""
        if self.motion.setpoint is None:
            return self._joints.position
        return self._written or self.motion.setpoint  # just armed: the arming wrote it

    def _publish(self) -> None:
        self.flags.tell(self.motion)
        motion, port, player = self.motion, self.port, self.motion.player
        now_ns = self._clock.now_ns()
        if motion.mode != self._mode:
            self._mode, self._mode_since_ns = motion.mode, now_ns
        state = LoopState(
            time_ns=self._joints.time_ns,
            due_ns=self._due_ns,
            alive_ns=now_ns,
            mode=motion.mode,
            mode_since_ns=self._mode_since_ns,
            reason=(motion.mode == Mode.DISARMED and self._complaint) or motion.reason,
            fault_code=motion.fault_code,
            position=self._joints.position,
            velocity=self._joints.velocity,
            effort=self._joints.effort,
            setpoint=tuple(self._standing()),
            temperature=port.temperature,
            voltage=port.voltage,
            torque_enabled=port.torque_enabled,
            ticks=self._ticks,
            overruns=self.overruns,
            late_reads=port.late_reads,
            retries=port.retries,
            clamps=self._clamp.count,
            fired=self._reflexes.fired,
            speed_scale=motion.speed_scale,
            motion_id=player.motion_id if player else 0,
            row=player.row if player else 0,
            rows=player.rows if player else 0,
            peak_following_error=motion.peak_error,
            ended_motion_id=motion.ended.motion_id,
            ended_completed=motion.ended.completed,
            ended_reason=motion.ended.reason,
        )
        self._shared.publish(state)
