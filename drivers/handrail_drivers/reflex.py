"""The reflex API: rules that the realtime loop evaluates on every tick.

A reflex is one plain class, found by the entry point group ``handrail.reflexes`` under the name
of its kind. Its ``Settings`` (a :class:`Rule`) is what stands in a cell file under
``[reflexes.NAME]``; it is made with them and with its :class:`Surroundings`, and ``look`` returns
a sentence where its rule is broken. What follows (slow down, stop, how) is the rule's ``act`` and
``category``, and happens in the loop: a reflex cannot prevent it, delay it or move anything.

``look`` runs in the loop's process, within its tick: no I/O, no waiting, some microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

Category = Literal[0, 1, 2]
Box = tuple[tuple[float, float, float], tuple[float, float, float], float]


class Act(StrEnum):
    """What a broken rule does to the motion."""

    SLOW = "slow"
    STOP = "stop"


class Rule(BaseModel):
    """What every reflex has in the cell file. ``category`` is a stop's (IEC 60204-1, 9.2.2)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str = Field(description="entry point name in the group handrail.reflexes")
    act: Act = Field(default=Act.STOP, description="slow: by speed_scale; stop: by category")
    category: Category = Field(
        default=2,
        description="0: power off at once; 1: stop, then power off; 2: stop and hold",
    )
    on_path: bool = Field(
        default=True, description="slow down on the checked path; false: hold at once, as it is"
    )
    speed_scale: Annotated[float, Field(ge=0.001, lt=1)] = Field(
        default=0.25, description="of the checked speed, while slowed down"
    )

    needs_links: ClassVar[bool] = False  # True: it looks at the links, so at every joint

    def signals(self) -> tuple[str, ...]:
        """Return the names of the signals that the rule looks at."""
        return ()


class Signal(NamedTuple):
    """A value from outside the joints' bus, and the monotonic time [ns] at which it was true."""

    value: float
    time_ns: int


class Sight(NamedTuple):
    """What a reflex sees on a tick. Sequences run in the order of ``Surroundings.joints``.

    What is ``expected`` is None while nothing is held: then no prediction exists to compare with.
    """

    now_ns: int
    read_ns: int  # when the joints were last read whole
    last_tick_ns: int
    heartbeat_ns: int  # the bridge's last sign of life
    position: Sequence[float]  # rad
    velocity: Sequence[float]  # rad/s
    effort: Sequence[float]  # N.m
    temperature: Sequence[float]  # Cel
    expected: Sequence[float] | None  # rad
    band: Sequence[float]  # rad, how far the measured may be from it
    expected_effort: Sequence[float] | None  # N.m; None while no trajectory is played
    effort_band: Sequence[float]  # N.m
    late_in_a_row: int  # reads
    late_error: Exception | None
    faults: Mapping[str, tuple[str, ...]]  # by joint, as the servos say
    limp: tuple[str, ...]  # joints whose servo was last seen without torque
    signals: Mapping[str, Signal]  # the newest of each; absent where none came yet


class Geometry(Protocol):
    """The links' shapes where the joints are, from the twin's model."""

    @property
    def reach(self) -> float:
        """How far [m] any point comes at most for each rad, or m, of all joints' travel."""

    def nearest(
        self, position: Sequence[float], links: Sequence[str], box: Box
    ) -> tuple[float, str]:
        """Return the least distance [m] of any link to a box, and whose; negative: inside."""

    def farthest_out(
        self, position: Sequence[float], links: Sequence[str], box: Box
    ) -> tuple[float, str]:
        """Return how far [m] any link reaches out of a box, and which; negative: none does."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a reflex is made for. ``geometry`` loads the model: call it once, when made."""

    joints: tuple[str, ...]
    units: tuple[str, ...]  # of their positions: rad, or m where one slides
    rate: int  # Hz
    geometry: Callable[[], Geometry]


class Reflex(Protocol):
    """The shape of a reflex."""

    Settings: ClassVar[type[Rule]]

    def __init__(self, settings: Any, surroundings: Surroundings) -> None:
        """Make it. Refuse what cannot be watched by raising InvalidValue."""

    def look(self, sight: Sight) -> str | None:
        """Return what is broken, as one sentence with its numbers, or None."""
