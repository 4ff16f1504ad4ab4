"""Brings one servo to the configuration that the bus runs with, writing only what differs."""

from __future__ import annotations

from functools import partial

from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.models import MODELS, Model, named
from handrail_drivers.dynamixel.registers import Register, value
from handrail_drivers.errors import DeviceFault, InvalidValue
from handrail_drivers.servos.calibration import JointCalibration
from handrail_drivers.servos.line import ServoLine
from handrail_drivers.servos.settled import refuse_under_torque, require_written

BLOCK_SIZE = reg.GOAL_POSITION.address  # bytes: all that is written but the goal, in one read
# Under torque these would move the joint or let it sag; the EEPROM cannot be written then at all.
MOVING = (reg.P_GAIN, reg.I_GAIN, reg.D_GAIN)
ELSEWHERE = "mount its horn nearer to the middle of its turn, and calibrate again"


def wanted(effort: float, calibration: JointCalibration, model: Model) -> dict[Register, int]:
    """Return what the registers shall hold.

    Args:
        effort: N.m, becomes the most current that a position is followed with; where the motor's
            is not measured, the most duty: at rest that gives as much.
        calibration: of this joint.
        model: of its servo.
    """
    return {
        reg.RETURN_DELAY: 0,
        reg.DRIVE_MODE: 0,
        reg.OPERATING_MODE: mode(model),
        reg.HOMING_OFFSET: calibration.homing_offset,
        reg.STATUS_RETURN_LEVEL: 2,
        reg.P_GAIN: model.p_gain,
        reg.I_GAIN: 0,
        reg.D_GAIN: 0,
        reg.PROFILE_ACCELERATION: 0,  # no profile of the servo's own: setpoints are streamed
        reg.PROFILE_VELOCITY: 0,
        reg.BUS_WATCHDOG: 0,  # or goals were read-only where somebody else's has gone off
        **_most(effort, model),
    }


def require_followed(joint: str, calibration: JointCalibration, model: Model) -> None:
    """Refuse counts that a servo in position mode does not keep.

    When torque comes its place becomes the encoder's within one turn, plus the homing offset: a
    range that holds the seam of that turn would be left by a whole turn.

    Raises:
        InvalidValue: the offset is beyond what is taken, or the seam is in the range.
    """
    offset = calibration.homing_offset
    if mode(model) != reg.POSITION:
        return
    if abs(offset) > reg.OFFSET_TAKEN:
        raise InvalidValue(
            f"The {named(model.number)} of {joint} ignores a homing offset of {offset} counts.",
            field=f"{joint}.homing_offset",
            value=offset,
            limit=reg.OFFSET_TAKEN,
            hint=ELSEWHERE,
        )
    low, high = max(0, offset), reg.MAX_POSITION.high + min(0, offset)
    for end in ("range_min", "range_max"):
        count = getattr(calibration, end)
        limit = min(max(count, low), high)
        if count != limit:
            raise InvalidValue(
                f"{joint} goes over the end of its servo's turn, where it would turn once round.",
                field=f"{joint}.{end}",
                value=count,
                limit=limit,
                hint=ELSEWHERE,
            )


def mode(model: Model) -> int:
    """Return the operating mode that a model follows positions in."""
    return reg.POSITION if model.motor_current is None else reg.CURRENT_POSITION


def _most(effort: float, model: Model) -> dict[Register, int]:
    """Return what limits a model to an effort [N.m], and what its mode needs for that."""
    current = model.motor_current
    if current is None:
        ends = {reg.MIN_POSITION: 0, reg.MAX_POSITION: reg.MAX_POSITION.high}  # of that mode alone
        duty = effort / model.stall_torque
        return ends | {reg.GOAL_PWM: min(round(duty * reg.FULL_PWM), reg.FULL_PWM)}
    units = round(effort / model.torque_per_ampere / current.unit)
    return {reg.GOAL_CURRENT: min(units, current.most)}


def set_up(
    line: ServoLine, joint: str, effort: float, calibration: JointCalibration, model: Model
) -> int:
    """Configure one servo; torque enable and goal stay as they are.

    Returns:
        The firmware's version.

    Raises:
        DeviceFault: another model; or a setting that must not change while torque is on; or
            a register that did not take its value.
    """
    servo = calibration.id
    block = line.read(servo, 0, BLOCK_SIZE).parameters
    if value(block, reg.MODEL_NUMBER) != model.number:
        raise DeviceFault(
            f"{joint} is a {named(value(block, reg.MODEL_NUMBER))}, not a {named(model.number)}.",
            subject=joint,
            field=f"joints.{joint}.model",
            value=value(block, reg.MODEL_NUMBER),
            limit=model.number,
            hint=f"name its model in the cell: {', '.join(MODELS)}",
        )
    if value(block, reg.OPERATING_MODE) != mode(model) and not value(block, reg.TORQUE_ENABLE):
        # It takes the gains and limits of the new mode then: what they are is read afterwards.
        line.write(servo, reg.OPERATING_MODE.address, bytes((mode(model),)))
        block = line.read(servo, 0, BLOCK_SIZE).parameters
    target = wanted(effort, calibration, model)
    different = {register: to for register, to in target.items() if value(block, register) != to}
    if value(block, reg.TORQUE_ENABLE):
        fixed = {one: to for one, to in different.items() if one.eeprom or one in MOVING}
        refuse_under_torque(joint, fixed, partial(value, block))
    for register, to in different.items():
        line.write(servo, register.address, register.encode(to))
    if different:
        written = line.read(servo, 0, BLOCK_SIZE).parameters
        require_written(joint, different, partial(value, written))
    return value(block, reg.FIRMWARE)
