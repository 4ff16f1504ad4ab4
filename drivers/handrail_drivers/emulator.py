"""The emulator API: what stands behind a wire in place of a device, and its place in the twin.

An emulator answers bytes with bytes, or registers with registers; it does no I/O and has no clock
of its own. The same class is found by the twin (entry point group ``handrail.wires``), by the
conformance kit and by a driver's tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.errors import UnknownName

Exchange = tuple[int, bytes, float]  # bytes of the request, the answer, the delay [s] before it
LINES = ("serial", "socket", "modbus", "own")


@runtime_checkable
class Emulator(Protocol):
    """What is behind a wire: bytes in, bytes out."""

    def exchanges(self, data: bytes, line_baud: int | None) -> Sequence[Exchange]:
        """Take bytes that were sent at a rate [bit/s]; return what is answered to them."""

    def forget_partial(self) -> None:
        """Know that the line was silent in the middle of a request."""


class Port(Protocol):
    """The far end of a line, for a select loop. Pulled, it has no descriptors."""

    @property
    def address(self) -> str:
        """What a client opens."""

    def descriptors(self) -> list[int]:
        """Return what to wait for."""

    def serve(self, descriptor: int) -> None:
        """Take what waits on a descriptor that is readable."""

    def plug(self) -> None:
        """Be there; does nothing while it is."""

    def pull(self) -> None:
        """Be gone, as a device without power; does nothing while it is."""


@runtime_checkable
class OwnLine(Port, Protocol):
    """A stand-in that brings its line."""

    def begin(self, link: Path) -> None:
        """Open it, under a name that survives a re-plug."""


class World(Protocol):
    """What an emulator can feel of the twin's world."""

    def load(self, body: str) -> float:
        """Return the force [N] with which what touches a body presses it down."""

    def distance(self, site: str) -> float:
        """Return how far [m] a site sees along its z; what is nowhere is infinitely far."""

    def light(self, material: str, lit: bool) -> None:
        """Let a material named ``lamp_*`` shine, or not."""


class StandInSettings(BaseModel):
    """What stands in a cell under ``devices.NAME.twin``; a kind adds what it needs."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str = Field(description="entry point name in the group handrail.wires")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an emulator stands: one device of a cell."""

    device: str
    settings: Any  # the device's, as its driver's model
    twin: Any  # the emulator's own Settings; None where the cell says nothing
    joints: tuple[str, ...]  # that the cell has it move, in bus order
    draws: Mapping[str, Any]  # by joint: how its motor differs from its data sheet
    seed: tuple[int, ...]  # of what is random about it


class StandIn:
    """What a plugin of the group ``handrail.wires`` derives from; what it does not do, stands here.

    Its entry point has the name of the driver that it stands in for, or a name of its own, which a
    cell then gives as ``twin.kind``. On ``serial`` and ``socket`` lines it is an :class:`Emulator`;
    on ``modbus`` lines a :class:`~handrail_drivers.modbus.unit.Unit`, which others may share;
    with a line of its ``own`` an :class:`OwnLine`, such as a process with a terminal.

    What the conformance kit looks at: ``outputs``, ``advance``, ``change`` and ``stuck``.
    """

    Settings: ClassVar[type[StandInSettings]] = StandInSettings
    line: ClassVar[str]  # one of LINES
    paced: ClassVar[bool] = True  # bytes take the time of the line's rate; USB has none
    bodies: tuple[str, ...] = ()  # of the world, that it feels
    sites: tuple[str, ...] = ()  # of the world, from which it looks
    lamps: tuple[str, ...] = ()  # materials of the world, that it lets shine
    inputs: tuple[str, ...] = ()  # buttons that can be pressed
    stuck: bool = False  # acknowledges all and does nothing, as an output stage without power

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the emulator of one device."""
        raise NotImplementedError

    def step(
        self, position: Sequence[float], velocity: Sequence[float], duration: float
    ) -> Sequence[float]:
        """Take its joints' true motion; return torques [N.m], forces [N], for the next seconds."""
        del velocity, duration
        return [0.0] * len(position)

    def feel(self, world: World, duration: float) -> None:
        """Feel the world after the last so many seconds; called at some 50 Hz."""
        del world
        self.advance(duration)

    def advance(self, duration: float) -> None:
        """Let so many seconds pass."""

    def outputs(self) -> Mapping[str, float]:
        """Return what it does to the world now, by name: levels, positions, on and off."""
        return {}

    def change(self) -> None:
        """Measure something else from now on than what was read last."""

    def press(self, name: str) -> None:
        """Press one of its inputs."""

    def release(self, name: str) -> None:
        """Let one of its inputs go."""

    def power_cycle(self) -> None:
        """Begin anew, as after a failure of power."""

    def inject(self, fault: str, joint: str, count: int) -> None:
        """Fail as a test says.

        Raises:
            UnknownName: it cannot fail like that.
        """
        del joint, count
        raise UnknownName("fault", fault, ())
