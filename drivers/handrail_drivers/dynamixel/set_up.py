"""Brings one servo to the configuration that the bus runs with, writing only what differs."""

from __future__ import annotations

from functools import partial

from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.registers import Model, Register, value
from handrail_drivers.errors import DeviceFault
from handrail_drivers.servos.calibration import JointCalibration
from handrail_drivers.servos.line import ServoLine
from handrail_drivers.servos.settled import refuse_under_torque, require_written

BLOCK_SIZE = reg.GOAL_POSITION.address  # bytes: all that is written but the goal, in one read
# Under torque these would move the joint or let it sag; the EEPROM cannot be written then at all.
MOVING = (reg.P_GAIN, reg.I_GAIN, reg.D_GAIN)


def wanted(effort: float, calibration: JointCalibration, model: Model) -> dict[Register, int]:
    """Return what the registers shall hold.

    Args:
        effort: N.m, becomes the most current that a position is followed with.
        calibration: of this joint.
        model: of its servo.
    """
    current = effort / model.torque_per_ampere / reg.CURRENT_UNIT
    return {
        reg.RETURN_DELAY: 0,
        reg.DRIVE_MODE: 0,
        reg.OPERATING_MODE: reg.CURRENT_POSITION,
        reg.HOMING_OFFSET: calibration.homing_offset,
        reg.STATUS_RETURN_LEVEL: 2,
        reg.P_GAIN: 800,
        reg.I_GAIN: 0,
        reg.D_GAIN: 0,
        reg.PROFILE_ACCELERATION: 0,  # no profile of the servo's own: setpoints are streamed
        reg.PROFILE_VELOCITY: 0,
        reg.GOAL_CURRENT: min(round(current), reg.GOAL_CURRENT.high),
    }


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
            f"{joint} is a servo of model {value(block, reg.MODEL_NUMBER)}, not {model.number}.",
            subject=joint,
            field=f"joints.{joint}.model",
            value=value(block, reg.MODEL_NUMBER),
            limit=model.number,
            hint="name its model in the cell",
        )
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
