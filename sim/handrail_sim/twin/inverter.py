"""A frequency inverter with a motor and an encoder, behind Modbus. Pure, no I/O.

Its power states are CiA 402's (IEC 61800-7-201, section 5); its registers are those of
``cells/maps/inverter.toml``. It follows a speed by its own ramp, with a force that is limited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from handrail_drivers.emulator import Place, StandIn
from handrail_drivers.inverter.power import (
    DISABLE_VOLTAGE,
    ENABLE_OPERATION,
    FAULT_RESET,
    SHUTDOWN,
    SWITCH_ON,
    Power,
)
from handrail_drivers.inverter.power import RAMP as FOLLOW
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.unit import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Refusal

COMMAND, TARGET, STATUS, TIMEOUT, RAMP = 100, 101, 110, 200, 201
WRITABLE = (COMMAND, TARGET, TIMEOUT, RAMP)
WORDS = {
    Power.NOT_READY: 0x00,
    Power.DISABLED: 0x50,
    Power.READY: 0x31,
    Power.SWITCHED_ON: 0x33,
    Power.ENABLED: 0x37,
    Power.QUICK_STOP: 0x17,
    Power.FAULT_REACTION: 0x1F,
    Power.FAULT: 0x18,
}
POWERED = (Power.ENABLED, Power.QUICK_STOP, Power.FAULT_REACTION)
OVERCURRENT, OVERHEAT, CONNECTION = 0x2310, 0x4310, 0x8130  # error codes, CiA 402-2 section 10
FACTORY = {COMMAND: 0, TARGET: 0, TIMEOUT: 0, RAMP: 1000}  # it waits for ever, ramp 1 m/s2
STIFFNESS = 60.0  # N.s/m, of its speed control
MOST = 12.0  # N
STALL = 0.5  # s of all its force after which it takes that for a jam
STANDS = 0.002  # m/s
VOLTAGE, TEMPERATURE = 3250, 312  # 325.0 V, 31.2 Cel


class Inverter(StandIn):
    """One inverter; position [m], speed [m/s] and force [N] are the belt's."""

    line: ClassVar[str] = "modbus"
    identity = ("Handrail", "belt inverter", "1.0")

    def __init__(self) -> None:
        self._set = dict(FACTORY)
        self._state = Power.DISABLED
        self._fault = 0
        self._ramped = 0.0  # m/s, that the ramp has reached
        self._position = self._speed = self._force = 0.0
        self._silent = self._stalled = 0.0  # s

    def power_cycle(self) -> None:
        """Begin anew: what was set is forgotten, as where nobody stored it."""
        self._set = dict(FACTORY)
        self._become(Power.DISABLED)
        self._fault = 0

    def fail(self, code: int) -> None:
        """Complain of something: slow down, then be in fault until it is reset."""
        self._fault = code
        self._become(Power.FAULT_REACTION if self._state in POWERED else Power.FAULT)

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the inverter of one device; nothing about it depends on its place."""
        del place
        return cls()

    def step(
        self, position: Sequence[float], velocity: Sequence[float], duration: float
    ) -> Sequence[float]:
        """Take the belt's true motion; return the force [N] for the next so many seconds."""
        (self._position,), (self._speed,) = position, velocity
        self._watch(duration)
        if self._state in POWERED:
            self._follow(duration)
            self._force = max(-MOST, min(MOST, STIFFNESS * (self._ramped - self._speed)))
        else:
            self._ramped, self._force = self._speed, 0.0
        return (self._force,)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """Return cells (see :class:`~handrail_drivers.modbus.unit.Unit`)."""
        self._silent = 0.0
        now = {**self._set, **dict(enumerate(self._measured(), start=STATUS))}
        wanted = range(address, address + count)
        if table is not Table.HOLDING or not any(at in now for at in wanted):
            raise Refusal(ILLEGAL_ADDRESS)
        return [now.get(at, 0) for at in wanted]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """Set registers; the control word acts at once."""
        self._silent = 0.0
        wanted = dict(enumerate(values, start=address))
        if table is not Table.HOLDING or not set(wanted) <= set(WRITABLE):
            raise Refusal(ILLEGAL_ADDRESS)
        if wanted.get(RAMP, 1) == 0:
            raise Refusal(ILLEGAL_VALUE)
        before = self._set[COMMAND]
        self._set.update(wanted)
        if COMMAND in wanted:
            self._obey(wanted[COMMAND], before)

    def _measured(self) -> list[int]:
        position = round(self._position * 1e5) & 0xFFFFFFFF
        current = 40 + round(abs(self._force) * 10)
        return [
            WORDS[self._state],
            round(self._speed * 1e4) & 0xFFFF,
            position >> 16,
            position & 0xFFFF,
            round(self._force * 100) & 0xFFFF,
            self._fault,
            TEMPERATURE,
            VOLTAGE,
            current,
        ]

    def _obey(self, word: int, before: int) -> None:
        if self._state == Power.FAULT:
            if word & ~before & FAULT_RESET:
                self._fault = 0
                self._become(Power.DISABLED)
            return
        if self._state == Power.FAULT_REACTION:
            return
        if not word & 0x02 or word == DISABLE_VOLTAGE:
            self._become(Power.DISABLED)
        elif not word & 0x04:
            self._become(Power.QUICK_STOP if self._state == Power.ENABLED else Power.DISABLED)
        else:
            self._climb(word & 0x0F)

    def _climb(self, command: int) -> None:
        """Go to the state that a command names, where the present one leads there."""
        ladder = {
            (Power.DISABLED, SHUTDOWN): Power.READY,
            (Power.READY, SWITCH_ON): Power.SWITCHED_ON,
            (Power.READY, ENABLE_OPERATION): Power.ENABLED,
            (Power.SWITCHED_ON, ENABLE_OPERATION): Power.ENABLED,
            (Power.SWITCHED_ON, SHUTDOWN): Power.READY,
            (Power.ENABLED, SWITCH_ON): Power.SWITCHED_ON,
            (Power.ENABLED, SHUTDOWN): Power.READY,
        }
        self._become(ladder.get((self._state, command), self._state))

    def _become(self, state: Power) -> None:
        self._state = state
        self._stalled = 0.0

    def _watch(self, duration: float) -> None:
        """Notice that nobody speaks any more, or that the belt is jammed."""
        self._silent += duration
        limit = self._set[TIMEOUT] * 0.01
        if self._state == Power.ENABLED and 0 < limit < self._silent:
            self.fail(CONNECTION)
        self._stalled = self._stalled + duration if abs(self._force) >= MOST else 0.0
        if self._stalled > STALL and self._state in POWERED:
            self.fail(OVERCURRENT)

    def _follow(self, duration: float) -> None:
        """Move the ramp; end a quick stop or a fault's reaction once the belt stands."""
        raw = self._set[TARGET]
        asked = (raw - 0x10000 if raw >> 15 else raw) * 1e-4
        follows = self._state == Power.ENABLED and self._set[COMMAND] & FOLLOW == FOLLOW
        target = asked if follows else 0.0
        step = self._set[RAMP] * 0.001 * duration
        self._ramped += max(-step, min(step, target - self._ramped))
        if self._state != Power.ENABLED and self._ramped == 0 and abs(self._speed) < STANDS:
            ends = Power.FAULT if self._state == Power.FAULT_REACTION else Power.DISABLED
            self._become(ends)
