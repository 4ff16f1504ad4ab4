"""The STS3215's memory table: the one home of it, for the driver and for the emulator.

Source: Feetech's STS3215 memory table (STS series, little-endian words). ``sign_bit``
is the bit that carries the sign of a sign-and-magnitude word; None: unsigned.
"""

from __future__ import annotations

from dataclasses import dataclass

from handrail_drivers.servos.calibration import CENTRE as CENTRE
from handrail_drivers.servos.calibration import COUNTS_PER_TURN as COUNTS_PER_TURN

MODEL_STS3215 = 777
STALL_TORQUE = 3.35  # N.m at 1000 per mille, 12 V version
VELOCITY_UNIT = 1.0  # count/s of one unit of the velocity words
LOAD_UNIT = 0.001  # of the stall torque (drive duty), one unit of the load word
CURRENT_UNIT = 0.0065  # A
VOLTAGE_UNIT = 0.1  # V
ACCELERATION_UNIT = 100.0  # count/s2; 0 means no internal profile
RETURN_DELAY_UNIT = 2e-6  # s
PROTECTION_TIME_UNIT = 0.01  # s
EEPROM_END = 40  # registers below this address survive a power cycle

# Bits of the status byte of every answer, and of register 65.
FAULT_BITS = {
    0x01: "voltage",
    0x02: "angle",
    0x04: "overheat",
    0x08: "overcurrent",
    0x20: "overload",
}
BAUD_RATES = (1_000_000, 500_000, 250_000, 128_000, 115_200, 76_800, 57_600, 38_400)


@dataclass(frozen=True, slots=True)
class Register:
    """One register: where it is, how wide, what it may hold, and its value from the factory."""

    name: str
    address: int
    size: int = 1
    initial: int = 0
    low: int = 0
    high: int = 255
    sign_bit: int | None = None
    writable: bool = True

    @property
    def eeprom(self) -> bool:
        """Whether it survives a power cycle, and needs the lock to be open to change for good."""
        return self.address < EEPROM_END

    def decode(self, word: int) -> int:
        """Return the signed value of a raw word."""
        if self.sign_bit is None or not word >> self.sign_bit & 1:
            return word
        return -(word & ((1 << self.sign_bit) - 1))

    def encode(self, value: int) -> int:
        """Return the raw word of a value.

        Raises:
            ValueError: the value does not fit the word's magnitude.
        """
        bits = self.sign_bit if self.sign_bit is not None else 8 * self.size
        if abs(value) >= 1 << bits or (value < 0 and self.sign_bit is None):
            raise ValueError(f"{self.name} cannot hold {value}")
        return value if value >= 0 else -value | 1 << bits


FIRMWARE_MAJOR = Register("firmware_major", 0, initial=3, writable=False)
FIRMWARE_MINOR = Register("firmware_minor", 1, initial=10, writable=False)
MODEL_NUMBER = Register("model_number", 3, 2, initial=MODEL_STS3215, high=0xFFFF, writable=False)
ID = Register("id", 5, initial=1, high=253)
BAUD_RATE = Register("baud_rate", 6, high=7)
RETURN_DELAY = Register("return_delay", 7, initial=0, high=254)
RESPONSE_LEVEL = Register("response_level", 8, initial=1, high=1)
MIN_POSITION = Register("min_position", 9, 2, high=4095)
MAX_POSITION = Register("max_position", 11, 2, initial=4095, high=4095)
MAX_TEMPERATURE = Register("max_temperature", 13, initial=70, high=100)
MAX_VOLTAGE = Register("max_voltage", 14, initial=140, high=254)
MIN_VOLTAGE = Register("min_voltage", 15, initial=40, high=254)
MAX_TORQUE = Register("max_torque", 16, 2, initial=1000, high=1000)
PHASE = Register("phase", 18, initial=12)
UNLOADING_CONDITION = Register("unloading_condition", 19, initial=44)
LED_CONDITION = Register("led_condition", 20, initial=47)
P_GAIN = Register("p_gain", 21, initial=32, high=254)
D_GAIN = Register("d_gain", 22, initial=32, high=254)
I_GAIN = Register("i_gain", 23, initial=0, high=254)
STARTUP_FORCE = Register("startup_force", 24, 2, initial=16, high=1000)
CW_DEAD_ZONE = Register("cw_dead_zone", 26, initial=1, high=32)
CCW_DEAD_ZONE = Register("ccw_dead_zone", 27, initial=1, high=32)
PROTECTION_CURRENT = Register("protection_current", 28, 2, initial=500, high=511)
ANGULAR_RESOLUTION = Register("angular_resolution", 30, initial=1, low=1, high=3)
HOMING_OFFSET = Register("homing_offset", 31, 2, high=2047, low=-2047, sign_bit=11)
OPERATING_MODE = Register("operating_mode", 33, high=3)
PROTECTIVE_TORQUE = Register("protective_torque", 34, initial=20, high=100)
PROTECTION_TIME = Register("protection_time", 35, initial=200, high=254)
OVERLOAD_TORQUE = Register("overload_torque", 36, initial=80, high=100)
VELOCITY_P_GAIN = Register("velocity_p_gain", 37, initial=10, high=100)
OVERCURRENT_TIME = Register("overcurrent_time", 38, initial=200, high=254)
VELOCITY_I_GAIN = Register("velocity_i_gain", 39, initial=10, high=254)
TORQUE_ENABLE = Register("torque_enable", 40, high=128)
ACCELERATION = Register("acceleration", 41, high=254)
GOAL_POSITION = Register("goal_position", 42, 2, low=-32766, high=32766, sign_bit=15)
GOAL_TIME = Register("goal_time", 44, 2, low=-1000, high=1000, sign_bit=10)  # PWM in mode 2
GOAL_VELOCITY = Register("goal_velocity", 46, 2, low=-3400, high=3400, sign_bit=15)
TORQUE_LIMIT = Register("torque_limit", 48, 2, initial=1000, high=1000)
LOCK = Register("lock", 55, initial=1, high=1)
PRESENT_POSITION = Register(
    "present_position", 56, 2, low=-32767, high=32767, sign_bit=15, writable=False
)
PRESENT_VELOCITY = Register(
    "present_velocity", 58, 2, low=-32767, high=32767, sign_bit=15, writable=False
)
PRESENT_LOAD = Register("present_load", 60, 2, low=-1000, high=1000, sign_bit=10, writable=False)
PRESENT_VOLTAGE = Register("present_voltage", 62, initial=120, writable=False)
PRESENT_TEMPERATURE = Register("present_temperature", 63, initial=25, writable=False)
ASYNC_WRITE = Register("async_write", 64, high=1, writable=False)
STATUS = Register("status", 65, writable=False)
MOVING = Register("moving", 66, high=1, writable=False)
PRESENT_CURRENT = Register(
    "present_current", 69, 2, low=-32767, high=32767, sign_bit=15, writable=False
)
MOVING_THRESHOLD = Register("moving_threshold", 80, initial=0, writable=False)
MAX_ACCELERATION = Register("max_acceleration", 85, initial=254, high=254)

TABLE: tuple[Register, ...] = tuple(
    item for item in dict(globals()).values() if isinstance(item, Register)
)
BY_NAME = {register.name: register for register in TABLE}
TABLE_SIZE = 87  # bytes, addresses 0 to 86
