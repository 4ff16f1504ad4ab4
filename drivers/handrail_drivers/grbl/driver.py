"""A gantry or machine tool behind a Grbl controller: each setpoint becomes a jog."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from handrail_drivers.errors import BusLost, DeviceFault
from handrail_drivers.gcode.bus import GantryBus, by_axis
from handrail_drivers.gcode.following import Place
from handrail_drivers.grbl import words
from handrail_drivers.grbl.line import GrblLine
from handrail_drivers.grbl.settings import GrblSettings, travel_of
from handrail_drivers.grbl.words import LIMP, MOVING, Report, State
from handrail_drivers.transport import Transport

FOLLOWS = (State.IDLE, State.JOG)
LOOKS = 10  # at whether it stands
PAUSE = 0.02  # s between them


class Grbl(GantryBus):
    """A :class:`~handrail_drivers.api.MotionBus` of the axes of one Grbl controller.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: an open port.
        clock: monotonic time [ns].

    Raises:
        InvalidValue: two joints stand for one axis.
    """

    Settings: ClassVar[type[GrblSettings]] = GrblSettings

    def __init__(
        self,
        name: str,
        settings: GrblSettings,
        transport: Transport,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(name, settings, transport, clock)
        self._line = GrblLine(name, transport, settings.timeout)
        self._report: Report | None = None

    def connect(self) -> None:
        """Find the controller and read its settings; what moves is brought to a stand.

        Raises:
            DeviceFault: it is none, or set up so that it would move otherwise than it is told.
        """
        self._await_boot(self._line.greeted)
        if self._ask().state in MOVING:
            self.stop()
        self._awake()  # else it takes no questions
        settings = [words.setting_of(line) for line in self._line.ask("$$")]
        found = dict(one for one in settings if one is not None)
        self._travel = travel_of(self._name, self._settings, found)
        self.read()

    def set_torque(self, enabled: bool) -> None:
        """Let it follow setpoints from where it is; or let it sleep: its steppers are free then.

        Raises:
            NotReady: it has begun to home, or still does.
            DeviceFault: it is in alarm and may not home, or is otherwise not ready.
        """
        self._powered = False
        self._begin()
        if not enabled:
            if self._ask().stands:  # in a hold it reads no lines
                self._line.reset()
            self._line.ask("$SLP")
            return
        self._require_homed()
        self._awake()
        report = self._ask()
        if report.state is State.ALARM:
            self._home()
        if report.state is not State.IDLE:
            raise DeviceFault(
                f"{self._name} cannot be armed: it is {self._complaint() or 'still moving'}.",
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
        self._powered = self._ask().state in FOLLOWS and self._powered

    def stop(self) -> None:
        """Hold the feed: it stands by its own deceleration, and begins nothing until it is armed.

        Homing ends in an alarm, as the controller has it.
        """
        self._begin()
        if self._ended_homing():
            return
        self._line.tell(words.FEED_HOLD)
        for _ in range(LOOKS):
            report = self._ask()
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

    def _awake(self) -> None:
        """Reset it out of a hold, in which its position is kept, or out of its sleep."""
        report = self._ask()
        if report.stands or report.state is State.SLEEP:
            self._line.reset()

    def _require_homed(self) -> None:
        """Raise NotReady while it homes: it answers nothing then."""
        if self._homing_ns is None:
            return
        try:
            self._ask()
        except BusLost:
            raise
        except DeviceFault as fault:
            if self._homes_too_long():
                self._ended_homing()
                raise
            raise self._homes() from fault

    def _home(self) -> None:
        """Begin to home, where that is allowed, or say why not."""
        has_failed, self._homing_ns = self._homing_ns is not None, None
        if self._settings.homing == "refuse" or has_failed:
            self._refuse_to_home(self._complaint())
        self._line.send("$H")
        self._homing_ns = self._clock()
        raise self._homes()

    def _ended_homing(self) -> bool:
        """Reset it where it homes by us: nothing else ends that. Tell whether it did."""
        homes, self._homing_ns = self._homing_ns is not None, None
        if homes:
            self._line.tell(words.SOFT_RESET)
        return homes

    # --- how it is spoken to ----------------------------------------------------------------------

    def _ask(self) -> Report:
        self._report = None  # who is not heard is told nothing
        self._report = self._line.look()
        return self._report

    def _look(self) -> Mapping[str, float]:
        return by_axis(self._ask().position)

    def _state(self) -> State | None:
        return None if self._report is None else self._report.state

    def _follows(self) -> bool:
        return self._state() in FOLLOWS

    def _jogs(self) -> bool:
        return self._state() is State.JOG

    def _moves(self, here: Place) -> bool:
        del here
        return self._state() in MOVING

    def _holds(self) -> bool:
        return self._state() not in LIMP

    def _is_held(self, position: Place) -> bool:
        """Grbl forgets jogs that wait when its feed hold is pressed, and would take new ones."""
        return self._state() is State.IDLE and self._follower.is_short(position)

    def _move(self, target: Mapping[str, float], speed: float) -> None:
        self._line.ask(words.jog(target, speed))

    def _cancel(self) -> None:
        self._line.tell(words.JOG_CANCEL)

    def _complaint(self) -> str:
        state = self._state()
        if state is None or state in FOLLOWS:
            return ""
        if state is not State.ALARM:
            return f"in the state {state}"
        alarm = self._line.alarm
        if not alarm:
            return "in alarm, its position unknown"
        return f"in alarm {alarm}, {words.ALARMS.get(alarm, 'unknown')}"
