"""Dynamixel X servos as the arm's bus: the same bus as any family's, with other registers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from struct import Struct
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from handrail_drivers.api import JointHealth, JointState
from handrail_drivers.dynamixel import codec
from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.models import MODELS, STRONGEST, Model
from handrail_drivers.dynamixel.registers import value
from handrail_drivers.dynamixel.set_up import require_followed, set_up
from handrail_drivers.servos.bus import Family, ServoBus
from handrail_drivers.servos.calibration import CENTRE, JointCalibration, require_reachable
from handrail_drivers.servos.line import ServoLine
from handrail_drivers.servos.settings import ServoBusSettings, ServoSettings

CYCLIC_SIZES = (12, 13, 14, 15)  # PWM, current, velocity and position, then 0 to 3 bytes more
HOLD_SIZE = reg.GOAL_POSITION.address + 4 - reg.TORQUE_ENABLE.address
HEALTH_SIZE = reg.PRESENT_TEMPERATURE.address + 1 - reg.TORQUE_ENABLE.address
ALERT = "hardware error"  # until the slow registers say which


def known(model: str) -> str:
    """Return the name of a model, or raise ValueError with those that are known."""
    if model not in MODELS:
        raise ValueError(f"no model {model!r}; valid: {', '.join(MODELS)}")
    return model


ModelName = Annotated[str, AfterValidator(known), Field(json_schema_extra={"enum": [*MODELS]})]


class JointSettings(ServoSettings):
    """One servo on the bus."""

    id: Annotated[int, Field(ge=0, le=codec.HIGHEST_ID, description="servo id")]
    model: ModelName = Field(default="XM430-W350", description="what it is")
    effort: Annotated[
        float, Field(ge=0.01, le=STRONGEST, description="N.m, the servo's torque limit")
    ]

    @model_validator(mode="after")
    def _has_it(self) -> Self:
        most = MODELS[self.model].stall_torque
        if self.effort > most:
            raise ValueError(f"a {self.model} has {most} N.m at most, and effort is {self.effort}")
        return self


class DynamixelSettings(ServoBusSettings):
    """A bus of Dynamixel X servos."""

    baud: Annotated[int, Field(ge=9_600, le=4_500_000, description="bit/s")] = 1_000_000
    joints: Annotated[dict[str, JointSettings], Field(min_length=1, description="base to tip")]

    @property
    def measures_effort(self) -> bool:
        """Whether all of its servos do: a duty is what one tries, and not what it meets."""
        return all(MODELS[one.model].motor_current is not None for one in self.joints.values())


class DynamixelBus(ServoBus):
    """A chain of servos of the X series, of one model or several. They follow positions.

    Their effort is limited by their current. Models that do not measure their motor's (XL330,
    XC330, XL430, XC430) are limited by their duty, and tell it for their effort.
    """

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

    def __init__(
        self,
        joints: Sequence[str],
        calibration: Sequence[JointCalibration],
        models: Sequence[Model],
    ) -> None:
        for joint, own, model in zip(joints, calibration, models, strict=True):
            require_followed(joint, own, model)
        self._joints = joints
        self._calibration = calibration
        self._models = {joint.id: model for joint, model in zip(calibration, models, strict=True)}
        self.stiffness = [model.stiffness for model in models]
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
            current=_current(block, start, self._models[id]),
            moving=value(block, reg.MOVING, start) != 0,
            torque_enabled=value(block, reg.TORQUE_ENABLE, start) == 1,
            faults=tuple(name for bit, name in reg.FAULT_BITS.items() if faults & bit),
        )

    def complaints(self, status: int) -> tuple[str, ...]:
        """Return what the error of an answer says; which fault it is, the slow registers tell."""
        return (ALERT,) if status & codec.ALERT else ()


def _current(block: bytes, start: int, model: Model) -> float:
    """Return the current [A]; of a model that measures none what its duty gives at rest."""
    if model.current is None:
        return value(block, reg.PRESENT_PWM, start) / reg.FULL_PWM * model.stall_current
    return value(block, reg.PRESENT_CURRENT, start) * model.current.unit


class CyclicRead:
    """Sync read of PWM, current, velocity and position, and its decoding to SI units.

    Args:
        joints: calibration of each servo, in bus order.
        models: of each.
        size: bytes asked of each servo, 12 or more; what follows the position is not decoded.
    """

    def __init__(
        self, joints: Sequence[JointCalibration], models: Sequence[Model], size: int
    ) -> None:
        ids = [joint.id for joint in joints]
        self.query = codec.query(ids, reg.PRESENT_PWM.address, size)
        # One servo: header to instruction | error, PWM, current, velocity, position | rest, CRC.
        self._layout = Struct("<" + f"8xBhhii{size - 12 + 2}x" * len(joints))
        self._scales = [joint.scale for joint in joints]
        signs = [math.copysign(1.0, joint.scale) for joint in joints]
        self._speeds = [sign * reg.VELOCITY_UNIT for sign in signs]
        by_current = [_of_current(model) for model in models]
        self._currents = [sign * unit for sign, unit in zip(signs, by_current, strict=True)]
        self._duties = [
            0.0 if unit else sign * model.stall_torque / reg.FULL_PWM
            for sign, unit, model in zip(signs, by_current, models, strict=True)
        ]

    def decode(self, reply: bytes, time_ns: int) -> tuple[JointState, tuple[int, ...]]:
        """Return the joints' state and the error of each servo's answer."""
        words = self._layout.unpack(reply)
        duties, currents, speeds, counts = words[1::5], words[2::5], words[3::5], words[4::5]
        position = [(n - CENTRE) * s for n, s in zip(counts, self._scales, strict=True)]
        velocity = [n * s for n, s in zip(speeds, self._speeds, strict=True)]
        parts = zip(currents, self._currents, duties, self._duties, strict=True)
        effort = [n * s + m * t for n, s, m, t in parts]
        return JointState(time_ns, tuple(position), tuple(velocity), tuple(effort)), words[0::5]


def _of_current(model: Model) -> float:
    """Return the torque [N.m] of one unit of a motor's measured current; 0: it is not measured."""
    current = model.motor_current
    return 0.0 if current is None else current.unit * model.torque_per_ampere
