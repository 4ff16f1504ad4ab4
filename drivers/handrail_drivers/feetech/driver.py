"""The arm's servo bus: position-controlled Feetech STS3215 joints, SI units outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.api import Effect, HoldState, JointHealth, JointState, tool
from handrail_drivers.errors import (
    DeviceFault,
    InvalidValue,
    ServoGarbled,
    ServoSilent,
    UnknownName,
)
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.calibration import Calibration, JointCalibration
from handrail_drivers.feetech.cycle import CyclicRead, GoalWrite
from handrail_drivers.feetech.protocol import ServoLine, SyncRead
from handrail_drivers.feetech.set_up import set_up, value
from handrail_drivers.transport import Transport

# Position, velocity and load, then 0 to 3 bytes more. After a failed read the next size is
# used: a late reply to that read cannot then be taken for the answer to this one.
CYCLIC_SIZES = (6, 7, 8, 9)
STIFFNESS = 17.8  # N.m/rad at P gain 16 (reference model of the SO-101)
NEAR_GOAL = 0.15  # rad between goal and position within which stop leaves the goal as it is
HEALTH_SIZE = reg.PRESENT_CURRENT.address + 2 - reg.TORQUE_ENABLE.address


class JointSettings(BaseModel):
    """One servo on the bus."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: Annotated[int, Field(ge=0, le=codec.HIGHEST_ID, description="servo id")]
    effort: Annotated[
        float, Field(ge=0.01, le=reg.STALL_TORQUE, description="N.m, the servo's torque limit")
    ]


class FeetechSettings(BaseModel):
    """A bus of Feetech servos."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    port: str = Field(description="serial port, such as /dev/ttyACM0")
    baud: Annotated[int, Field(ge=38_400, le=1_000_000, description="bit/s")] = 1_000_000
    calibration: Path = Field(description="calibration file (LeRobot's fields)")
    joints: Annotated[dict[str, JointSettings], Field(min_length=1, description="base to tip")]
    margin: Annotated[
        float, Field(gt=0, le=0.1, description="s that a reply may take beyond its wire time")
    ] = 0.004
    retries: Annotated[
        int, Field(ge=0, le=5, description="repeats of a failed exchange outside of the cycle")
    ] = 2


class FeetechBus:
    """A chain of STS3215 servos as a :class:`~handrail_drivers.api.MotionBus`.

    Args:
        name: the device's name in the cell.
        settings: its settings; the calibration's path must be resolved already.
        transport: an open port.
        clock: ns; the virtual clock where time is virtual.

    Raises:
        InvalidValue: the calibration cannot be read or does not fit the settings.
    """

    Settings: ClassVar[type[FeetechSettings]] = FeetechSettings
    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        settings: FeetechSettings,
        transport: Transport,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = name
        self.joints = tuple(settings.joints)
        self.firmware: dict[str, str] = {}  # version by joint, once connected
        self._settings = settings
        self._calibration = _calibration(settings)
        self._ids = [joint.id for joint in self._calibration]
        self._transport = transport
        self._clock = clock
        names = dict(zip(self._ids, self.joints, strict=True))
        self._line = ServoLine(
            name, transport, names, settings.baud, settings.margin, settings.retries, clock
        )
        self._cycles = [CyclicRead(self._calibration, size) for size in CYCLIC_SIZES]
        self._cycle = 0
        self._holds = SyncRead(self._ids, reg.TORQUE_ENABLE.address, 4)
        self._goals = GoalWrite(self.joints, self._calibration)
        self._status: tuple[int, ...] = (0,) * len(self._ids)

    @property
    def retries(self) -> int:
        """Exchanges repeated so far."""
        return self._line.retries

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return what servos complained of in the last cyclic read; empty if nothing."""
        pairs = zip(self.joints, self._status, strict=True)
        return {joint: fault_names(status) for joint, status in pairs if status}

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
            major, minor = set_up(self._line, joint, settings.effort, calibration)
            self.firmware[joint] = f"{major}.{minor}"

    def read(self) -> JointState:
        """One sync read of position, velocity and load.

        A garbled reply is repeated once; silence is not, since it has cost a timeout.

        Raises:
            ServoSilent, ServoGarbled: names the joint.
            BusLost: the port is gone.
        """
        cycle = self._cycles[self._cycle]
        try:
            reply = self._line.cyclic(cycle.query)
        except (ServoSilent, ServoGarbled):
            self._cycle = (self._cycle + 1) % len(self._cycles)
            raise
        state, self._status = cycle.decode(reply, self._clock())
        return state

    def write(self, setpoints: Sequence[float]) -> None:
        """Send the goal position [rad] of all joints, in bus order, as one sync write.

        Raises:
            InvalidValue: not one finite number a joint, within its calibrated range.
            BusLost: the port is gone.
        """
        self._line.send(self._goals.frame(setpoints))

    def read_hold(self) -> HoldState:
        """Read goal registers [rad] and torque enable of all joints."""
        reply = self._line.sync(self._holds)
        start = reg.TORQUE_ENABLE.address
        blocks = self._holds.split(reply)
        goals = [value(block, reg.GOAL_POSITION, start) for block in blocks]
        return HoldState(
            tuple(j.to_rad(goal) for j, goal in zip(self._calibration, goals, strict=True)),
            tuple(value(block, reg.TORQUE_ENABLE, start) == 1 for block in blocks),
        )

    def read_health(self, joint: str) -> JointHealth:
        """Read the slow registers of one joint, in one exchange.

        Raises:
            UnknownName: no such joint.
            ServoSilent, ServoGarbled, BusLost: as for reads.
        """
        if joint not in self.joints:
            raise UnknownName("joint", joint, self.joints, field="joint")
        start = reg.TORQUE_ENABLE.address
        servo = self._ids[self.joints.index(joint)]
        reply = self._line.read(servo, start, HEALTH_SIZE)
        block = reply.parameters
        return JointHealth(
            joint=joint,
            temperature=float(value(block, reg.PRESENT_TEMPERATURE, start)),
            voltage=value(block, reg.PRESENT_VOLTAGE, start) * reg.VOLTAGE_UNIT,
            current=value(block, reg.PRESENT_CURRENT, start) * reg.CURRENT_UNIT,
            moving=value(block, reg.MOVING, start) != 0,
            torque_enabled=value(block, reg.TORQUE_ENABLE, start) == 1,
            faults=fault_names(reply.code | value(block, reg.STATUS, start)),
        )

    @tool(Effect.OBSERVE)
    def health(self, joint: str) -> JointHealth:
        """Temperature, voltage, current and faults of one joint's servo."""
        return self.read_health(joint)

    def set_torque(self, enabled: bool) -> None:
        """Enable or remove torque on all joints, and read back that it is so.

        Raises:
            DeviceFault: names the joint that did not follow.
        """
        flag = bytes((int(enabled),))
        self._line.send(
            codec.sync_write(reg.TORQUE_ENABLE.address, 1, [(servo, flag) for servo in self._ids])
        )
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
                goal = state.position[n] + state.effort[n] / STIFFNESS
                count = joint.to_count(min(max(goal, joint.low), joint.high))
                counts.append((joint.id, count.to_bytes(2, "little")))
        if counts:
            self._line.send(codec.sync_write(reg.GOAL_POSITION.address, 2, counts))

    def close(self) -> None:
        """Release the port. Torque stays as it is."""
        self._transport.close()


def fault_names(status: int) -> tuple[str, ...]:
    """Return the names of the faults in a status byte."""
    return tuple(name for bit, name in reg.FAULT_BITS.items() if status & bit)


def _calibration(settings: FeetechSettings) -> list[JointCalibration]:
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
