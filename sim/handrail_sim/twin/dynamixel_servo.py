"""One Dynamixel X servo: its control table, and what its position control does, step by step.

Source: as for :mod:`handrail_drivers.dynamixel.registers` and ``models``. It knows position control
(3) and position control with a limited current (5); in other operating modes it has no torque.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.models import Model
from handrail_drivers.dynamixel.registers import Register
from handrail_drivers.servos.calibration import CENTRE, COUNTS_PER_TURN, RAD_PER_COUNT

from handrail_sim.twin.perturbation import ServoDraw

LENGTH_ERROR, LIMIT_ERROR, ACCESS_ERROR = 5, 6, 7
MOVING_SPEED = 10 * reg.VELOCITY_UNIT  # rad/s, the moving threshold
FULL_LOAD = 1000  # that a model without a current sensor tells in the current's place
BY_MODE = (  # taken anew when the operating mode changes (e-Manual, "Operating Mode")
    *(reg.P_GAIN, reg.I_GAIN, reg.D_GAIN, reg.PROFILE_ACCELERATION, reg.PROFILE_VELOCITY),
    *(reg.GOAL_PWM, reg.GOAL_CURRENT),
)
GOALS = (reg.GOAL_PWM, reg.GOAL_CURRENT, reg.GOAL_POSITION)
WENT_OFF = -1  # of the bus watchdog: goals are read-only then (e-Manual, "Bus Watchdog")
AT = {register.address: register for register in reg.TABLE}


class XServo:
    """Registers and controller of one servo. ``step`` turns a goal into torque."""

    def __init__(self, id: int, model: Model, draw: ServoDraw) -> None:
        self.silent = False  # injected fault: does not answer
        self.torque = 0.0  # N.m
        self._model = model
        self._draw = draw
        self._memory = bytearray(reg.TABLE_SIZE)
        self._encoder = self._velocity = 0.0  # rad, rad/s
        self._time = self._heard = 0.0  # s; of the last instruction
        self._turned = 0  # counts, whole turns, that its place is told without
        self._goals: deque[tuple[float, int]] = deque()  # when each is followed [s], and where to
        self._goal = 0  # count
        self._is_placed = False  # whether the joint's true place is known
        self._restore(reg.TABLE)
        self.put(reg.ID, id)
        self._staged: tuple[int, bytes] | None = None

    @property
    def id(self) -> int:
        """Its id."""
        return self.value(reg.ID)

    @property
    def baud(self) -> int:
        """Bit/s at which it listens."""
        return reg.BAUD_RATES[min(self.value(reg.BAUD_RATE), len(reg.BAUD_RATES) - 1)]

    @property
    def torque_enabled(self) -> bool:
        """Whether it drives its joint."""
        return self.value(reg.TORQUE_ENABLE) == 1

    @property
    def goal(self) -> float:
        """The goal register [rad]."""
        return (self.value(reg.GOAL_POSITION) - CENTRE) * RAD_PER_COUNT

    def value(self, register: Register) -> int:
        """Return a register's value."""
        return reg.value(self._memory, register)

    def put(self, register: Register, value: float) -> None:
        """Set a register, as the servo itself does; values beyond its range become its limit."""
        data = register.encode(max(register.low, min(register.high, round(value))))
        self._memory[register.address : register.address + register.size] = data

    def read(self, address: int, size: int) -> tuple[int, bytes]:
        """Return an error, or 0, and size bytes of the memory, measured values up to date."""
        self._heard = self._time
        if address + size > reg.TABLE_SIZE:
            return ACCESS_ERROR, b""
        for register, measure in MEASURED:
            self.put(register, measure(self))
        return 0, bytes(self._memory[address : address + size])

    def write(self, address: int, data: bytes) -> int:
        """Write whole registers, all or none; return an error, or 0."""
        self._heard = self._time
        changes: list[tuple[Register, int]] = []
        at, end = address, address + len(data)
        while at < end:
            register = AT.get(at)
            if register is None or not register.writable or not self._model.has(register):
                return ACCESS_ERROR
            if register.eeprom and self.torque_enabled:
                return ACCESS_ERROR
            raw = data[at - address : at - address + register.size]
            if len(raw) < register.size:
                return LENGTH_ERROR
            value = register.decode(raw)
            if not self._model.allows(register, value) or self._is_beyond(register, value):
                return LIMIT_ERROR
            changes.append((register, value))
            at += register.size
        for register, value in changes:
            self._take(register, value)
        return 0

    def _is_beyond(self, register: Register, value: int) -> bool:
        """Whether it is a goal that is not taken: by position control, or since nobody spoke."""
        if register in GOALS and self.value(reg.BUS_WATCHDOG) == WENT_OFF:
            return True
        if register is not reg.GOAL_POSITION or not self._follows_one_turn():
            return False
        return not self.value(reg.MIN_POSITION) <= value <= self.value(reg.MAX_POSITION)

    def stage(self, address: int, data: bytes) -> None:
        """Keep a write until the action instruction."""
        self._staged = (address, data)

    def act(self) -> None:
        """Carry out the staged write, if there is one."""
        if self._staged is not None:
            self.write(*self._staged)
        self._staged = None

    def reboot(self) -> None:
        """Begin anew: torque off, errors forgotten, RAM as from the factory."""
        self._restore([register for register in reg.TABLE if not register.eeprom])
        self._staged = None
        self._turned = self._whole_turns()
        self._aim_here()

    def fail(self, bits: int) -> None:
        """Have a hardware error; torque goes where the shutdown register says so."""
        self.put(reg.HARDWARE_ERROR, self.value(reg.HARDWARE_ERROR) | bits)
        if bits & self.value(reg.SHUTDOWN):
            self.put(reg.TORQUE_ENABLE, 0)

    def step(self, position: float, velocity: float, duration: float) -> float:
        """Advance at the joint's true position [rad]; return the torque at it [N.m]."""
        self._time += duration
        self._encoder, self._velocity = position + self._draw.offset, velocity
        if not self._is_placed:
            self._aim_here()
            self._is_placed = True
        while self._goals and self._goals[0][0] <= self._time:
            self._goal = self._goals.popleft()[1]
        self._mind_silence()
        self.torque = self._drive() if self.torque_enabled else 0.0
        return self.torque

    def count(self) -> float:
        """The position in counts."""
        offset = self.value(reg.HOMING_OFFSET)
        taken = 0 if self._follows_one_turn() and abs(offset) > reg.OFFSET_TAKEN else offset
        return CENTRE + self._encoder / RAD_PER_COUNT - self._turned + taken

    def _whole_turns(self) -> int:
        """The counts that its encoder, which knows one turn, does not see."""
        return int((CENTRE + self._encoder / RAD_PER_COUNT) // COUNTS_PER_TURN) * COUNTS_PER_TURN

    def _mind_silence(self) -> None:
        """Take no more goals where the bus was silent for longer than was asked."""
        units = self.value(reg.BUS_WATCHDOG)
        silent = self._time - self._heard
        if units > 0 and self.torque_enabled and silent > units * reg.WATCHDOG_UNIT:
            self.put(reg.BUS_WATCHDOG, WENT_OFF)

    def velocity(self) -> float:
        """The speed in its unit."""
        return self._velocity / reg.VELOCITY_UNIT

    def current(self) -> float:
        """The current in its unit, or the load where there is none."""
        duty, current = self.torque / self._model.stall_torque, self._model.current
        if current is None:
            return duty * FULL_LOAD
        amperes = duty * self._model.stall_current  # of the motor; the supply gives its duty of it
        return (amperes if current.of_motor else amperes * abs(duty)) / current.unit

    def pwm(self) -> float:
        """The duty in its unit, as far as it makes torque."""
        return self.torque / self._model.stall_torque * reg.FULL_PWM

    def moving(self) -> float:
        """Whether it moves."""
        return float(abs(self._velocity) > MOVING_SPEED)

    def _drive(self) -> float:
        """Position control: a spring with play, within the torque that the current allows."""
        mode = self.value(reg.OPERATING_MODE)
        if mode not in (reg.POSITION, reg.CURRENT_POSITION):
            return 0.0
        error = (self._goal - self.count()) * RAD_PER_COUNT
        play = self._draw.backlash / 2
        error = error - play if error > play else error + play if error < -play else 0.0
        stiffness = self._model.stiffness * self.value(reg.P_GAIN) / self._model.p_gain
        limit = self._limit(mode)
        return max(-limit, min(limit, stiffness * self._draw.gain * error))

    def _limit(self, mode: int) -> float:
        """The most torque [N.m] that the duty allows, and the current where it is minded."""
        model = self._model
        duty = min(self.value(reg.PWM_LIMIT), abs(self.value(reg.GOAL_PWM))) / reg.FULL_PWM
        if mode == reg.CURRENT_POSITION and model.current is not None:
            units = min(self.value(reg.CURRENT_LIMIT), abs(self.value(reg.GOAL_CURRENT)))
            share = units * model.current.unit / model.stall_current
            duty = min(duty, share if model.current.of_motor else share**0.5)
        return duty * model.stall_torque

    def _restore(self, registers: Iterable[Register]) -> None:
        for register in registers:
            self.put(register, self._model.factory(register))

    def _take(self, register: Register, value: int) -> None:
        self.put(register, value)
        if register is reg.GOAL_POSITION:
            self._goals.append((self._time + self._draw.latency, value))
        elif register is reg.TORQUE_ENABLE and value and self._follows_one_turn():
            self._turned = self._whole_turns()
        elif register is reg.OPERATING_MODE:
            self._restore(BY_MODE)
        elif register is reg.HOMING_OFFSET:
            self._aim_here()

    def _follows_one_turn(self) -> bool:
        return self.value(reg.OPERATING_MODE) == reg.POSITION

    def _aim_here(self) -> None:
        """The goal is where the joint is, so that torque alone moves nothing."""
        self.put(reg.GOAL_POSITION, self.count())
        self._goals.clear()
        self._goal = self.value(reg.GOAL_POSITION)


MEASURED: tuple[tuple[Register, Callable[[XServo], float]], ...] = (
    (reg.PRESENT_POSITION, XServo.count),
    (reg.PRESENT_VELOCITY, XServo.velocity),
    (reg.PRESENT_PWM, XServo.pwm),
    (reg.PRESENT_CURRENT, XServo.current),
    (reg.MOVING, XServo.moving),
)
