"""The models of Dynamixel's X series: they share one control table, and this is where they differ.

Source: ROBOTIS e-Manual, of each model "Specifications", "Current Limit (38)", "Position P Gain
(84)", "Temperature Limit (31)". Numbers and registers of the current are also in the vendor's SDK
(``dynamixel_easy_sdk/control_table``), against which a test holds this table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.registers import Register
from handrail_drivers.servos.calibration import COUNTS_PER_TURN

P_UNIT = 1 / 128  # of a P gain: PWM by count


@dataclass(frozen=True, slots=True)
class Current:
    """What a model's registers of the current hold: the A of one unit, and the most units.

    ``of_motor``: it is the motor's, and goes with its torque; else it is what the supply gives.
    """

    unit: float
    most: int
    of_motor: bool = True


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Stall at its recommended voltage: torque [N.m] and current [A].

    ``current`` None: it has no registers for it, and tells an inferred load in their place.
    """

    number: int
    stall_torque: float
    stall_current: float
    p_gain: int  # the factory's
    temperature_limit: int  # Cel, likewise
    current: Current | None

    @property
    def motor_current(self) -> Current | None:
        """What goes with its torque; None: it measures no such thing, and knows but its duty."""
        return self.current if self.current is not None and self.current.of_motor else None

    @property
    def torque_per_ampere(self) -> float:
        """N.m/A of the motor's current."""
        return self.stall_torque / self.stall_current

    @property
    def stiffness(self) -> float:
        """N.m/rad at its P gain: of the error in counts it makes PWM, of full PWM the stall torque.

        Source: e-Manual, "Position PID Gain", "PWM Limit".
        """
        counts = COUNTS_PER_TURN / math.tau
        return self.stall_torque * self.p_gain * P_UNIT * counts / reg.FULL_PWM

    def has(self, register: Register) -> bool:
        """Whether a register is in its table."""
        return self.current is not None or register not in reg.OF_CURRENT

    def allows(self, register: Register, value: int) -> bool:
        """Whether a register of its may hold a value."""
        current = self.current if register in reg.OF_CURRENT else None
        most = register.high if current is None else current.most
        return max(register.low, -most) <= value <= most

    def factory(self, register: Register) -> int:
        """Return what a register of its holds from the factory."""
        own = {reg.P_GAIN: self.p_gain, reg.TEMPERATURE_LIMIT: self.temperature_limit}
        own |= {reg.MODEL_NUMBER: self.number}
        if self.current is not None:
            own |= dict.fromkeys(reg.OF_CURRENT, self.current.most)
        return own.get(register, register.initial)


SMALL = Current(0.001, 1750, of_motor=False)
XM430, XH430, X540 = Current(0.00269, 1193), Current(0.00269, 648), Current(0.00269, 2047)
MODELS = {
    # number, stall torque and current, P gain, temperature limit, current
    "XL330-M077": Model(1190, 0.215, 1.47, 400, 70, SMALL),
    "XL330-M288": Model(1200, 0.52, 1.47, 400, 70, SMALL),
    "XC330-M288": Model(1240, 0.93, 1.80, 1100, 70, Current(0.001, 2352, of_motor=False)),
    "XC330-T288": Model(1220, 0.92, 0.80, 900, 70, Current(0.001, 910, of_motor=False)),
    "XL430-W250": Model(1060, 1.4, 1.3, 640, 72, None),
    "XC430-W150": Model(1070, 1.6, 1.4, 460, 80, None),
    "XC430-W240": Model(1080, 1.9, 1.4, 700, 80, None),
    "XM430-W210": Model(1030, 3.0, 2.3, 800, 80, XM430),
    "XM430-W350": Model(1020, 4.1, 2.3, 800, 80, XM430),
    "XM540-W150": Model(1130, 7.3, 4.4, 800, 80, X540),
    "XM540-W270": Model(1120, 10.6, 4.4, 800, 80, X540),
    "XH430-W210": Model(1010, 2.5, 1.3, 900, 80, XH430),
    "XH430-W350": Model(1000, 3.4, 1.3, 900, 80, XH430),
    "XH430-V350": Model(1040, 3.3, 0.7, 800, 80, Current(0.00134, 689)),
    "XH540-W150": Model(1110, 7.1, 4.9, 800, 80, X540),
    "XH540-W270": Model(1100, 9.9, 4.9, 800, 80, X540),
    "XH540-V270": Model(1140, 9.2, 2.4, 800, 80, X540),
}
STRONGEST = max(model.stall_torque for model in MODELS.values())  # N.m


def named(number: int) -> str:
    """Return what a model is called, by its number."""
    known = {model.number: name for name, model in MODELS.items()}
    return known.get(number, f"model {number}")
