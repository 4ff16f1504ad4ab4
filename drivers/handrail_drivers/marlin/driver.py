"""A gantry behind a controller with Marlin: each setpoint becomes a G1.

Marlin has no jogs: what was told is gone through, place by place, and nothing slows it down in
between. What ends it is M410, which stops the steppers at once: without a ramp they may lose
steps, so that the machine has to be homed anew.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import ClassVar

from handrail_drivers.errors import BusLost, DeviceFault
from handrail_drivers.gcode.axes import NEAR
from handrail_drivers.gcode.bus import GantryBus, by_axis
from handrail_drivers.gcode.following import SHORT, Place
from handrail_drivers.marlin import words
from handrail_drivers.marlin.line import MarlinLine
from handrail_drivers.marlin.settings import Machine, MarlinSettings, machine_of
from handrail_drivers.transport import Transport

HELD_NS = 500_000_000  # that it may stand short of its goal: it begins a tenth of a second late
SHIFTED = 0.00003  # m between its coordinates and its steps: a step, and what is rounded
LOOKS = 4  # that tell how far it goes between two: in a tick there may be two at once
LEAP, EARLY = 0.001, 3  # m that no motor goes at once; readings that have it do so
READY = ("M17", "M84 S0", "G90", "M220 S100")  # current, and for ever; absolute; feeds as told
LOST = "stopped at once, its position lost"


class Marlin(GantryBus):
    """A :class:`~handrail_drivers.api.MotionBus` of the axes of one controller with Marlin.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: an open port.
        clock: monotonic time [ns].

    Raises:
        InvalidValue: two joints stand for one axis.
    """

    Settings: ClassVar[type[MarlinSettings]] = MarlinSettings

    def __init__(
        self,
        name: str,
        settings: MarlinSettings,
        transport: Transport,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(name, settings, transport, clock)
        self._line = MarlinLine(name, transport, settings.timeout)
        self._machine: Machine | None = None
        self._heard = False  # at the last look
        self._counts: deque[Mapping[str, float]] = deque(maxlen=LOOKS)  # steps by axis
        self._homed: int | None = None  # in which of its lives; None: it does not say whether
        self._homing_life = 0  # in which of its lives it was begun
        self._energised = False
        self._told = False  # moves, since it began to follow
        self._lost = False  # it was stopped while it moved
        self._sent: Place | None = None  # since the last reading
        self._early = 0  # readings in a row that had it where no motor could be yet
        self._went: Place = ()  # where it was when it last went on
        self._went_ns = 0

    def connect(self) -> None:
        """Find the controller and read its settings; what moves is brought to a stand.

        Raises:
            DeviceFault: it is none, or set up so that it would move otherwise than it is told.
        """
        self._homed, self._powered, self._energised, self._machine = None, False, False, None
        self._counts.clear()
        self._await_boot(self._line.greeted)
        identity = self._line.ask("M115")
        settings = [*self._line.ask("M503"), *self._line.ask("M211")]
        self._machine = machine_of(self._name, self._settings, identity, settings)
        self._travel = self._machine.travel
        before = self.read().position
        if math.dist(before, self.read().position) > SHORT:
            self.stop()

    def set_torque(self, enabled: bool) -> None:
        """Let it follow setpoints from where it is; or free its steppers.

        Raises:
            NotReady: it has begun to home, or still does.
            DeviceFault: it may not home, or nothing could stop it at once.
        """
        self._powered = False
        self._begin()
        if not enabled:
            self._homed, self._energised = None, False
            self._line.ask("M18")
            return
        self._require_stoppable()
        self._require_homed()
        for command in READY:
            self._line.ask(command)
        self._energised = True
        self._counts.clear()  # it stands, wherever homing has brought it
        for _ in range(2):
            self._look()
        self._powered = True

    def reset(self) -> None:
        """Know that somebody has seen to it. What is halted wants its own reset."""
        self._begin()
        self._early = 0
        self._look()

    def stop(self) -> None:
        """Stop it at once. Where it moved, steps may be lost, and it has to be homed.

        Homing is ended by halting the controller, which obeys nothing then until it is reset:
        after a quick stop it would take the place where it stands for its switch.
        """
        goal, told = self._follower.goal, self._told
        self._begin()
        if self._ended_homing():
            return
        homed, self._powered = self._homed, False
        if told:
            self._homed, self._lost = None, True
        self._line.at_once(words.QUICK_STOP)
        here = self._here()
        if goal is not None and math.dist(goal, here) <= SHORT:  # it stood there
            self._homed, self._lost = homed, False

    def close(self) -> None:
        """Release the port. What was told ends by itself; the steppers keep their current."""
        with contextlib.suppress(BusLost):
            self._ended_homing()
        self._transport.close()

    # --- what it is ready for -------------------------------------------------------------------

    def _begin(self) -> None:
        super()._begin()
        self._told = False

    def _require_stoppable(self) -> None:
        """Refuse a controller that would obey a stop only after all that waits."""
        if self._machine is None:
            raise BusLost(f"{self._name} is not connected.", subject=self._name)
        if not self._machine.stops_at_once:
            raise DeviceFault(
                f"{self._name} would obey a stop only after all that it was told before: its "
                f"Marlin is built without {words.AT_ONCE}.",
                subject=self.joints[0],
                field=words.AT_ONCE,
                hint="enable it in Configuration_adv.h, and flash the controller",
            )

    def _require_homed(self) -> None:
        """Home it where that is allowed: it does not tell whether it knows where it is."""
        if self._homed == self._line.lives:
            return
        if self._homing_ns is None:
            if self._settings.homing == "refuse":
                self._refuse_to_home(LOST if self._lost else "not known to be homed")
            axes = " ".join(axis for axis, _ in self._axes)
            self._line.begin(f"G28 {axes}")
            self._homing_ns, self._homing_life = self._clock(), self._line.lives
        try:
            done = self._line.ended(self._settings.timeout)
        except DeviceFault:
            self._homing_ns = None
            raise
        if self._line.lives != self._homing_life:  # it began anew, and does nothing
            self._homing_ns = None
        elif done:
            self._homing_ns, self._homed, self._lost = None, self._homing_life, False
            return
        elif self._homes_too_long():
            self._ended_homing()
        raise self._homes()

    def _ended_homing(self) -> bool:
        """Halt it where it homes by us: nothing else ends that well. Tell whether it did."""
        homes, self._homing_ns = self._homing_ns is not None, None
        if homes:
            self._line.at_once(words.KILL)
        return homes

    # --- how it is spoken to ----------------------------------------------------------------------

    def _look(self) -> Mapping[str, float]:
        self._heard = False
        report = self._line.look()
        self._heard = True
        places = by_axis(report.position)
        self._counts.append(by_axis(report.steps))
        if len(self._counts) > 1 and self._machine is not None:
            self._require_confirmed(places, self._machine.steps)
        return places

    def _require_confirmed(self, places: Mapping[str, float], steps: Mapping[str, float]) -> None:
        """Refuse places that the steps do not confirm.

        Marlin prints its places, and then looks at its steps: it goes on meanwhile, but not further
        than between two looks. It turns round at times, which is why more than two count.
        """
        for axis, per_metre in steps.items():
            counted = [one[axis] / per_metre for one in self._counts]
            went = max(counted) - min(counted)
            if abs(places[axis] - counted[-1]) > SHIFTED + went:
                raise self._shifted(axis, places[axis], counted[-1])

    def _follows(self) -> bool:
        return self._heard and not self._complaint()

    def _holds(self) -> bool:
        return self._energised and self._homed == self._line.lives

    def _is_held(self, position: Place) -> bool:
        """Tell whether it has stood short of its goal for longer than it takes to begin."""
        self._count_early(position)
        now = self._clock()
        if position != self._went or not self._follower.is_short(position):
            self._went, self._went_ns = position, now
        return now - self._went_ns > HELD_NS

    def _count_early(self, position: Place) -> None:
        """Notice one that tells where it will be: built without M114_REALTIME, it says no other."""
        goal, self._sent = self._sent, None
        if goal is None or not self._position or math.dist(goal, self._position) < LEAP:
            return
        self._early = self._early + 1 if math.dist(goal, position) < NEAR else 0

    def _move(self, target: Mapping[str, float], speed: float) -> None:
        self._told = True
        self._line.ask(words.move(target, speed))
        self._sent = tuple([target[axis] - zero for axis, zero in self._axes])

    def _complaint(self) -> str:
        if self._line.halted:
            return "halted until it is reset"
        if self._early >= EARLY:
            return "telling where it will be, and not where it is: build it with M114_REALTIME"
        return "" if self._homed == self._line.lives else "not known to be homed"

    def _shifted(self, axis: str, place: float, counted: float) -> DeviceFault:
        return DeviceFault(
            f"{self._name} takes its {axis} to be at {place:g} m, and its motor has been sent to "
            f"{counted:g} m: its coordinates are shifted.",
            subject=self._name,
            field=axis,
            value=place,
            limit=counted,
            unit="m",
            hint="undo G92, M206 and M851, and switch bed levelling off (M420 S0)",
        )
