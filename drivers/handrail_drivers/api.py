"""The plugin API: what a driver declares, and what the rest of Handrail calls.

A driver is one plain class, found by the entry point group ``handrail.drivers``.
It has a pydantic ``Settings`` model, takes ``(name, settings, transport)``, and
offers tools: typed methods marked with :func:`tool`. A driver that moves joints
also follows :class:`MotionBus`, which is all that the realtime loop calls; one that
reads buttons and switches follows :class:`InputBus`; any other follows :class:`Device`.

The API is versioned (:data:`API_VERSION`, semantic): docs/plugins.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

API_VERSION = (1, 1)  # major: plugins have to change; minor: something was added


class Effect(StrEnum):
    """What a tool does to the world."""

    OBSERVE = "observe"
    MOVE = "move"
    CONFIGURE = "configure"


@dataclass(frozen=True, slots=True)
class Unit:
    """UCUM code of an argument or result field, used inside ``Annotated``.

    It stands in the generated JSON Schema under ``unit``.
    """

    code: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "unit": self.code}


@dataclass(frozen=True, slots=True)
class ToolMark:
    """What :func:`tool` remembers on a method."""

    effect: Effect


F = TypeVar("F", bound=Callable[..., Any])


def tool(effect: Effect) -> Callable[[F], F]:
    """Mark a typed method as a tool; its schema is generated from its signature."""

    def mark(method: F) -> F:
        method.__handrail_tool__ = ToolMark(effect)  # type: ignore[attr-defined]
        return method

    return mark


@dataclass(frozen=True, slots=True)
class Channel:
    """One named, typed value of a device, to sense or to act, with unit and bounds."""

    name: str
    unit: str
    low: float
    high: float
    writable: bool
    description: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A channel's value with the monotonic time [ns] at which it was true, and its source."""

    value: float
    unit: str
    time_ns: int
    source: str


@dataclass(frozen=True, slots=True)
class JointState:
    """One cyclic reading of a joint bus. Tuples run in the order of ``MotionBus.joints``.

    ``time_ns`` is ``time.monotonic_ns()`` (or the virtual clock) when the answer was complete.
    """

    time_ns: int
    position: tuple[float, ...]  # rad
    velocity: tuple[float, ...]  # rad/s
    effort: tuple[float, ...]  # N.m


@dataclass(frozen=True, slots=True)
class JointHealth:
    """Slow registers of one joint, read in the slack of the loop's tick."""

    joint: str
    temperature: Annotated[float, Unit("Cel")]
    voltage: Annotated[float, Unit("V")]
    current: Annotated[float, Unit("A")]
    moving: bool
    torque_enabled: bool
    faults: tuple[str, ...]  # of: voltage, angle, overheat, overcurrent, overload


@dataclass(frozen=True, slots=True)
class HoldState:
    """What the servos hold right now: goal registers [rad] and torque enable."""

    goal: tuple[float, ...]
    torque_enabled: tuple[bool, ...]


@runtime_checkable
class MotionBus(Protocol):
    """A bus of position-controlled joints, as the realtime loop sees it.

    Every method ends within the driver's own timeouts and raises a
    :class:`~handrail_drivers.errors.DeviceFault` that names the joint or the bus.

    A driver whose joints do not tell how hard they push has ``measures_effort = False`` in its
    class, or in its settings where it depends on them: no effort of theirs is held against what
    the check predicted. One that makes nothing of
    the time between two setpoints has ``told_any_time = True``: a stop then waits for no tick.
    """

    joints: tuple[str, ...]

    @property
    def retries(self) -> int:
        """Exchanges repeated so far."""

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return what joints complained of in the last cyclic read; empty if nothing."""

    def connect(self) -> None:
        """Find every joint, check its model, write configuration. Moves nothing."""

    def read(self) -> JointState:
        """One cyclic read of all joints."""

    def write(self, setpoints: Sequence[float]) -> None:
        """Set the goal position [rad] of all joints."""

    def read_hold(self) -> HoldState:
        """Read goal registers and torque enable of all joints."""

    def read_health(self, joint: str) -> JointHealth:
        """Read the slow registers of one joint."""

    def set_torque(self, enabled: bool) -> None:
        """Enable or remove torque on all joints.

        Arming enables it also where it is on, perhaps since another process: nothing may move then,
        and what power depends on is looked at again.
        """

    def reset(self) -> None:
        """Have joints forget faults that they have latched themselves. Moves nothing."""

    def stop(self) -> None:
        """Hold every joint where it is, torque kept."""

    def close(self) -> None:
        """Release what connect took. Torque stays as it is."""


@runtime_checkable
class InputBus(Protocol):
    """A device with digital inputs: buttons, door switches, light curtains.

    Every method ends within the driver's own timeouts and raises a
    :class:`~handrail_drivers.errors.DeviceFault` that names the device. It is polled by a process
    of its own, which opens it again once it was lost.
    """

    inputs: tuple[str, ...]  # their names, known before anything is opened

    def connect(self) -> None:
        """Find the device and make the named channels inputs. Drives nothing."""

    def read_inputs(self) -> dict[str, bool]:
        """Return the level of every input as it is now: true is high, a closed contact."""

    def close(self) -> None:
        """Release what connect took."""


@runtime_checkable
class Device(Protocol):
    """A device with tools, which a task of the bridge owns. One call at a time.

    Every method, tools included, ends within the driver's own timeouts and raises a
    :class:`~handrail_drivers.errors.DeviceFault` that names the device.
    """

    def connect(self) -> None:
        """Find the device. Moves nothing. Called again, on a fresh line, once it was lost."""

    def stop(self) -> None:
        """Have it move no more, within a second; safe to call at any time."""

    def close(self) -> None:
        """Put it to its safe values and release the transport; safe to call twice."""


class DriverClass(Protocol):
    """The shape of a plugin's class. ``transport`` names what it wants to be given.

    It is an entry point of the group ``handrail.transports``; of ours, ``serial`` and ``socket``
    give a :class:`~handrail_drivers.transport.Transport`, ``modbus`` a
    :class:`~handrail_drivers.modbus.line.Line`, which others may share, and ``none`` None: the
    driver finds its device from its settings.

    Any plugin may say in ``handrail_api = "1.0"`` which version of this API it was built for;
    one that does not was built for 1.0.
    """

    Settings: ClassVar[type[BaseModel]]
    transport: ClassVar[str]
    verified_on_hardware: ClassVar[bool]

    def __call__(self, name: str, settings: Any, transport: Any) -> Any:
        """Construct the driver; opens and sends nothing."""
