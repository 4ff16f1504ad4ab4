"""A gantry or machine tool behind a Grbl controller, as a motion bus of one to three sliding axes.

Each setpoint becomes a jog to a place in machine coordinates. Jogs end by themselves: where no
more come, the controller's own planner has the machine stand at the last one. The controller
counts steps and measures nothing: what it reports is where it has sent its motors.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import ClassVar, NoReturn

from handrail_drivers.api import HoldState, JointHealth, JointState
from handrail_drivers.errors import BusLost, DeviceFault, InvalidValue, NotReady
from handrail_drivers.grbl import words
from handrail_drivers.grbl.following import Cancel, Follower
from handrail_drivers.grbl.line import GrblLine
from handrail_drivers.grbl.settings import GrblSettings, Travel, travel_of
from handrail_drivers.grbl.words import LIMP, MOVING, Report, State
from handrail_drivers.transport import Transport

FOLLOWS = (State.IDLE, State.JOG)
LOOKS = 10  # at whether it stands
PAUSE = 0.02  # s between them
PATIENCE = 120.0  # s that homing may take


class Grbl:
    """A :class:`~handrail_drivers.api.MotionBus` of the axes of one controller.

    It tells no force, temperature or voltage: those are 0.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: an open port.
        clock: monotonic time [ns].

    Raises:
        InvalidValue: two joints stand for one axis.
    """

    Settings: ClassVar[type[GrblSettings]] = GrblSettings
    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False
    measures_effort: ClassVar[bool] = False  # a stepper does not feel

    def __init__(
        self,
        name: str,
        settings: GrblSettings,
        transport: Transport,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.joints = tuple(settings.joints)
        self._name = name
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._line = GrblLine(name, transport, settings.timeout)
        self._follower = Follower(settings.gain)
        self._axes = [(one.axis, one.zero) for one in settings.joints.values()]
        if len({axis for axis, _ in self._axes}) < len(self._axes):
            raise InvalidValue(f"Two joints of {name} stand for one axis.", field="joints")
        self._travel: Travel | None = None  # once connected
        self._report: Report | None = None
        self._position: tuple[float, ...] = ()
        self._read_ns = 0
        self._powered = False
        self._was_held = False  # somebody had it stand, at the machine
        self._homing_ns: int | None = None  # since when, by us

    @property
    def retries(self) -> int:
        """A late reading is the loop's to bear: nothing is repeated here."""
        return 0

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return what keeps the machine from following, as the last report told it."""
        if self._report is None or not self._powered:
            return {}
        if self._was_held:
            return {self.joints[0]: ("held at the machine, and its jogs forgotten",)}
        if self._report.state in FOLLOWS:
            return {}
        return {self.joints[0]: (self._complaint(self._report),)}

    def connect(self) -> None:
        """Find the controller and read its settings; what moves is brought to a stand.

        Raises:
            DeviceFault: it is none, or set up so that it would move otherwise than it is told.
        """
        if self._settings.boot:
            self._line.greeted(self._settings.boot)
        if self._look().state in MOVING:
            self.stop()
        self._awake()  # else it takes no questions
        settings = [words.setting_of(line) for line in self._line.ask("$$")]
        found = dict(one for one in settings if one is not None)
        self._travel = travel_of(self._name, self._settings, found)
        self.read()

    def read(self) -> JointState:
        """Read state and position; velocity is what the position did since the last reading.

        Grbl forgets the jogs that wait when its feed hold is pressed, and would take new ones.
        """
        report = self._look()
        position = self._of(report)
        self._was_held |= report.state is State.IDLE and self._follower.is_short(position)
        now = self._clock()
        passed = (now - self._read_ns) * 1e-9
        velocity = still = (0.0,) * len(self.joints)
        if self._position and passed > 0:
            pairs = zip(position, self._position, strict=True)
            velocity = tuple([(new - old) / passed for new, old in pairs])
        self._position, self._read_ns = position, now
        return JointState(now, position, velocity, still)

    def write(self, setpoints: Sequence[float]) -> None:
        """Have it follow a setpoint [m]; one without power is told nothing.

        Raises:
            InvalidValue: not one finite number a joint, within the machine's travel.
            DeviceFault: it refuses, or does not answer.
        """
        if self._travel is None:
            raise BusLost(f"{self._name} is not connected.", subject=self._name)
        wanted = self._travel.require(setpoints)
        state = None if self._report is None else self._report.state
        if not self._powered or self._was_held or state not in FOLLOWS:
            return
        now, limit = self._clock() * 1e-9, self._travel.acceleration
        jogs = state is State.JOG
        told = self._follower.next(wanted, self._position, now, limit, jogs=jogs)
        if isinstance(told, Cancel):
            self._line.tell(words.JOG_CANCEL)
        elif told is not None:
            self._follower.goal = None  # where its answer is lost, it is told again
            pairs = zip(self._axes, told.goal, strict=True)
            target: dict[str, float] = {axis: zero + value for (axis, zero), value in pairs}
            self._line.ask(words.jog(target, told.speed))
            self._follower.goal = told.goal

    def read_hold(self) -> HoldState:
        """Return the end of the last jog, or where it is, and whether it would hold."""
        report = self._look()
        goal = self._follower.goal or self._of(report)
        return HoldState(goal, (report.state not in LIMP,) * len(self.joints))

    def read_health(self, joint: str) -> JointHealth:
        """Read whether it moves and whether it holds; it tells no more."""
        report = self._look()
        return JointHealth(
            joint,
            0.0,
            0.0,
            0.0,
            moving=report.state in MOVING,
            torque_enabled=report.state not in LIMP,
            faults=self.faults().get(joint, ()),
        )

    def set_torque(self, enabled: bool) -> None:
        """Let it follow setpoints from where it is; or let it sleep: its steppers are free then.

        Raises:
            NotReady: it has begun to home, or still does.
            DeviceFault: it is in alarm and may not home, or is otherwise not ready.
        """
        self._powered = False
        self._begin()
        if not enabled:
            self._line.ask("$SLP")
            return
        self._require_homed()
        self._awake()
        report = self._look()
        if report.state is State.ALARM:
            self._home(report)
        if report.state is not State.IDLE:
            raise DeviceFault(
                f"{self._name} cannot be armed: it is {self._complaint(report)}.",
                subject=self.joints[0],
                hint="see the machine; then reset the cell and arm again",
            )
        self._homing_ns = None
        self._powered = True

    def reset(self) -> None:
        """Have it begin anew where it is locked by an alarm; it then wants to be homed."""
        if self._line.alarm in words.CRITICAL:
            self._line.reset()
        self._begin()
        self._powered = self._look().state in FOLLOWS and self._powered

    def stop(self) -> None:
        """Hold the feed: it stands by its own deceleration, and begins nothing until it is armed.

        Homing ends in an alarm, as the controller has it.
        """
        self._begin()
        if self._ended_homing():
            return
        self._line.tell(words.FEED_HOLD)
        for _ in range(LOOKS):
            report = self._look()
            if report.state is State.IDLE:  # a jog was cancelled: now what waits may not begin
                self._line.tell(words.FEED_HOLD)
            elif report.stands or report.state not in (State.JOG, State.HOLD):
                return
            self._line.pause(PAUSE)

    def close(self) -> None:
        """Release the port. What was told ends by itself; the steppers keep their current."""
        with contextlib.suppress(BusLost):
            self._ended_homing()
        self._transport.close()

    # --- what it is ready for -------------------------------------------------------------------

    def _begin(self) -> None:
        """Follow from where it is, whatever was."""
        self._follower.begin()
        self._was_held = False

    def _awake(self) -> None:
        """Reset it out of a hold, in which its position is kept, or out of its sleep."""
        report = self._look()
        if report.stands or report.state is State.SLEEP:
            self._line.reset()

    def _require_homed(self) -> None:
        """Raise NotReady while it homes: it answers nothing then."""
        if self._homing_ns is None:
            return
        try:
            self._look()
        except BusLost:
            raise
        except DeviceFault as fault:
            if (self._clock() - self._homing_ns) * 1e-9 > PATIENCE:
                self._ended_homing()
                raise
            raise self._homes() from fault

    def _home(self, report: Report) -> NoReturn:
        """Begin to home, where that is allowed, or say why not."""
        has_failed, self._homing_ns = self._homing_ns is not None, None
        if self._settings.homing == "refuse" or has_failed:
            raise DeviceFault(
                f"{self._name} is {self._complaint(report)}: it has to be homed, which drives to "
                "its limit switches by no plan.",
                subject=self.joints[0],
                field="homing",
                hint="see that its way there is free; then home it by its own panel, or set "
                'homing = "when armed" in the cell',
            )
        self._line.send("$H")
        self._homing_ns = self._clock()
        raise self._homes()

    def _homes(self) -> NotReady:
        return NotReady(
            f"{self._name} drives to its limit switches.",
            subject=self.joints[0],
            hint="arm again once it stands",
        )

    def _ended_homing(self) -> bool:
        """Reset it where it homes by us: nothing else ends that. Tell whether it did."""
        homes, self._homing_ns = self._homing_ns is not None, None
        if homes:
            self._line.tell(words.SOFT_RESET)
        return homes

    # --- reports --------------------------------------------------------------------------------

    def _look(self) -> Report:
        self._report = None  # who is not heard is told nothing
        self._report = self._line.look()
        return self._report

    def _of(self, report: Report) -> tuple[float, ...]:
        """Return the joints' positions [m]."""
        places = dict(zip(words.AXES, report.position, strict=True))
        return tuple([places[axis] - zero for axis, zero in self._axes])

    def _complaint(self, report: Report) -> str:
        if report.state is not State.ALARM:
            return f"in the state {report.state}"
        alarm = self._line.alarm
        if not alarm:
            return "in alarm, its position unknown"
        return f"in alarm {alarm}, {words.ALARMS.get(alarm, 'unknown')}"
