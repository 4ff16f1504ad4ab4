"""What a servo's registers ask of its controller, in SI units, worked out once a change.

Gains: stiffness 17.8 N.m/rad at P = 16 and 3.35 N.m at stall (identified values of the
SO-101 description, `joints_properties.xml`); the joint's damping in the world holds for
D = 32, so that only the difference of D acts here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from handrail_drivers.feetech import registers as reg

from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.servo_memory import ServoMemory

COUNT = 2 * math.pi / reg.COUNTS_PER_TURN  # rad
STIFFNESS_PER_P = 17.8 / 16  # N.m/rad
INTEGRAL_PER_I = 0.5  # N.m/(rad.s)
DAMPING_PER_D = 0.005  # N.m.s/rad
NOMINAL_D = 32
TOP_SPEED = 3400 * COUNT  # rad/s, no load at 12 V
COARSE_SPEED = 50  # counts/s of one unit of speed where the phase says so
VELOCITY_GAIN = 0.2  # N.m.s/rad of one unit of the wheel mode's P
VELOCITY_INTEGRAL = 1.0  # N.m/rad of one unit of its I
# Bits of the phase register (STS memory table, section 3.1).
DRIVE_REVERSED, FINE_SPEED, ZERO_IS_TOP, FULL_ANGLE, FEEDBACK_REVERSED = 1, 4, 8, 16, 128


@dataclass(frozen=True, slots=True)
class Control:
    """What drives the joint."""

    mode: int
    range: tuple[int, int]  # counts that a goal is kept within; equal: not
    homing: float  # rad
    sense: float  # +1 or -1: direction of what is measured
    direction: float  # +1 or -1: direction of what is driven
    single_turn: bool
    stiffness: float  # N.m/rad
    integral: float  # N.m/(rad.s)
    damping: float  # N.m.s/rad beyond the nominal
    velocity_gain: float  # N.m.s/rad
    velocity_integral: float  # N.m/rad
    play: float  # rad, each way
    speed_unit: int  # count/s
    wheel_speed: float  # rad/s, goal of the velocity mode
    top_speed: float  # rad/s, of the position profile
    ramp: float  # rad/s2, 0: none
    duty: float  # N.m, goal of the PWM mode


@dataclass(frozen=True, slots=True)
class Protection:
    """What the servo bears, and for how long."""

    limit: float  # N.m
    overload_torque: float  # N.m
    protective_torque: float  # N.m, what is left after an overload
    overload_time: float  # s
    current: float  # A
    current_time: float  # s
    temperature: int  # Cel
    voltage: tuple[float, float]  # V, least and most
    unloading: int  # fault bits that remove torque


def control(memory: ServoMemory, draw: ServoDraw) -> Control:
    """Return what the registers ask of the controller of one servo."""
    value = memory.value
    phase = value(reg.PHASE)
    speed_unit = 1 if phase & FINE_SPEED else COARSE_SPEED
    speed = max(-TOP_SPEED, min(TOP_SPEED, value(reg.GOAL_VELOCITY) * speed_unit * COUNT))
    dead = max(value(reg.CW_DEAD_ZONE), value(reg.CCW_DEAD_ZONE))
    ramp = min(value(reg.ACCELERATION), value(reg.MAX_ACCELERATION))
    return Control(
        mode=value(reg.OPERATING_MODE),
        range=(value(reg.MIN_POSITION), value(reg.MAX_POSITION)),
        homing=value(reg.HOMING_OFFSET) * COUNT,
        sense=-1.0 if phase & FEEDBACK_REVERSED else 1.0,
        direction=-1.0 if phase & DRIVE_REVERSED else 1.0,
        single_turn=not phase & FULL_ANGLE,
        stiffness=value(reg.P_GAIN) * STIFFNESS_PER_P * draw.gain,
        integral=value(reg.I_GAIN) * INTEGRAL_PER_I,
        damping=(value(reg.D_GAIN) - NOMINAL_D) * DAMPING_PER_D,
        velocity_gain=value(reg.VELOCITY_P_GAIN) * VELOCITY_GAIN,
        velocity_integral=value(reg.VELOCITY_I_GAIN) * VELOCITY_INTEGRAL,
        # Half the play each way; one count of dead zone is the encoder's own resolution.
        play=max(draw.backlash / 2, (dead - 1) * COUNT),
        speed_unit=speed_unit,
        wheel_speed=speed,
        top_speed=TOP_SPEED if not speed and phase & ZERO_IS_TOP else abs(speed),
        ramp=ramp * reg.ACCELERATION_UNIT * COUNT,
        duty=value(reg.GOAL_TIME) / 1000 * reg.STALL_TORQUE,
    )


def protection(memory: ServoMemory) -> Protection:
    """Return what the registers say that one servo bears."""
    value = memory.value
    return Protection(
        limit=min(value(reg.TORQUE_LIMIT), value(reg.MAX_TORQUE)) / 1000 * reg.STALL_TORQUE,
        overload_torque=value(reg.OVERLOAD_TORQUE) / 100 * reg.STALL_TORQUE,
        protective_torque=value(reg.PROTECTIVE_TORQUE) / 100 * reg.STALL_TORQUE,
        overload_time=value(reg.PROTECTION_TIME) * reg.PROTECTION_TIME_UNIT,
        current=value(reg.PROTECTION_CURRENT) * reg.CURRENT_UNIT,
        current_time=value(reg.OVERCURRENT_TIME) * reg.PROTECTION_TIME_UNIT,
        temperature=value(reg.MAX_TEMPERATURE),
        voltage=(
            value(reg.MIN_VOLTAGE) * reg.VOLTAGE_UNIT,
            value(reg.MAX_VOLTAGE) * reg.VOLTAGE_UNIT,
        ),
        unloading=value(reg.UNLOADING_CONDITION),
    )
