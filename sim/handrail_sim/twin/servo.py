"""One STS3215 servo: its controller, its protection, its heat, as one physics step each.

``position``, ``velocity`` and ``torque`` are as the servo reports them: 0 rad is count 2048,
after homing offset and direction.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from functools import cache

from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.registers import Register

from handrail_sim.twin.perturbation import ServoDraw
from handrail_sim.twin.profile import Profile
from handrail_sim.twin.servo_memory import ServoMemory
from handrail_sim.twin.servo_settings import COUNT, Control, Protection, control, protection

TORQUE_PER_AMPERE = 1.24  # N.m/A: 3.35 N.m at 2.7 A
WINDING = 4.4  # ohm
HEAT_CAPACITY = 50.0  # J/K
HEAT_RESISTANCE = 6.0  # K/W
AMBIENT = 25.0  # Cel
VOLTAGE_BIT, ANGLE_BIT, HEAT_BIT, CURRENT_BIT, OVERLOAD_BIT = 0x01, 0x02, 0x04, 0x08, 0x20
POSITION_MODE, VELOCITY_MODE, PWM_MODE, STEP_MODE = range(4)
CALIBRATE = 128  # written to torque enable: this position becomes the centre
MOVING_SPEED = 3 * COUNT  # rad/s below which the servo says that it stands


class Servo:
    """Registers and controller of one servo. ``step`` turns a goal into torque."""

    _enabled: bool
    _limit: float  # N.m
    _control: Control
    _protection: Protection

    def __init__(self, id: int, draw: ServoDraw) -> None:
        self.memory = ServoMemory(id)
        self._draw = draw
        self.silent = False  # injected fault: does not answer
        self.stuck_faults = 0  # injected fault bits
        self.strength = 1.0  # injected fault: what is left of its torque
        self._encoder = 0.0  # rad
        self.position = 0.0  # rad
        self.velocity = self.torque = 0.0  # rad/s, N.m
        self.temperature = AMBIENT
        self.voltage = 12.0
        self._time = 0.0
        self._goals: deque[tuple[float, float]] = deque()
        self._goal = 0.0  # rad, what the controller follows after latency
        self._profile = Profile()
        self._integral = 0.0  # N.m
        self._overload_time = self._overcurrent_time = 0.0  # s
        self._staged: tuple[int, bytes] | None = None
        self._faults = 0
        self._powered_up = False
        self._configure()

    @property
    def torque_enabled(self) -> bool:
        """Whether it drives its joint."""
        return self._enabled

    @property
    def status(self) -> int:
        """The status byte of every answer."""
        return self._faults | self.stuck_faults

    def present_count(self) -> int:
        """The position in counts."""
        return round(self.position / COUNT) + reg.CENTRE

    def present_speed(self) -> float:
        """The velocity in the unit that the phase asks for."""
        return self.velocity / COUNT / self._control.speed_unit

    def read(self, address: int, size: int) -> bytes:
        """Return size bytes of the memory, measured values brought up to date."""
        self._measure(address, size)
        return self.memory.block(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Write what is writable of data, a register at a time; each does at once what it does."""
        for register, value in self.memory.take(address, data):
            if register is reg.GOAL_POSITION:
                self._take_goal(value)
            elif register is reg.TORQUE_ENABLE:
                self._switch_torque(value)
            elif register is reg.OPERATING_MODE:
                self._begin()
            if register is not reg.GOAL_POSITION:
                self._configure()

    def stage(self, address: int, data: bytes) -> None:
        """Keep a write until the action instruction."""
        self._staged = (address, data)
        self.memory.put(reg.ASYNC_WRITE, 1)

    def act(self) -> None:
        """Carry out the staged write, if there is one."""
        if self._staged is not None:
            self.write(*self._staged)
        self._staged = None
        self.memory.put(reg.ASYNC_WRITE, 0)

    def reset(self) -> None:
        """Return all but the id to the factory's values, as at its first power-on."""
        self.memory.reset(self.id)
        self._power_up()

    def power_cycle(self) -> None:
        """Brown-out: torque off, RAM as after power-on, EEPROM as last saved."""
        self.memory.power_cycle()
        self._power_up()

    def step(self, position: float, velocity: float, dt: float) -> float:
        """Advance dt [s] at the joint's true position [rad]; return the torque at it [N.m]."""
        self._time += dt
        self._encoder = position + self._draw.offset
        self.position = self._reported()
        self.velocity = self._control.sense * velocity
        if not self._powered_up:
            self._aim_here()
        while self._goals and self._goals[0][0] <= self._time:
            self._goal = self._goals.popleft()[1]
        torque = self.strength * self._drive(dt) if self._enabled else 0.0
        limit = self._limit
        self.torque = limit if torque > limit else max(torque, -limit)
        self._protect(dt)
        return self._control.direction * self.torque

    def _drive(self, dt: float) -> float:
        if self._control.mode == VELOCITY_MODE:
            return self._turn(dt)
        if self._control.mode == PWM_MODE:
            return self._control.duty
        return self._hold(self._profile.advance(self._goal, self._control, dt), dt)

    def _turn(self, dt: float) -> float:
        """Velocity control: proportional and integral."""
        asked = self._control
        speed = self._profile.accelerate(asked.wheel_speed, asked.ramp, dt)
        error = speed - self.velocity
        self._integrate(asked.velocity_integral * error * dt)
        return asked.velocity_gain * error + self._integral

    def _hold(self, reference: float, dt: float) -> float:
        """Position control: a spring with play, damping beyond the nominal, slow integral."""
        asked = self._control
        error = reference - self.position
        play = asked.play
        error = error - play if error > play else error + play if error < -play else 0.0
        torque = asked.stiffness * error - asked.damping * self.velocity
        if asked.integral:
            self._integrate(asked.integral * error * dt)
            torque += self._integral
        return torque

    def _integrate(self, change: float) -> None:
        self._integral = max(-self._limit, min(self._limit, self._integral + change))

    def _protect(self, dt: float) -> None:
        torque = abs(self.torque)
        current = torque / TORQUE_PER_AMPERE
        heat = current * current * WINDING - (self.temperature - AMBIENT) / HEAT_RESISTANCE
        self.temperature += heat * dt / HEAT_CAPACITY
        bears = self._protection
        if not bears.voltage[0] <= self.voltage <= bears.voltage[1]:
            self._trip(VOLTAGE_BIT)
        if self.temperature > bears.temperature:
            self._trip(HEAT_BIT)
        if not self._enabled:
            return
        over = torque > bears.overload_torque
        self._overload_time = self._overload_time + dt if over else 0.0
        over = current > bears.current
        self._overcurrent_time = self._overcurrent_time + dt if over else 0.0
        if self._overload_time > bears.overload_time:
            self._faults |= OVERLOAD_BIT
            self._limit = min(self._limit, bears.protective_torque)
        if self._overcurrent_time > bears.current_time:
            self._trip(CURRENT_BIT)

    def _trip(self, bit: int) -> None:
        """Report a fault; remove torque where the unloading condition asks for it."""
        self._faults |= bit
        if self._protection.unloading & bit:
            self.memory.put(reg.TORQUE_ENABLE, 0)
            self._enabled = False

    def _power_up(self) -> None:
        """Begin without faults and with nothing asked."""
        self._faults = 0
        self._overload_time = self._overcurrent_time = 0.0
        self._staged = None
        self._configure()
        self._aim_here()

    def _aim_here(self) -> None:
        """The first goal is where the joint is, so that torque alone moves nothing."""
        self._powered_up = True
        self.memory.put(reg.GOAL_POSITION, self.present_count())
        self._goals.clear()
        self._goal = self.position
        self._begin()

    def _take_goal(self, count: int) -> None:
        if self._control.mode == STEP_MODE:
            goal = (self._goals[-1][1] if self._goals else self._goal) + count * COUNT
        else:
            low, high = self._control.range
            if low < high:  # both 0: many turns
                count = max(low, min(high, count))
            goal = (count - reg.CENTRE) * COUNT
        self._goals.append((self._time + self._draw.latency, goal))

    def _switch_torque(self, value: int) -> None:
        if value == CALIBRATE:
            self._calibrate()
            return
        self._faults = 0
        self._overload_time = self._overcurrent_time = 0.0
        if value and not self._enabled:
            self._begin()

    def _calibrate(self) -> None:
        """Make this position the centre; torque stays as it was, and nothing moves."""
        offset = round((self.position + self._control.homing) / COUNT)
        self.memory.store(reg.HOMING_OFFSET, offset)
        self.memory.put(reg.TORQUE_ENABLE, int(self._enabled))
        self._configure()
        self._aim_here()

    def _begin(self) -> None:
        """The controller begins where the joint is; the goal register stands."""
        self._profile.begin(self.position)
        self._integral = 0.0

    def _configure(self) -> None:
        """Work out from the registers what every step and every request needs."""
        value = self.memory.value
        self.id = value(reg.ID)
        self.baud = reg.BAUD_RATES[value(reg.BAUD_RATE)]
        self.return_delay = value(reg.RETURN_DELAY) * reg.RETURN_DELAY_UNIT
        self.answers_writes = bool(value(reg.RESPONSE_LEVEL))
        self._enabled = bool(value(reg.TORQUE_ENABLE))
        self._control = control(self.memory, self._draw)
        self.position = self._reported()
        self._protection = protection(self.memory)
        self._limit = self._protection.limit
        if self._faults & OVERLOAD_BIT:
            self._limit = min(self._limit, self._protection.protective_torque)

    def _reported(self) -> float:
        """The encoder's angle [rad] in the direction, from the centre and in the turn asked for."""
        asked = self._control
        angle = asked.sense * self._encoder - asked.homing
        if asked.single_turn and not -math.pi <= angle < math.pi:
            angle = (angle + math.pi) % math.tau - math.pi
        return angle

    def _measure(self, address: int, size: int) -> None:
        """Bring the present values among size bytes from address on up to date."""
        for register, measure in _measured(address, size):
            self.memory.put(register, round(measure(self)))


Measure = tuple[Register, Callable[[Servo], float]]
MEASURED: tuple[Measure, ...] = (
    (reg.PRESENT_POSITION, Servo.present_count),
    (reg.PRESENT_VELOCITY, Servo.present_speed),
    (reg.PRESENT_LOAD, lambda servo: servo.torque / reg.STALL_TORQUE / reg.LOAD_UNIT),
    (reg.PRESENT_VOLTAGE, lambda servo: servo.voltage / reg.VOLTAGE_UNIT),
    (reg.PRESENT_TEMPERATURE, lambda servo: servo.temperature),
    (reg.PRESENT_CURRENT, lambda servo: servo.torque / TORQUE_PER_AMPERE / reg.CURRENT_UNIT),
    (reg.MOVING, lambda servo: abs(servo.velocity) > MOVING_SPEED),
    (reg.STATUS, lambda servo: servo.status),
)


@cache
def _measured(address: int, size: int) -> tuple[Measure, ...]:
    """What of MEASURED lies, if only in part, in size bytes from address on."""
    return tuple(
        (register, measure)
        for register, measure in MEASURED
        if register.address < address + size and address < register.address + register.size
    )
