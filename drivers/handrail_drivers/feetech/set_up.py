"""Brings one servo to the configuration that an SO-101 runs with, writing only what differs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from handrail_drivers.errors import DeviceFault
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.registers import Register
from handrail_drivers.servos.calibration import JointCalibration
from handrail_drivers.servos.line import ServoLine
from handrail_drivers.servos.settled import refuse_under_torque, require_written

BLOCK_SIZE = 56  # bytes: the EEPROM and all of the RAM that is written, in one read
# Under torque these would move the arm or let it sag.
MOVING = (
    reg.HOMING_OFFSET,
    reg.MIN_POSITION,
    reg.MAX_POSITION,
    reg.OPERATING_MODE,
    reg.P_GAIN,
    reg.I_GAIN,
    reg.D_GAIN,
)


def wanted(effort: float, calibration: JointCalibration) -> dict[Register, int]:
    """Return what the registers shall hold. Gains as LeRobot sets them for this arm.

    Args:
        effort: N.m, becomes the torque limit.
        calibration: of this joint.
    """
    return {
        reg.RETURN_DELAY: 0,
        reg.RESPONSE_LEVEL: 1,
        reg.HOMING_OFFSET: calibration.homing_offset,
        reg.MIN_POSITION: calibration.range_min,
        reg.MAX_POSITION: calibration.range_max,
        reg.OPERATING_MODE: 0,
        reg.P_GAIN: 16,
        reg.I_GAIN: 0,
        reg.D_GAIN: 32,
        reg.ACCELERATION: 0,  # no profile of the servo's own: setpoints are streamed
        reg.GOAL_TIME: 0,
        reg.GOAL_VELOCITY: 0,
        reg.TORQUE_LIMIT: round(effort / reg.STALL_TORQUE * 1000),
    }


def set_up(
    line: ServoLine, joint: str, effort: float, calibration: JointCalibration
) -> tuple[int, int]:
    """Configure one servo; torque enable and goal stay as they are.

    Returns:
        The firmware's version, major and minor.

    Raises:
        DeviceFault: another model; or a setting that must not change while torque is on; or
            a register that did not take its value.
    """
    servo = calibration.id
    block = line.read(servo, 0, BLOCK_SIZE).parameters
    _check_model(joint, value(block, reg.MODEL_NUMBER))
    target = wanted(effort, calibration)
    different = {register: to for register, to in target.items() if value(block, register) != to}
    if value(block, reg.TORQUE_ENABLE):
        fixed = {one: different[one] for one in MOVING if one in different}
        refuse_under_torque(joint, fixed, partial(value, block))
    _write(line, servo, different)
    if different:
        block = line.read(servo, 0, BLOCK_SIZE).parameters
        require_written(joint, different, partial(value, block))
    return value(block, reg.FIRMWARE_MAJOR), value(block, reg.FIRMWARE_MINOR)


def value(block: bytes, register: Register, start: int = 0) -> int:
    """Return a register's signed value out of bytes that were read from address start on."""
    at = register.address - start
    return register.decode(int.from_bytes(block[at : at + register.size], "little"))


def _write(line: ServoLine, servo: int, changes: Mapping[Register, int]) -> None:
    """Write RAM, then EEPROM between unlocking and locking it."""
    lasting = [register for register in changes if register.eeprom]
    if lasting:
        line.write(servo, reg.LOCK.address, b"\x00")
    try:
        for register, to in changes.items():
            data = register.encode(to).to_bytes(register.size, "little")
            line.write(servo, register.address, data)
    finally:
        if lasting:
            line.write(servo, reg.LOCK.address, b"\x01")


def _check_model(joint: str, model: int) -> None:
    if model != reg.MODEL_STS3215:
        raise DeviceFault(
            f"{joint} is a servo of model {model}; this driver speaks to the STS3215 "
            f"({reg.MODEL_STS3215}).",
            subject=joint,
            value=model,
            limit=reg.MODEL_STS3215,
        )
