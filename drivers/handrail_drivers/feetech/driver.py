"""The arm's servo bus: position-controlled Feetech STS3215 joints, SI units outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from handrail_drivers.api import JointHealth
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.cycle import CyclicRead, GoalWrite
from handrail_drivers.feetech.set_up import set_up, value
from handrail_drivers.servos.bus import Family, ServoBus
from handrail_drivers.servos.calibration import JointCalibration
from handrail_drivers.servos.line import ServoLine
from handrail_drivers.servos.settings import ServoBusSettings, ServoSettings

CYCLIC_SIZES = (6, 7, 8, 9)  # position, velocity and load, then 0 to 3 bytes more
STIFFNESS = 17.8  # N.m/rad at P gain 16 (reference model of the SO-101)
HEALTH_SIZE = reg.PRESENT_CURRENT.address + 2 - reg.TORQUE_ENABLE.address


class JointSettings(ServoSettings):
    """One STS3215 on the bus."""

    id: Annotated[int, Field(ge=0, le=codec.HIGHEST_ID, description="servo id")]
    effort: Annotated[
        float, Field(ge=0.01, le=reg.STALL_TORQUE, description="N.m, the servo's torque limit")
    ]


class FeetechSettings(ServoBusSettings):
    """A bus of Feetech servos."""

    joints: Annotated[dict[str, JointSettings], Field(min_length=1, description="base to tip")]


class FeetechBus(ServoBus):
    """A chain of STS3215 servos."""

    Settings: ClassVar[type[FeetechSettings]] = FeetechSettings

    def family(self, joints: Sequence[str], calibration: Sequence[JointCalibration]) -> Family:
        """Return the registers of these servos."""
        return Sts3215(joints, calibration)


class Sts3215:
    """The :class:`~handrail_drivers.servos.bus.Family` of STS3215 servos.

    Args:
        joints: names, in bus order.
        calibration: of each.
    """

    def __init__(self, joints: Sequence[str], calibration: Sequence[JointCalibration]) -> None:
        self._ids = [joint.id for joint in calibration]
        self.stiffness = [STIFFNESS] * len(calibration)
        self.dialect = codec.Dialect()
        self.cycles = [CyclicRead(calibration, size) for size in CYCLIC_SIZES]
        self.holds = codec.query(self._ids, reg.TORQUE_ENABLE.address, 4)
        self._goals = GoalWrite(joints, calibration)

    def goals(self, setpoints: Sequence[float]) -> bytes:
        """Return the frame that sets goal positions [rad].

        Raises:
            InvalidValue: not one finite number a joint, within its calibrated range.
        """
        return self._goals.frame(setpoints)

    def goals_of(self, counts: Sequence[tuple[int, int]]) -> bytes:
        """Return the frame that sets the goals of some servos."""
        rows = [(servo, count.to_bytes(2, "little")) for servo, count in counts]
        return codec.sync_write(reg.GOAL_POSITION.address, 2, rows)

    def torque(self, enabled: bool) -> bytes:
        """Return the frame that enables or removes the torque of all."""
        flag = bytes((int(enabled),))
        return codec.sync_write(reg.TORQUE_ENABLE.address, 1, [(one, flag) for one in self._ids])

    def held(self, reply: bytes) -> list[tuple[int, bool]]:
        """Return goal [count] and torque enable of each servo."""
        start = reg.TORQUE_ENABLE.address
        return [
            (value(block, reg.GOAL_POSITION, start), value(block, reg.TORQUE_ENABLE, start) == 1)
            for block in self.holds.split(reply)
        ]

    def set_up(
        self, line: ServoLine, joint: str, effort: float, calibration: JointCalibration
    ) -> str:
        """Check the model of one servo, write its configuration; return its firmware's version."""
        major, minor = set_up(line, joint, effort, calibration)
        return f"{major}.{minor}"

    def health(self, line: ServoLine, joint: str, id: int) -> JointHealth:
        """Read the slow registers of one servo, in one exchange."""
        start = reg.TORQUE_ENABLE.address
        reply = line.read(id, start, HEALTH_SIZE)
        block = reply.parameters
        return JointHealth(
            joint=joint,
            temperature=float(value(block, reg.PRESENT_TEMPERATURE, start)),
            voltage=value(block, reg.PRESENT_VOLTAGE, start) * reg.VOLTAGE_UNIT,
            current=value(block, reg.PRESENT_CURRENT, start) * reg.CURRENT_UNIT,
            moving=value(block, reg.MOVING, start) != 0,
            torque_enabled=value(block, reg.TORQUE_ENABLE, start) == 1,
            faults=self.complaints(reply.code | value(block, reg.STATUS, start)),
        )

    def complaints(self, status: int) -> tuple[str, ...]:
        """Return the names of the faults in a status byte."""
        return tuple(name for bit, name in reg.FAULT_BITS.items() if status & bit)
