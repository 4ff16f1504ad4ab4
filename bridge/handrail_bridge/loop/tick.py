"""One tick: read -> reflexes -> sample or ask -> clamp -> write -> publish -> one question.

A function of (clock, bus): on the wall clock over a port, in virtual time over one in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from handrail_drivers.api import JointState, MotionBus
from handrail_drivers.errors import BusLost, HandrailError

from handrail_bridge.loop.clamp import Clamp
from handrail_bridge.loop.clock import Clock
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.flags import Flags
from handrail_bridge.loop.guards import guards
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.pipe import Pipe
from handrail_bridge.loop.policy_player import PolicyPlayer
from handrail_bridge.loop.port import Port
from handrail_bridge.loop.publisher import Publisher
from handrail_bridge.loop.questions import Answer, Questions
from handrail_bridge.loop.reflexes import Reflexes, Trip
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.sights import Sights
from handrail_bridge.loop.state import Mode
from handrail_bridge.loop.trace import Trace

if TYPE_CHECKING:  # onnxruntime is loaded for cells with policies alone
    from handrail_bridge.loop.policy import LoadedPolicies

HEALTH_NS = 250_000_000  # between two health questions
ROOM_NS = 600_000  # what one exchange with one servo takes: with less left, questions wait
STILL = 0.05  # rad/s, by the joint's lever: slower than that, a joint stands
ELSEWHERE = 0.01  # rad, likewise: a joint that stands farther off did not hear where to stop
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
        pipe: Pipe,
        factory: Callable[[], MotionBus],
    ) -> None:
        self._config = config
        self._clock = clock
        self._control = control
        self._shared = shared
        self._pipe = pipe
        self.port = Port(config.device, config.joints, factory)
        self.motion = Motion(config, _policies(config))
        self.trace = Trace(config.trace) if config.trace else None
        self.flags = Flags(config, control, pipe)
        self.publisher = Publisher(clock, shared, self.port, self.motion)
        self._clamp = Clamp(config)
        self._reflexes = Reflexes(config, guards(config))
        self._sights = Sights(config, clock, control, self.port, self.motion)
        self._questions = Questions(config, control, shared, self.port, self.motion, self._reflexes)
        self._news: list[str] = []  # for the log, once the tick's work is done
        self._waited = 0  # ticks since questions were last looked at
        self._health_ns = self._due_ns = clock.now_ns()
        self._stands_badly = False  # its driver has not brought it to a stand yet
        self._silenced = False  # a joint was silent when a rule stopped the motion
        self._complaint = ""  # of a reflex that would stop what is not held yet
        self._written: list[float] | None = None
        self._joints = JointState(0, *((0.0,) * len(config.joints),) * 3)

    @property
    def bridge_gone(self) -> bool:
        """Whether the bridge has died."""
        return self._pipe.closed

    @property
    def is_done(self) -> bool:
        """Whether nothing moves, and no stop that was asked for is outstanding."""
        wants = self.motion.wants_power_off or self.motion.wants_stand
        return self.motion.at_rest and not (self.flags.stop_wanted or (wants and self.port.bus))

    def run_once(self, due_ns: int = 0) -> None:
        """Do the tick that was due at a time [ns]. Never raises for what hardware or clients do."""
        started = self._clock.now_ns()
        self._count(due_ns or started)
        resting = self.motion.at_rest
        fresh = self._read(started)
        self.motion.hold_back(not fresh)
        if self.port.bus is not None:
            self._react(started)
            if fresh:
                self._consult()
        self._sights.awake(started)
        self.flags.obey(self.motion, started)  # near the write: a stop during the read counts
        if self.port.bus is not None:
            lost = resting and self._is_lost(fresh)
            if fresh or self.motion.slowing:
                self.motion.advance(started)  # a late read holds, but no stop waits for a reading
            if not lost:
                self._write()
        if self.trace is not None:
            self.trace.note(self._due_ns, started, self._clock.now_ns())
        if self.port.bus is not None:
            self._stop_by_the_driver()
        if self.motion.wants_power_off and self.port.bus is not None:
            self._take_power_off()
        self._publish()
        self._in_the_slack(started)

    def heed(self) -> None:
        """Obey what woke the loop between two ticks: the first step of a stop waits for none."""
        slowing = self.motion.slowing
        self.flags.obey(self.motion, self._clock.now_ns())
        if self.motion.slowing and not slowing and self.port.bus is not None:
            self.motion.ease()
            self._write()
        self._publish()

    # --- the parts of a tick --------------------------------------------------------------

    def _count(self, due_ns: int) -> None:
        """Count this tick, and those that fell out before it."""
        missed = max(0, round((due_ns - self._due_ns) / self._config.period_ns) - 1)
        self._due_ns = due_ns
        self.publisher.ticks += 1
        self.publisher.overruns += missed
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
        if self._silenced and fresh:
            levers = self._config.levers
            if all(abs(v) < STILL * x for v, x in zip(self._joints.velocity, levers, strict=True)):
                parts = zip(self._joints.position, self.motion.expected or (), levers, strict=False)
                self.motion.hold_at([p if abs(p - e) > ELSEWHERE * x else e for p, e, x in parts])
                self._silenced, self._written = False, None  # no way there from what was told last
        return self._silenced

    def _react(self, now_ns: int) -> None:
        """Evaluate every reflex; what is broken slows or stops the motion."""
        sight = self._sights.at(now_ns, self._joints, self._pipe.closed)
        self.motion.remember_error(sight.position)
        trips = self._reflexes.look(sight)
        self._complaint = next((trip.reason for trip in trips if trip.stop is not None), "")
        for trip in trips:
            self._trip(trip)
        if self._reflexes.demand_anew(trips) and self.motion.mode == Mode.DISARMED:
            self.motion.wants_stand = True  # what nobody armed may move, such as one that homes

    def _consult(self) -> None:
        """Ask the policy that moves the arm, where one does, what comes next."""
        player = self.motion.player
        if isinstance(player, PolicyPlayer) and not self.motion.slowing:
            trip = player.consult(self._joints, self._clock.now_ns)
            if trip is not None:
                self._trip(trip)

    def _trip(self, trip: Trip) -> None:
        if self.motion.mode == Mode.DISARMED:
            if any(self.port.torque_enabled):
                self.motion.demand(trip.stop)
            return
        if self._reflexes.latch(trip):
            self._news.append(f"reflex {trip.name}: {trip.reason}")
        if trip.stop is None:
            self.motion.slow(trip.speed_scale)
        else:
            self._silenced |= trip.name == "late_reads" and not self.motion.at_rest
            self.motion.trip(trip, self._joints.position)

    def _stop_by_the_driver(self) -> None:
        """Follow a stop that came while nothing was armed; tried again on the next tick."""
        if not self.motion.wants_stand:
            return
        try:
            self.port.require().stop()
        except BusLost as error:
            self._lose(self.port.lose(error))
        except HandrailError as error:
            if not self._stands_badly:
                self._news.append(f"it was told to stand, and does not answer: {error.message}")
            self._stands_badly = True
        else:
            self.motion.wants_stand = self._stands_badly = False

    def _take_power_off(self) -> None:
        """Follow a stop of category 0 or 1; tried again on the next tick where it fails."""
        try:
            if any(self.port.torque_enabled):
                self.port.set_torque(False)
        except BusLost as error:
            self._lose(self.port.lose(error))
        except HandrailError as error:
            self._news.append(f"power is not off yet: {error.message}")
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
            self._trip(Trip("refused_write", error.code, error.message))
            return
        self._written = command

    def _lose(self, error: BusLost) -> None:
        self._news.append(f"protective stop: {error.message}")
        self._written = None
        self.motion.lose(error.code, error.message)

    # --- what waits for the rest of a tick --------------------------------------------------

    def _in_the_slack(self, now_ns: int) -> None:
        """Say what is new, take a piece of a trajectory, or answer a question."""
        for line in self._news:
            log.warning("%s", line)
        self._news.clear()
        self._waited += 1
        if not self._questions.loading and (self._has_room() or self._waited > PATIENCE):
            self._waited = 0
            self._serve(now_ns)
        while self._questions.loading:  # a piece at least, or it would never come to an end
            if (answer := self._questions.go_on()) is not None:
                self._reply(answer)
            elif not self._has_room():
                break

    def _has_room(self) -> bool:
        left_ns = self._due_ns + self._config.period_ns - self._clock.now_ns()
        return left_ns > ROOM_NS

    def _serve(self, now_ns: int) -> None:
        """Answer one question of the bridge, or ask one joint for its health."""
        question = self._pipe.next()
        if question is not None:
            answer = self._questions.answer(question, self._complaint)
            self._sights.awake(self._clock.now_ns())  # arming takes longer than a tick may
            if answer is not None:
                self._reply(answer)
        elif self.port.bus is not None and now_ns - self._health_ns > HEALTH_NS:
            self._health_ns = now_ns
            try:
                self.port.ask_health()
            except BusLost as error:
                self._lose(error)

    def _reply(self, answer: Answer) -> None:
        error = answer.error
        if isinstance(error, BusLost) and self.port.bus is not None:
            error = self.port.lose(error)
            self._lose(error)
        self._publish()  # who reads the answer must find what was done in the state
        self._pipe.answer(answer.number, answer.result, error)

    def _publish(self) -> None:
        self.flags.tell(self.motion)
        self.publisher.clamps, self.publisher.fired = self._clamp.count, self._reflexes.fired
        self.publisher.publish(self._due_ns, self._joints, self._written, self._complaint)


def _policies(config: LoopConfig) -> LoadedPolicies | None:
    if not config.policies:
        return None
    from handrail_bridge.loop.policy import LoadedPolicies

    return LoadedPolicies(config)
