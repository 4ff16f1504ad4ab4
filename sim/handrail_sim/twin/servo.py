"""One STS3215 servo: its memory, its controller, its heat, as one physics step each.

Positions are the joint's, in rad; counts are the encoder's, 4096 a turn with 2048 at
joint zero. Gains: stiffness 17.8 N.m/rad at P = 16 and 3.35 N.m at stall (identified
values of the SO-101 description, `joints_properties.xml`); the joint's damping in the
world holds for D = 32, so that only the difference of D acts here.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.registers import Register

from handrail_sim.twin.perturbation import ServoDraw

COUNT = 2 * math.pi / reg.COUNTS_PER_TURN  # rad
STIFFNESS_PER_P = 17.8 / 16  # N.m/rad
INTEGRAL_PER_I = 0.5  # N.m/(rad.s)
DAMPING_PER_D = 0.005  # N.m.s/rad
NOMINAL_D = 32
TOP_SPEED = 3400 * COUNT  # rad/s, no load at 12 V
VELOCITY_GAIN = 2.0  # N.m.s/rad of the wheel mode's controller
TORQUE_PER_AMPERE = 1.24  # N.m/A: 3.35 N.m at 2.7 A
WINDING = 4.4  # ohm
HEAT_CAPACITY = 50.0  # J/K
HEAT_RESISTANCE = 6.0  # K/W
AMBIENT = 25.0  # Cel
VOLTAGE_BIT, ANGLE_BIT, HEAT_BIT, CURRENT_BIT, OVERLOAD_BIT = 0x01, 0x02, 0x04, 0x08, 0x20
POSITION_MODE, VELOCITY_MODE, PWM_MODE, STEP_MODE = range(4)
MOVING_SPEED = 3.0  # count/s below which the servo says that it stands


@dataclass(frozen=True, slots=True)
class ServoSpec:
    """One servo on the bus: its id, the joint it turns, how it differs from its data sheet."""

    id: int
    joint: str
    draw: ServoDraw


class Servo:
    """Registers and controller of one servo. ``step`` turns a goal into torque."""

    def __init__(self, spec: ServoSpec) -> None:
        self.spec = spec
        self.memory = bytearray(reg.TABLE_SIZE)
        for register in reg.TABLE:
            self._put(register, register.initial)
        self._put(reg.ID, spec.id)
        self._saved = bytes(self.memory[: reg.EEPROM_END])
        self.silent = False  # injected fault: does not answer
        self.stuck_faults = 0  # injected fault bits
        self.position = 0.0  # rad, encoder
        self.velocity = 0.0  # rad/s
        self.torque = 0.0  # N.m
        self.temperature = AMBIENT
        self.voltage = 12.0
        self._time = 0.0
        self._goals: deque[tuple[float, float]] = deque()
        self._goal = 0.0  # rad, what the controller follows after latency
        self._reference = 0.0  # rad, of the internal profile
        self._speed = 0.0  # rad/s, of the internal profile
        self._integral = 0.0  # N.m
        self._overload_time = 0.0
        self._overcurrent_time = 0.0
        self._staged: tuple[int, bytes] | None = None
        self._faults = 0
        self._powered_up = False
        self._configure()

    @property
    def id(self) -> int:
        """The id that it answers to now."""
        return self.memory[reg.ID.address]

    @property
    def torque_enabled(self) -> bool:
        """Whether it drives its joint."""
        return self._enabled

    @property
    def status(self) -> int:
        """The status byte of every answer."""
        return self._faults | self.stuck_faults

    def word(self, register: Register) -> int:
        """Return a register's signed value."""
        at = register.address
        return register.decode(int.from_bytes(self.memory[at : at + register.size], "little"))

    def read(self, address: int, size: int) -> bytes:
        """Return size bytes of the memory, measured values brought up to date."""
        self._measure()
        return bytes(self.memory[address : address + size]).ljust(size, b"\0")

    def write(self, address: int, data: bytes) -> None:
        """Write what is writable of data, a register at a time, as the servo does.

        Values outside a register's range are not taken. With the lock on (1) EEPROM
        registers change until the next power cycle only (Feetech: STS memory table, address 55).
        """
        end = address + len(data)
        for register in reg.TABLE:
            at = register.address
            if address <= at and at + register.size <= end and register.writable:
                raw = data[at - address : at - address + register.size]
                self._write_register(register, raw)
        self._configure()

    def stage(self, address: int, data: bytes) -> None:
        """Keep a write until the action instruction."""
        self._staged = (address, data)
        self.memory[reg.ASYNC_WRITE.address] = 1

    def act(self) -> None:
        """Carry out the staged write, if there is one."""
        if self._staged is not None:
            self.write(*self._staged)
        self._staged = None
        self.memory[reg.ASYNC_WRITE.address] = 0

    def reset(self) -> None:
        """Return all but the id to the factory's values."""
        own = self.id
        for register in reg.TABLE:
            self._put(register, register.initial)
        self._put(reg.ID, own)
        self._saved = bytes(self.memory[: reg.EEPROM_END])
        self._configure()

    def power_cycle(self) -> None:
        """Brown-out: torque off, RAM as after power-on, EEPROM as last saved."""
        for register in reg.TABLE:
            if not register.eeprom:
                self._put(register, register.initial)
        self.memory[: reg.EEPROM_END] = self._saved
        self._faults = 0
        self._powered_up = False
        self._configure()

    def step(self, position: float, velocity: float, dt: float) -> float:
        """Advance dt [s] at the joint's true position [rad]; return the torque [N.m]."""
        self._time += dt
        self.position = position + self.spec.draw.offset
        self.velocity = velocity
        if not self._powered_up:
            self._power_up()
        while self._goals and self._goals[0][0] <= self._time:
            self._goal = self._goals.popleft()[1]
        torque = self._drive(dt) if self._enabled else 0.0
        limit = self._limit
        self.torque = limit if torque > limit else max(torque, -limit)
        self._protect(dt)
        return self.torque

    # --- the controller -------------------------------------------------------------------

    def _drive(self, dt: float) -> float:
        if self._mode == VELOCITY_MODE:
            wanted = self.word(reg.GOAL_VELOCITY) * COUNT
            error = wanted - self.velocity
            self._integral += VELOCITY_GAIN * 5 * error * dt
            self._integral = max(-self._limit, min(self._limit, self._integral))
            return VELOCITY_GAIN * error + self._integral
        if self._mode == PWM_MODE:
            raw = self.word(reg.GOAL_TIME)
            duty = -(raw & 0x3FF) if raw & 0x400 else raw
            return duty / 1000 * reg.STALL_TORQUE
        return self._hold(self._profile(dt), dt)

    def _hold(self, reference: float, dt: float) -> float:
        """Position control: a spring with play, damping beyond the nominal, slow integral."""
        error = reference - self.position
        play = self._play
        error = error - play if error > play else error + play if error < -play else 0.0
        torque = self._stiffness * error - self._damping * self.velocity
        if self._integral_gain:
            self._integral += self._integral_gain * error * dt
            self._integral = max(-self._limit, min(self._limit, self._integral))
            torque += self._integral
        return torque

    def _profile(self, dt: float) -> float:
        """Move the reference towards the goal within the goal's speed and acceleration."""
        distance = self._goal - self._reference
        top, ramp = self._top_speed, self._ramp
        if ramp:
            braking = math.sqrt(2 * ramp * abs(distance))
            wanted = math.copysign(min(top, braking), distance)
            change = max(-ramp * dt, min(ramp * dt, wanted - self._speed))
            self._speed += change
        else:
            self._speed = math.copysign(top, distance)
        step = self._speed * dt
        if abs(distance) <= abs(step):
            self._reference, self._speed = self._goal, 0.0
        else:
            self._reference += step
        return self._reference

    # --- protection -----------------------------------------------------------------------

    def _protect(self, dt: float) -> None:
        current = abs(self.torque) / TORQUE_PER_AMPERE
        heat = current * current * WINDING - (self.temperature - AMBIENT) / HEAT_RESISTANCE
        self.temperature += heat * dt / HEAT_CAPACITY
        if not self._enabled:
            return
        self._overload_time = (
            self._overload_time + dt if abs(self.torque) > self._overload_torque else 0.0
        )
        self._overcurrent_time = (
            self._overcurrent_time + dt if current > self._protection_current else 0.0
        )
        if self._overload_time > self._protection_time:
            self._faults |= OVERLOAD_BIT
            self._limit = min(self._limit, self._protective_torque)
        if self._overcurrent_time > self._overcurrent_limit:
            self._trip(CURRENT_BIT)
        if self.temperature > self._max_temperature:
            self._trip(HEAT_BIT)
        if not self._min_voltage <= self.voltage <= self._max_voltage:
            self._trip(VOLTAGE_BIT)

    def _trip(self, bit: int) -> None:
        """Report a fault; remove torque where the unloading condition asks for it."""
        self._faults |= bit
        if self.memory[reg.UNLOADING_CONDITION.address] & bit:
            self.memory[reg.TORQUE_ENABLE.address] = 0
            self._enabled = False

    def _power_up(self) -> None:
        """The first goal is where the joint is, so that torque alone moves nothing."""
        self._powered_up = True
        self._measure()
        self._put(reg.GOAL_POSITION, self.word(reg.PRESENT_POSITION))
        self._goals.clear()
        self._goal = self._reference = self.position

    # --- registers ------------------------------------------------------------------------

    def _write_register(self, register: Register, raw: bytes) -> None:
        value = register.decode(int.from_bytes(raw, "little"))
        if not register.low <= value <= register.high:
            return
        before = self.memory[register.address]
        self.memory[register.address : register.address + register.size] = raw
        if register.eeprom:
            self._save(register, raw)
        elif register is reg.GOAL_POSITION:
            self._take_goal(value)
        elif register is reg.TORQUE_ENABLE:
            self._switch_torque(before, value)

    def _save(self, register: Register, raw: bytes) -> None:
        if not self.memory[reg.LOCK.address]:
            at = register.address
            self._saved = self._saved[:at] + raw + self._saved[at + register.size :]
        if register is reg.MAX_TORQUE:
            self._put(reg.TORQUE_LIMIT, self.word(reg.MAX_TORQUE))

    def _take_goal(self, count: int) -> None:
        if self._mode == STEP_MODE:
            goal = self._goal + count * COUNT
        else:
            low, high = self.word(reg.MIN_POSITION), self.word(reg.MAX_POSITION)
            if low < high:
                count = max(low, min(high, count))
            goal = (count + self.word(reg.HOMING_OFFSET) - reg.CENTRE) * COUNT
        self._goals.append((self._time + self.spec.draw.latency, goal))

    def _switch_torque(self, before: int, value: int) -> None:
        if value == 128:  # calibrate: this position becomes the centre
            self._put(reg.TORQUE_ENABLE, before)
            self._put(reg.HOMING_OFFSET, round(self.position / COUNT))
            return
        self._faults = 0
        self._overload_time = self._overcurrent_time = self._integral = 0.0
        if value and not before:
            # The profile begins where the joint is; the goal register stands.
            self._reference, self._speed = self.position, 0.0

    def _configure(self) -> None:
        """Work out from the registers what every step needs."""
        memory, gain = self.memory, self.spec.draw.gain
        self._enabled = bool(memory[reg.TORQUE_ENABLE.address])
        self._mode = memory[reg.OPERATING_MODE.address]
        self._stiffness = memory[reg.P_GAIN.address] * STIFFNESS_PER_P * gain
        self._integral_gain = memory[reg.I_GAIN.address] * INTEGRAL_PER_I
        self._damping = (memory[reg.D_GAIN.address] - NOMINAL_D) * DAMPING_PER_D
        dead = max(memory[reg.CW_DEAD_ZONE.address], memory[reg.CCW_DEAD_ZONE.address])
        # Half the play each way; one count of dead zone is the encoder's own resolution.
        self._play = max(self.spec.draw.backlash / 2, (dead - 1) * COUNT)
        speed = abs(self.word(reg.GOAL_VELOCITY)) * COUNT
        self._top_speed = min(speed, TOP_SPEED) if speed else TOP_SPEED
        self._ramp = memory[reg.ACCELERATION.address] * reg.ACCELERATION_UNIT * COUNT
        limit = min(self.word(reg.TORQUE_LIMIT), self.word(reg.MAX_TORQUE)) / 1000
        self._limit = limit * reg.STALL_TORQUE
        self._overload_torque = memory[reg.OVERLOAD_TORQUE.address] / 100 * reg.STALL_TORQUE
        self._protective_torque = memory[reg.PROTECTIVE_TORQUE.address] / 100 * reg.STALL_TORQUE
        if self._faults & OVERLOAD_BIT:
            self._limit = min(self._limit, self._protective_torque)
        self._protection_time = memory[reg.PROTECTION_TIME.address] * 0.01
        self._overcurrent_limit = memory[reg.OVERCURRENT_TIME.address] * 0.01
        self._protection_current = self.word(reg.PROTECTION_CURRENT) * reg.CURRENT_UNIT
        self._max_temperature = memory[reg.MAX_TEMPERATURE.address]
        self._min_voltage = memory[reg.MIN_VOLTAGE.address] * reg.VOLTAGE_UNIT
        self._max_voltage = memory[reg.MAX_VOLTAGE.address] * reg.VOLTAGE_UNIT

    def _measure(self) -> None:
        """Bring the present values in the memory up to date."""
        speed = self.velocity / COUNT
        count = round(self.position / COUNT) + reg.CENTRE - self.word(reg.HOMING_OFFSET)
        self._put(reg.PRESENT_POSITION, count)
        self._put(reg.PRESENT_VELOCITY, round(speed))
        self._put(reg.PRESENT_LOAD, round(self.torque / reg.STALL_TORQUE / reg.LOAD_UNIT))
        self._put(reg.PRESENT_VOLTAGE, round(self.voltage / reg.VOLTAGE_UNIT))
        self._put(reg.PRESENT_TEMPERATURE, min(255, round(self.temperature)))
        current = self.torque / TORQUE_PER_AMPERE / reg.CURRENT_UNIT
        self._put(reg.PRESENT_CURRENT, round(current))
        self._put(reg.MOVING, int(abs(speed) > MOVING_SPEED))
        self._put(reg.STATUS, self.status)

    def _put(self, register: Register, value: int) -> None:
        raw = register.encode(value).to_bytes(register.size, "little")
        self.memory[register.address : register.address + register.size] = raw
