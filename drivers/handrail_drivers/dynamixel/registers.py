"""The control table of Dynamixel X servos: the one home of it, for the driver and for the emulator.

Source: ROBOTIS e-Manual, "Control Table" of XM430-W350. Words are little-endian, two's complement
where they are signed. What is otherwise in other models stands in ``models``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

VELOCITY_UNIT = 0.229 * math.tau / 60  # rad/s of one unit: 0.229 rev/min
VOLTAGE_UNIT = 0.1  # V
RETURN_DELAY_UNIT = 2e-6  # s
WATCHDOG_UNIT = 0.02  # s
OFFSET_TAKEN = 1024  # counts: in position mode a larger homing offset is ignored (2.4.10 there)
EEPROM_END = 64  # registers below this address survive a power cycle; torque locks them
POSITION, CURRENT_POSITION = 3, 5  # operating modes: to a position; with a limited current
FULL_PWM = 885  # of a duty of 1
BAUD_RATES = (9_600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000)

# Bits of the hardware error status.
FAULT_BITS = {
    0x01: "voltage",
    0x04: "overheat",
    0x08: "encoder",
    0x10: "electronics",
    0x20: "overload",
}


@dataclass(frozen=True, slots=True)
class Register:
    """One register: where it is, how wide, what it may hold, and its value from the factory."""

    name: str
    address: int
    size: int = 1
    initial: int = 0
    low: int = 0
    high: int = 255
    writable: bool = True

    @property
    def eeprom(self) -> bool:
        """Whether it survives a power cycle, and is locked while torque is on."""
        return self.address < EEPROM_END

    def decode(self, data: bytes | bytearray) -> int:
        """Return the value of the register's bytes."""
        return int.from_bytes(data, "little", signed=self.low < 0)

    def encode(self, value: int) -> bytes:
        """Return the register's bytes for a value."""
        return value.to_bytes(self.size, "little", signed=self.low < 0)


MOST = 2**31 - 1
MODEL_NUMBER = Register("model_number", 0, 2, high=0xFFFF, writable=False)
FIRMWARE = Register("firmware", 6, initial=45, writable=False)
ID = Register("id", 7, initial=1, high=252)
BAUD_RATE = Register("baud_rate", 8, initial=3, high=7)
RETURN_DELAY = Register("return_delay", 9, initial=250, high=254)
DRIVE_MODE = Register("drive_mode", 10, high=13)
OPERATING_MODE = Register("operating_mode", 11, initial=3, high=16)
HOMING_OFFSET = Register("homing_offset", 20, 4, low=-1_044_479, high=1_044_479)
TEMPERATURE_LIMIT = Register("temperature_limit", 31, initial=80, high=100)
LEAST_VOLTAGE = Register("least_voltage", 34, 2, initial=95, high=300)
PWM_LIMIT = Register("pwm_limit", 36, 2, initial=FULL_PWM, high=FULL_PWM)
CURRENT_LIMIT = Register("current_limit", 38, 2, initial=1193, high=2352)
MAX_POSITION = Register("max_position", 48, 4, initial=4095, high=4095)
MIN_POSITION = Register("min_position", 52, 4, high=4095)
SHUTDOWN = Register("shutdown", 63, initial=52)
TORQUE_ENABLE = Register("torque_enable", 64, high=1)
STATUS_RETURN_LEVEL = Register("status_return_level", 68, initial=2, high=2)
HARDWARE_ERROR = Register("hardware_error", 70, writable=False)
D_GAIN = Register("d_gain", 80, 2, high=16_383)
I_GAIN = Register("i_gain", 82, 2, high=16_383)
P_GAIN = Register("p_gain", 84, 2, initial=800, high=16_383)
BUS_WATCHDOG = Register("bus_watchdog", 98, low=-1, high=127)  # 20 ms; -1: it has gone off
GOAL_PWM = Register("goal_pwm", 100, 2, initial=FULL_PWM, low=-FULL_PWM, high=FULL_PWM)
GOAL_CURRENT = Register("goal_current", 102, 2, initial=1193, low=-2352, high=2352)
PROFILE_ACCELERATION = Register("profile_acceleration", 108, 4, high=32_767)
PROFILE_VELOCITY = Register("profile_velocity", 112, 4, high=32_767)
GOAL_POSITION = Register("goal_position", 116, 4, low=-1_048_575, high=1_048_575)
MOVING = Register("moving", 122, high=1, writable=False)
PRESENT_PWM = Register("present_pwm", 124, 2, low=-FULL_PWM, high=FULL_PWM, writable=False)
PRESENT_CURRENT = Register("present_current", 126, 2, low=-32_768, high=32_767, writable=False)
PRESENT_VELOCITY = Register("present_velocity", 128, 4, low=-MOST, high=MOST, writable=False)
PRESENT_POSITION = Register("present_position", 132, 4, low=-MOST, high=MOST, writable=False)
PRESENT_VOLTAGE = Register("present_voltage", 144, 2, initial=120, high=0xFFFF, writable=False)
PRESENT_TEMPERATURE = Register("present_temperature", 146, initial=25, writable=False)

OF_CURRENT = (CURRENT_LIMIT, GOAL_CURRENT)  # not in models without such a sensor
TABLE: tuple[Register, ...] = tuple(
    item for item in dict(globals()).values() if isinstance(item, Register)
)
TABLE_SIZE = 147  # bytes


def value(block: bytes | bytearray, register: Register, start: int = 0) -> int:
    """Return a register's value out of bytes that were read from address start on."""
    at = register.address - start
    return register.decode(block[at : at + register.size])
