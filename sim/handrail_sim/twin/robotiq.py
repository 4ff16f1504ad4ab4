"""A Robotiq 2F-85-style gripper behind Modbus: it activates itself, follows, feels. Pure, no I/O.

Source of registers and behaviour: :mod:`handrail_drivers.robotiq.registers`; speeds and forces are
those of a 2F-85. Its fingers hang on a screw (Robotiq, "Encoder bytes - adaptive gripper"): one
that loses its power or its activation stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from handrail_drivers.emulator import Place, StandIn
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.unit import ILLEGAL_ADDRESS, Refusal
from handrail_drivers.robotiq import registers as reg
from handrail_drivers.robotiq.registers import Activation, Command, Contact, Status

CLOSED, OPEN = 228, 3  # counts that it reports at the ends
SPEED = 0.010, 0.075  # m/s of a finger: least and most, half of the gap's 20 to 150 mm/s
FORCE = 40.0, 470.0  # N of both fingers together: twice the grip
STIFFNESS = 800.0  # N.s/m, of its speed control
GAIN = 20.0  # 1/s, near the request
NEAR = 0.0004  # m: at the request
BLOCKED = 0.06  # s without way, short of the request, that are a thing
STANDS = 0.0002  # m of way that is none: what is pressed on chatters
GIVES = 0.001  # m that a thing which is held may give
RELEASE_SPEED = 0.015  # m/s of a finger
ACTIVATING = 0.3  # s at each end


class Gripper(StandIn):
    """One gripper; its finger's position [m] is 0 closed and ``travel`` open."""

    line: ClassVar[str] = "modbus"
    identity = ("Handrail", "2F gripper", "1.0")

    def __init__(self, travel: float) -> None:
        self._travel = travel
        self._outputs = [0] * reg.COUNT
        self._activation = Activation.RESET
        self._since = 0.0  # s in this part of the activation
        self._contact = Contact.NONE
        self._fault = 0
        self._position = self._force = 0.0
        self._blocked, self._blocked_at = 0.0, 0.0  # s, and where [m]
        self._felt_at = 0.0  # m: where the thing was met
        self._releases_to = 0.0  # m

    def power_cycle(self) -> None:
        """Begin anew: it has to be activated again, and lets go of nothing."""
        self._outputs = [0] * reg.COUNT
        self._activation, self._contact, self._fault = Activation.RESET, Contact.NONE, 0

    def fail(self, code: int) -> None:
        """Complain of something until it is activated anew."""
        self._fault = code

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the gripper of one device."""
        return cls(place.settings.open_at)

    def step(
        self, position: Sequence[float], velocity: Sequence[float], duration: float
    ) -> Sequence[float]:
        """Take the finger's true motion; return its force [N] for the next so many seconds."""
        (self._position,), (speed,) = position, velocity
        target = self._target(duration)
        asked = reg.command_of(self._outputs)
        full = self._activation == Activation.RUNNING
        fastest = _between(SPEED, reg.MOST if full else asked.speed)
        if self._fault == reg.RELEASING:
            fastest = RELEASE_SPEED
        most = _between(FORCE, reg.MOST if full else asked.force)
        wanted = max(-fastest, min(fastest, GAIN * (target - self._position)))
        self._force = max(-most, min(most, STIFFNESS * (wanted - speed)))
        self._feel(target, duration)
        return (self._force,)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """Return cells (see :class:`~handrail_drivers.modbus.unit.Unit`)."""
        cells = {
            **dict(enumerate(self._outputs, start=reg.OUTPUT)),
            **dict(enumerate(self._status().words(), start=reg.INPUT)),
        }
        wanted = range(address, address + count)
        if table not in (Table.HOLDING, Table.INPUT) or not set(wanted) <= set(cells):
            raise Refusal(ILLEGAL_ADDRESS)
        return [cells[at] for at in wanted]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """Set outputs; the activation bit begins and ends an activation."""
        first = address - reg.OUTPUT
        if table is not Table.HOLDING or not 0 <= first <= reg.COUNT - len(values):
            raise Refusal(ILLEGAL_ADDRESS)
        before = reg.command_of(self._outputs)
        self._outputs[first : first + len(values)] = values
        asked = reg.command_of(self._outputs)
        if not asked.activate:
            self._activation, self._fault = Activation.RESET, 0
        elif not before.activate:
            self._activation, self._since, self._fault = Activation.RUNNING, 0.0, 0
        elif asked.release and not self._releases:
            self._activation, self._fault = Activation.RESET, reg.RELEASING
            self._releases_to = self._travel if asked.release_opens else 0.0
        if asked.position != before.position or asked.go != before.go:
            self._blocked, self._contact = 0.0, Contact.MOVING

    def _target(self, duration: float) -> float:
        """Return where the finger goes [m]: by its screw, which nothing else turns."""
        asked = reg.command_of(self._outputs)
        if self._fault == reg.RELEASING:
            return self._released()
        if self._activation == Activation.RUNNING and not self._fault:
            return self._activated(duration)
        if self._fault or self._activation == Activation.RESET or not asked.go:
            return self._position
        return max(
            0.0, min(self._travel, self._travel * (CLOSED - asked.position) / (CLOSED - OPEN))
        )

    @property
    def _releases(self) -> bool:
        """Whether it does, or did: only an activation ends that."""
        return self._fault in (reg.RELEASING, reg.RELEASED)

    def _released(self) -> float:
        """Give way to one end, then wait for an activation."""
        if abs(self._releases_to - self._position) < NEAR:
            self._fault = reg.RELEASED
        return self._releases_to

    def _activated(self, duration: float) -> float:
        """Open for a while, then close, as the real one finds its ends."""
        self._since += duration
        if self._since > 2 * ACTIVATING + 2 * self._travel / SPEED[1]:
            self._activation, self._contact = Activation.DONE, Contact.NONE
        half = ACTIVATING + self._travel / SPEED[1]
        return self._travel if self._since < half else 0.0

    def _feel(self, target: float, duration: float) -> None:
        """Notice a thing between the fingers, or that the request is reached."""
        if abs(target - self._position) < NEAR:
            self._contact, self._blocked = Contact.NONE, 0.0
            return
        felt = self._contact in (Contact.CLOSING, Contact.OPENING)
        if felt and abs(self._position - self._felt_at) < GIVES:
            return  # a jolt of the arm lets go of nothing
        if abs(self._position - self._blocked_at) > STANDS:
            self._blocked, self._blocked_at = 0.0, self._position
            self._contact = Contact.MOVING
        self._blocked += duration
        if self._blocked > BLOCKED:
            closing = target < self._position
            self._contact = Contact.CLOSING if closing else Contact.OPENING
            self._felt_at = self._position

    def _status(self) -> Status:
        asked: Command = reg.command_of(self._outputs)
        share = self._position / self._travel
        count = round(CLOSED - share * (CLOSED - OPEN))
        return Status(
            activated=asked.activate,
            going=asked.go,
            activation=self._activation,
            contact=self._contact if asked.go else Contact.MOVING,
            fault=self._fault or _waits(asked, self._activation),
            echo=asked.position,
            position=max(0, min(reg.MOST, count)),
            current=min(reg.MOST, round(abs(self._force) / 2)),
        )


def _waits(asked: Command, activation: Activation) -> int:
    """Return what it lacks to do what it is asked for; 0: nothing."""
    if asked.go and not asked.activate:
        return reg.BIT_FIRST
    return reg.ACTIVATION_FIRST * (asked.go and activation == Activation.RUNNING)


def _between(bounds: tuple[float, float], count: int) -> float:
    low, high = bounds
    return low + (high - low) * count / reg.MOST
