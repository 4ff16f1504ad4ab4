"""A chain of position-controlled bus servos as the realtime loop sees it, whatever their family."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from handrail_drivers.api import Effect, HoldState, JointHealth, JointState, tool
from handrail_drivers.errors import (
    DeviceFault,
    InvalidValue,
    ServoGarbled,
    ServoSilent,
    UnknownName,
)
from handrail_drivers.servos.calibration import Calibration, JointCalibration
from handrail_drivers.servos.frames import SyncRead
from handrail_drivers.servos.line import Dialect, ServoLine
from handrail_drivers.servos.settings import ServoBusSettings
from handrail_drivers.transport import Transport

NEAR_GOAL = 0.15  # rad between goal and position within which stop leaves the goal as it is


class Cycle(Protocol):
    """The sync read of every tick."""

    @property
    def query(self) -> SyncRead:
        """What is asked."""

    def decode(self, reply: bytes, time_ns: int) -> tuple[JointState, tuple[int, ...]]:
        """Return the joints' state and the status of each servo."""


class Family(Protocol):
    """What the servos of one family have in their registers, for the servos of one bus."""

    @property
    def dialect(self) -> Dialect:
        """How they frame what is said."""

    @property
    def cycles(self) -> Sequence[Cycle]:
        """The cyclic read in several sizes.

        After a failed read the next size is used: a late reply to that read cannot then be taken
        for the answer to this one.
        """

    @property
    def holds(self) -> SyncRead:
        """The read of goal registers and torque enable."""

    @property
    def stiffness(self) -> Sequence[float]:
        """N.m/rad of each servo, at the gains that are written."""

    def goals(self, setpoints: Sequence[float]) -> bytes:
        """Return the frame that sets goal positions [rad]; refuses what no servo should be sent."""

    def goals_of(self, counts: Sequence[tuple[int, int]]) -> bytes:
        """Return the frame that sets the goals of some servos, as pairs of id and count."""

    def torque(self, enabled: bool) -> bytes:
        """Return the frame that enables or removes the torque of all."""

    def held(self, reply: bytes) -> list[tuple[int, bool]]:
        """Return goal [count] and torque enable of each servo, out of a reply to ``holds``."""

    def set_up(
        self, line: ServoLine, joint: str, effort: float, calibration: JointCalibration
    ) -> str:
        """Check the model of one servo, write its configuration; return its firmware's version."""

    def health(self, line: ServoLine, joint: str, id: int) -> JointHealth:
        """Read the slow registers of one servo."""

    def complaints(self, status: int) -> tuple[str, ...]:
        """Return the names of the faults in a status."""


class ServoBus:
    """A :class:`~handrail_drivers.api.MotionBus` of servos; a family's driver derives from it.

    Args:
        name: the device's name in the cell.
        settings: its settings; the calibration's path must be resolved already.
        transport: an open port.
        clock: ns; the virtual clock where time is virtual.

    Raises:
        InvalidValue: the calibration cannot be read or does not fit the settings.
    """

    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False
    told_any_time: ClassVar[bool] = True  # each setpoint is a goal, whenever it comes

    def __init__(
        self,
        name: str,
        settings: Any,
        transport: Transport,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        given: ServoBusSettings = settings
        self.name = name
        self.joints = tuple(given.joints)
        self.firmware: dict[str, str] = {}  # version by joint, once connected
        self._settings = given
        self._calibration = _calibration(given)
        self._ids = [joint.id for joint in self._calibration]
        self._transport = transport
        self._clock = clock
        self._family = self.family(self.joints, self._calibration)
        names = dict(zip(self._ids, self.joints, strict=True))
        timing = given.baud, given.margin, given.retries
        self._line = ServoLine(name, self._family.dialect, transport, names, *timing, clock)
        self._cycle = 0
        self._status: tuple[int, ...] = (0,) * len(self._ids)

    def family(self, joints: Sequence[str], calibration: Sequence[JointCalibration]) -> Family:
        """Return what the servos of this bus have in their registers."""
        raise NotImplementedError

    @property
    def retries(self) -> int:
        """Exchanges repeated so far."""
        return self._line.retries

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return what servos complained of in the last cyclic read; empty if nothing."""
        pairs = zip(self.joints, self._status, strict=True)
        return {
            joint: names
            for joint, status in pairs
            if status and (names := self._family.complaints(status))
        }

    def connect(self) -> None:
        """Find every servo, check its model, write its configuration. Moves nothing.

        Raises:
            ServoSilent: names every servo that does not answer.
            DeviceFault: a wrong model, or a configuration that must not change under torque.
            BusLost: the port is gone.
        """
        self._line.find_all()
        for joint, settings, calibration in zip(
            self.joints, self._settings.joints.values(), self._calibration, strict=True
        ):
            self.firmware[joint] = self._family.set_up(
                self._line, joint, settings.effort, calibration
            )

    def read(self) -> JointState:
        """One sync read of position, velocity and effort.

        A garbled reply is repeated once; silence is not, since it has cost a timeout.

        Raises:
            ServoSilent, ServoGarbled: names the joint.
            BusLost: the port is gone.
        """
        cycles = self._family.cycles
        cycle = cycles[self._cycle]
        try:
            reply = self._line.cyclic(cycle.query)
        except (ServoSilent, ServoGarbled):
            self._cycle = (self._cycle + 1) % len(cycles)
            raise
        state, self._status = cycle.decode(reply, self._clock())
        return state

    def write(self, setpoints: Sequence[float]) -> None:
        """Send the goal position [rad] of all joints, in bus order, as one sync write.

        Raises:
            InvalidValue: not one finite number a joint, within its calibrated range.
            BusLost: the port is gone.
        """
        self._line.send(self._family.goals(setpoints))

    def read_hold(self) -> HoldState:
        """Read goal registers [rad] and torque enable of all joints."""
        held = self._family.held(self._line.sync(self._family.holds))
        pairs = zip(self._calibration, held, strict=True)
        return HoldState(
            tuple(joint.to_rad(goal) for joint, (goal, _) in pairs),
            tuple(enabled for _, enabled in held),
        )

    def read_health(self, joint: str) -> JointHealth:
        """Read the slow registers of one joint, in one exchange.

        Raises:
            UnknownName: no such joint.
            ServoSilent, ServoGarbled, BusLost: as for reads.
        """
        if joint not in self.joints:
            raise UnknownName("joint", joint, self.joints, field="joint")
        return self._family.health(self._line, joint, self._ids[self.joints.index(joint)])

    @tool(Effect.OBSERVE)
    def health(self, joint: str) -> JointHealth:
        """Temperature, voltage, current and faults of one joint's servo."""
        return self.read_health(joint)

    def set_torque(self, enabled: bool) -> None:
        """Enable or remove torque on all joints, and read back that it is so.

        Raises:
            DeviceFault: names the joint that did not follow.
        """
        self._line.send(self._family.torque(enabled))
        for joint, is_on in zip(self.joints, self.read_hold().torque_enabled, strict=True):
            if is_on != enabled:
                raise DeviceFault(
                    f"{joint} did not {'enable' if enabled else 'remove'} torque.",
                    subject=joint,
                    hint="read its health: a servo in overload keeps its torque off",
                )

    def reset(self) -> None:
        """A servo's fault ends with its cause, or with its power."""

    def stop(self) -> None:
        """Hold every joint where it is, torque kept; joints without torque are left alone.

        A goal near the measured position stays as it is: at rest it holds the load, and any
        other would make the arm sag or jump. A goal farther away becomes the measured position
        plus what the servo needs to carry its present load.
        """
        hold = self.read_hold()
        state = self.read()
        counts = []
        for n, joint in enumerate(self._calibration):
            if hold.torque_enabled[n] and abs(hold.goal[n] - state.position[n]) > NEAR_GOAL:
                goal = state.position[n] + state.effort[n] / self._family.stiffness[n]
                count = joint.to_count(min(max(goal, joint.low), joint.high))
                counts.append((joint.id, count))
        if counts:
            self._line.send(self._family.goals_of(counts))

    def close(self) -> None:
        """Release the port. Torque stays as it is."""
        self._transport.close()


def _calibration(settings: ServoBusSettings) -> list[JointCalibration]:
    """Return each joint's calibration, in bus order."""
    joints = Calibration.load(settings.calibration).joints
    for name, joint in settings.joints.items():
        if name not in joints:
            raise UnknownName("calibrated joint", name, joints, field=f"joints.{name}")
        if joints[name].id != joint.id:
            raise InvalidValue(
                f"{name} has id {joint.id} in the cell and {joints[name].id} in its calibration.",
                field=f"joints.{name}.id",
                value=joint.id,
                limit=joints[name].id,
            )
    return [joints[name] for name in settings.joints]
