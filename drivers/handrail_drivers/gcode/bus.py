"""A motion bus of one to three sliding axes behind a G-code controller, whichever it is.

Each setpoint becomes one straight move to a place in machine coordinates. Moves end by themselves:
where no more come, the controller's own planner has the machine stand at the last one. The
controller counts steps and measures nothing: what it reports is where it has sent its motors.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NoReturn

from handrail_drivers.api import HoldState, JointHealth, JointState
from handrail_drivers.errors import BusLost, DeviceFault, InvalidValue, NotReady
from handrail_drivers.gcode.axes import AXES, GantrySettings, Travel
from handrail_drivers.gcode.following import Cancel, Follower, Place
from handrail_drivers.transport import Transport

PATIENCE = 120.0  # s that homing may take


class GantryBus(ABC):
    """What the drivers of all such controllers do alike; each says how its own is spoken to.

    It tells no force, temperature or voltage: those are 0.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: an open port.
        clock: monotonic time [ns].

    Raises:
        InvalidValue: two joints stand for one axis.
    """

    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False
    measures_effort: ClassVar[bool] = False  # a stepper does not feel

    def __init__(
        self,
        name: str,
        settings: GantrySettings,
        transport: Transport,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.joints = tuple(settings.joints)
        self._name = name
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._follower = Follower(settings.gain)
        self._axes = [(one.axis, one.zero) for one in settings.joints.values()]
        if len({axis for axis, _ in self._axes}) < len(self._axes):
            raise InvalidValue(f"Two joints of {name} stand for one axis.", field="joints")
        self._travel: Travel | None = None  # once connected
        self._position: Place = ()
        self._read_ns = 0
        self._powered = False
        self._greeted = False  # it has begun, since its port was opened
        self._was_held = False  # somebody had it stand, at the machine
        self._homing_ns: int | None = None  # since when, by us

    # --- what each controller does in its own way -------------------------------------------------

    @abstractmethod
    def _look(self) -> Mapping[str, float]:
        """Ask where it is; return the places of its axes [m]. Who is not heard is told nothing."""

    @abstractmethod
    def _follows(self) -> bool:
        """Tell whether it takes moves, as the last look had it."""

    def _jogs(self) -> bool:
        """Tell whether what it does could be cancelled, as the last look had it."""
        return False

    def _moves(self, here: Place) -> bool:
        """Tell whether anything moves, as far as it is known."""
        return self._follower.is_short(here)

    @abstractmethod
    def _holds(self) -> bool:
        """Tell whether its motors have current, as the last look had it."""

    @abstractmethod
    def _is_held(self, position: Place) -> bool:
        """Tell whether somebody had it stand short of where it was sent."""

    @abstractmethod
    def _complaint(self) -> str:
        """Return what keeps it from following; empty where nothing does."""

    @abstractmethod
    def _move(self, target: Mapping[str, float], speed: float) -> None:
        """Send it to a place [m], by axis, at a path speed [m/s]."""

    def _cancel(self) -> None:
        """Have it come to a stand, and forget the moves that wait; only who jogs is told so."""
        raise NotImplementedError

    # --- a MotionBus ------------------------------------------------------------------------------

    @property
    def retries(self) -> int:
        """A late reading is the loop's to bear: nothing is repeated here."""
        return 0

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return what keeps the machine from following, as the last report told it."""
        if not self._powered:
            return {}
        held = "held at the machine, and its moves forgotten" if self._was_held else ""
        why = held or self._complaint()
        return {self.joints[0]: (why,)} if why else {}

    def read(self) -> JointState:
        """Read the position; velocity is what the position did since the last reading."""
        position = self._here()
        self._was_held |= self._is_held(position)
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
        if not self._powered or self._was_held or not self._follows():
            return
        now, limit = self._clock() * 1e-9, self._travel.acceleration
        told = self._follower.next(wanted, self._position, now, limit, jogs=self._jogs())
        if isinstance(told, Cancel):
            self._cancel()
        elif told is not None:
            self._follower.goal = None  # where its answer is lost, it is told again
            pairs = zip(self._axes, told.goal, strict=True)
            self._move({axis: zero + value for (axis, zero), value in pairs}, told.speed)
            self._follower.goal = told.goal

    def read_hold(self) -> HoldState:
        """Return the end of the last move, or where it is, and whether it would hold."""
        here = self._here()
        return HoldState(self._follower.goal or here, (self._holds(),) * len(self.joints))

    def read_health(self, joint: str) -> JointHealth:
        """Read whether it moves and whether it holds; it tells no more."""
        here = self._here()
        return JointHealth(
            joint,
            0.0,
            0.0,
            0.0,
            moving=self._moves(here),
            torque_enabled=self._holds(),
            faults=self.faults().get(joint, ()),
        )

    # --- what it is ready for ---------------------------------------------------------------------

    def _await_boot(self, greeted: Callable[[float], None]) -> None:
        """Wait for its greeting, which comes once for a port that was opened, and never again."""
        if self._settings.boot and not self._greeted:
            greeted(self._settings.boot)
        self._greeted = True

    def _begin(self) -> None:
        """Follow from where it is, whatever was."""
        self._follower.begin()
        self._was_held = False

    def _here(self) -> Place:
        """Ask where the joints are [m]."""
        places = self._look()
        return tuple([places[axis] - zero for axis, zero in self._axes])

    def _homes_too_long(self) -> bool:
        """Tell whether it has been homing for longer than any machine does."""
        return self._homing_ns is not None and (self._clock() - self._homing_ns) * 1e-9 > PATIENCE

    def _refuse_to_home(self, complaint: str) -> NoReturn:
        raise DeviceFault(
            f"{self._name} is {complaint}: it has to be homed, which drives to "
            "its limit switches by no plan.",
            subject=self.joints[0],
            field="homing",
            hint="see that its way there is free; then home it by its own panel where it can tell "
            'that, or set homing = "when armed" in the cell',
        )

    def _homes(self) -> NotReady:
        return NotReady(
            f"{self._name} drives to its limit switches.",
            subject=self.joints[0],
            hint="arm again once it stands",
        )


def by_axis(position: Sequence[float]) -> dict[str, float]:
    """Return a place X Y Z by axis."""
    return dict(zip(AXES, position, strict=True))
