"""Dynamixel X servos as the arm's bus: the same bus as any family's, with other registers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from struct import Struct
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from handrail_drivers.api import JointHealth, JointState
from handrail_drivers.dynamixel import codec
from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.registers import MODELS, Model, value
from handrail_drivers.dynamixel.set_up import set_up
from handrail_drivers.servos.bus import Family, ServoBus
from handrail_drivers.servos.calibration import CENTRE, JointCalibration, require_reachable
from handrail_drivers.servos.line import ServoLine
from handrail_drivers.servos.settings import ServoBusSettings, ServoSettings

CYCLIC_SIZES = (10, 11, 12, 13)  # current, velocity and position, then 0 to 3 bytes more
HOLD_SIZE = reg.GOAL_POSITION.address + 4 - reg.TORQUE_ENABLE.address
HEALTH_SIZE = reg.PRESENT_TEMPERATURE.address + 1 - reg.TORQUE_ENABLE.address
ALERT = "hardware error"  # until the slow registers say which


class JointSettings(ServoSettings):
    """One servo on the bus."""

    id: Annotated[int, Field(ge=0, le=codec.HIGHEST_ID, description="servo id")]
    model: Literal["XM430-W350", "XM430-W210"] = Field(
        default="XM430-W350", description="what it is"
    )
    effort: Annotated[float, Field(ge=0.01, le=4.1, description="N.m, the servo's torque limit")]


class DynamixelSettings(ServoBusSettings):
    """A bus of Dynamixel X servos."""

    baud: Annotated[int, Field(ge=9_600, le=4_500_000, description="bit/s")] = 1_000_000
    joints: Annotated[dict[str, JointSettings], Field(min_length=1, description="base to tip")]


class DynamixelBus(ServoBus):
    """A chain of XM430 servos. They follow positions, with a current that is limited."""

    Settings: ClassVar[type[DynamixelSettings]] = DynamixelSettings

    def family(self, joints: Sequence[str], calibration: Sequence[JointCalibration]) -> Family:
        """Return the registers of these servos."""
        given: Any = self._settings
        models = [MODELS[one.model] for one in given.joints.values()]
        return XSeries(joints, calibration, models)

    def reset(self) -> None:
        """Have servos begin anew that have switched themselves off; they have no torque then."""
        for joint, id in zip(self.joints, self._ids, strict=True):
            health = self.read_health(joint)
            if health.faults and not health.torque_enabled:
                self._line.tell(id, codec.Instruction.REBOOT)
        self._status = (0,) * len(self._ids)


class XSeries:
    """The :class:`~handrail_drivers.servos.bus.Family` of X servos.

    Args:
        joints: names, in bus order.
        calibration: of each.
        models: of each.
    """

    # N.m/rad of an XM430-W350 at P gain 800: 128 units of it and a count are one of 885 of the duty
    # that gives 4.1 N.m (e-Manual, "Position PID gain", "PWM limit").
    stiffness = 18.9

    def __init__(
        self,
        joints: Sequence[str],
        calibration: Sequence[JointCalibration],
        models: Sequence[Model],
    ) -> None:
        self._joints = joints
        self._calibration = calibration
        self._models = {joint.id: model for joint, model in zip(calibration, models, strict=True)}
        self.dialect = codec.Dialect()
        ids = [joint.id for joint in calibration]
        self.cycles = [CyclicRead(calibration, models, size) for size in CYCLIC_SIZES]
        self.holds = codec.query(ids, reg.TORQUE_ENABLE.address, HOLD_SIZE)

    def goals(self, setpoints: Sequence[float]) -> bytes:
        """Return the frame that sets goal positions [rad].

        Raises:
            InvalidValue: not one finite number a joint, within its calibrated range.
        """
        require_reachable(self._joints, self._calibration, setpoints)
        pairs = zip(self._calibration, setpoints, strict=True)
        return self.goals_of([(joint.id, joint.to_count(position)) for joint, position in pairs])

    def goals_of(self, counts: Sequence[tuple[int, int]]) -> bytes:
        """Return the frame that sets the goals of some servos."""
        goal = reg.GOAL_POSITION
        rows = [(servo, goal.encode(count)) for servo, count in counts]
        return codec.sync_write(goal.address, goal.size, rows)

    def torque(self, enabled: bool) -> bytes:
        """Return the frame that enables or removes the torque of all."""
        flag = bytes((int(enabled),))
        return codec.sync_write(reg.TORQUE_ENABLE.address, 1, [(one, flag) for one in self._models])

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
        return str(set_up(line, joint, effort, calibration, self._models[calibration.id]))

    def health(self, line: ServoLine, joint: str, id: int) -> JointHealth:
        """Read the slow registers of one servo, in one exchange."""
        start = reg.TORQUE_ENABLE.address
        block = line.read(id, start, HEALTH_SIZE).parameters
        faults = value(block, reg.HARDWARE_ERROR, start)
        return JointHealth(
            joint=joint,
            temperature=float(value(block, reg.PRESENT_TEMPERATURE, start)),
            voltage=value(block, reg.PRESENT_VOLTAGE, start) * reg.VOLTAGE_UNIT,
            current=value(block, reg.PRESENT_CURRENT, start) * reg.CURRENT_UNIT,
            moving=value(block, reg.MOVING, start) != 0,
            torque_enabled=value(block, reg.TORQUE_ENABLE, start) == 1,
            faults=tuple(name for bit, name in reg.FAULT_BITS.items() if faults & bit),
        )

    def complaints(self, status: int) -> tuple[str, ...]:
        """Return what the error of an answer says; which fault it is, the slow registers tell."""
        return (ALERT,) if status & codec.ALERT else ()


class CyclicRead:
    """Sync read of current, velocity and position, and its decoding to SI units.

    Args:
        joints: calibration of each servo, in bus order.
        models: of each.
        size: bytes asked of each servo, 10 or more; what follows the position is not decoded.
    """

    def __init__(
        self, joints: Sequence[JointCalibration], models: Sequence[Model], size: int
    ) -> None:
        ids = [joint.id for joint in joints]
        self.query = codec.query(ids, reg.PRESENT_CURRENT.address, size)
        # One servo: header to instruction | error, current, velocity, position | the rest, CRC.
        self._layout = Struct("<" + f"8xBhii{size - 10 + 2}x" * len(joints))
        self._scales = [joint.scale for joint in joints]
        signs = [math.copysign(1.0, joint.scale) for joint in joints]
        self._speeds = [sign * reg.VELOCITY_UNIT for sign in signs]
        self._efforts = [
            sign * reg.CURRENT_UNIT * model.torque_per_ampere
            for sign, model in zip(signs, models, strict=True)
        ]

    def decode(self, reply: bytes, time_ns: int) -> tuple[JointState, tuple[int, ...]]:
        """Return the joints' state and the error of each servo's answer."""
        words = self._layout.unpack(reply)
        currents, speeds, counts = words[1::4], words[2::4], words[3::4]
        position = [(n - CENTRE) * s for n, s in zip(counts, self._scales, strict=True)]
        velocity = [n * s for n, s in zip(speeds, self._speeds, strict=True)]
        effort = [n * s for n, s in zip(currents, self._efforts, strict=True)]
        return JointState(time_ns, tuple(position), tuple(velocity), tuple(effort)), words[0::4]
