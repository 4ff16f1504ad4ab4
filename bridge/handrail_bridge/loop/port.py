"""The loop's bus: opened, read, lost, found again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from handrail_drivers.api import JointHealth, JointState, MotionBus
from handrail_drivers.errors import BusLost, DeviceFault, HandrailError, ServoGarbled

FIRST_WAIT_NS = 100_000_000
LONGEST_WAIT_NS = 1_000_000_000
UNHEARD = 3  # slow readings that fail in a row: what was read before counts no more

UNKNOWN = JointHealth("", 0.0, 0.0, 0.0, moving=False, torque_enabled=False, faults=())


class Port:
    """One motion bus behind a factory that opens it afresh.

    ``bus`` is None while it is lost; ``late_in_a_row`` counts reads that failed otherwise.
    """

    def __init__(self, name: str, joints: Sequence[str], factory: Callable[[], MotionBus]) -> None:
        self._name = name
        self._factory = factory
        self.bus: MotionBus | None = None
        self.late_reads = 0
        self.late_in_a_row = 0
        self.error: DeviceFault | None = None
        self.health = dict.fromkeys(joints, UNKNOWN)  # in bus order
        self.limp: tuple[str, ...] = ()  # joints that do not say that they have torque
        self.temperature = (0.0,) * len(joints)  # Cel
        self.voltage = (0.0,) * len(joints)  # V
        self.torque_enabled = (False,) * len(joints)
        self._wait_ns = FIRST_WAIT_NS
        self._next_try_ns = 0
        self._retries = 0
        self._asked = 0
        self._failed = dict.fromkeys(joints, 0)  # slow readings in a row

    @property
    def retries(self) -> int:
        """Exchanges repeated since the start, over all openings."""
        return self._retries + (self.bus.retries if self.bus else 0)

    def open(self) -> None:
        """Open the bus and find its joints.

        Raises:
            HandrailError: it is not there, or a joint is missing; nothing stays open.
        """
        bus = self._factory()
        try:
            bus.connect()
            self.health = {joint: bus.read_health(joint) for joint in bus.joints}
            self._note_health()
        except HandrailError:
            bus.close()
            raise
        self.bus = bus
        self._failed = dict.fromkeys(self._failed, 0)
        self.late_in_a_row = 0
        self.error = None

    def reopen(self, now_ns: int) -> bool:
        """Try again if it is time; tell whether the bus is there now."""
        if now_ns < self._next_try_ns:
            return False
        try:
            self.open()
        except HandrailError:
            self._wait_ns = min(2 * self._wait_ns, LONGEST_WAIT_NS)
            self._next_try_ns = now_ns + self._wait_ns
            return False
        self._wait_ns = FIRST_WAIT_NS
        return True

    def read(self) -> JointState | None:
        """Return a whole reading, or None where it was late or garbled.

        Raises:
            BusLost: the port is gone; it is closed.
        """
        try:
            state = _numbers(self.require().read())
        except BusLost as error:
            raise self.lose(error) from None
        except DeviceFault as error:
            self.late_reads += 1
            self.late_in_a_row += 1
            self.error = error
            return None
        self.late_in_a_row = 0
        return state

    def require(self) -> MotionBus:
        """Return the bus.

        Raises:
            BusLost: it is not there.
        """
        if self.bus is None:
            raise BusLost(
                f"{self._name} is not connected.", subject=self._name, hint="check its cable"
            )
        return self.bus

    def ask_health(self) -> None:
        """Read the slow registers of the next joint in turn; what is not told is not known."""
        bus = self.require()
        joint = bus.joints[self._asked % len(bus.joints)]
        self._asked += 1
        try:
            self.health[joint] = bus.read_health(joint)
            self._failed[joint] = 0
        except BusLost as error:
            raise self.lose(error) from None
        except DeviceFault:
            self._failed[joint] += 1
        self._note_health()

    def set_torque(self, enabled: bool) -> None:
        """Enable or remove torque on all joints.

        Raises:
            DeviceFault: names the joint that did not follow.
        """
        bus = self.require()
        if enabled:  # some may have it, though another one does not follow
            self._note_torque(enabled)
        bus.set_torque(enabled)
        self._note_torque(enabled)

    def lose(self, error: BusLost) -> BusLost:
        """Close what is left of the bus; return the error that names it."""
        if self.bus is not None:
            self._retries += self.bus.retries
            self.bus.close()
            self.bus = None
        return BusLost(
            f"{self._name} is gone: {error.message}",
            subject=self._name,
            hint="plug it in again; then the operator resets and arms",
        )

    def close(self) -> None:
        """Close the bus; torque stays."""
        if self.bus is not None:
            self.bus.close()
            self.bus = None

    def _note_torque(self, enabled: bool) -> None:
        self.health = {
            joint: replace(health, torque_enabled=enabled) for joint, health in self.health.items()
        }
        self._note_health()

    def _note_health(self) -> None:
        """Lay the health out as every tick publishes it; NaN: a temperature that nobody knows."""
        # Lists first: tuples made of generators are resized, and the interpreter keeps the rest.
        joints = list(self.health.items())
        unheard = [name for name, count in self._failed.items() if count >= UNHEARD]
        self.limp = tuple([n for n, health in joints if n in unheard or not health.torque_enabled])
        self.temperature = tuple(
            [math.nan if name in unheard else health.temperature for name, health in joints]
        )
        self.voltage = tuple([health.voltage for _, health in joints])
        self.torque_enabled = tuple([health.torque_enabled for _, health in joints])


def _numbers(state: JointState) -> JointState:
    """Return a reading, or refuse one that holds what is no number."""
    for values in (state.position, state.velocity, state.effort):
        if not all(map(math.isfinite, values)):
            raise ServoGarbled(f"A joint reads what is no number: {list(values)}.")
    return state
