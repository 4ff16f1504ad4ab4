"""Reflexes: rules that are evaluated on every tick and can stop motion.

A reflex looks at one :class:`Sight` and returns a :class:`Trip` where its rule is broken.
How the loop stops is the trip's; that it stops is nobody's choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from handrail_drivers.errors import DeviceFault, ProcessLost, ServoFault, StaleReading

from handrail_bridge.loop.settings import LoopConfig


class Stop(Enum):
    """How to stop. Both hold the arm afterwards (IEC 60204-1 category 2)."""

    ON_PATH = "slow down on the checked path"
    WHERE_IT_IS = "hold the measured position at once"


@dataclass(frozen=True, slots=True)
class Trip:
    """A rule that was broken: the fault's code, what happened, and how to stop."""

    code: str
    reason: str
    stop: Stop = Stop.ON_PATH


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reflex sees on a tick. ``position`` and ``expected`` in rad, bus order."""

    now_ns: int
    position: Sequence[float]
    expected: Sequence[float] | None  # None while nothing is held
    read_ns: int  # when the joints were last read whole
    late_in_a_row: int
    late_error: DeviceFault | None
    faults: dict[str, tuple[str, ...]]
    heartbeat_ns: int
    last_tick_ns: int
    limp: tuple[str, ...]  # joints whose servo was last seen without torque


class Reflex(Protocol):
    """One rule."""

    def look(self, sight: Sight) -> Trip | None:
        """Return what is broken, or None."""


class LateReads:
    """Several late reads in a row, or too long without a whole one."""

    def __init__(self, config: LoopConfig) -> None:
        self._most = config.late_reads
        self._longest_ns = int(config.silence * 1e9)

    def look(self, sight: Sight) -> Trip | None:
        """Trip on silence; the last read's own error names the joint."""
        silent_ns = sight.now_ns - sight.read_ns
        if sight.late_in_a_row < self._most and (
            sight.late_in_a_row == 0 or silent_ns < self._longest_ns
        ):
            return None
        error = sight.late_error
        code = error.code if error else StaleReading.code
        what = error.message if error else "the bus is late."
        return Trip(code, f"{sight.late_in_a_row} reads in a row failed: {what}")


class FollowingError:
    """A joint is farther from where it should be than the tube allows."""

    def __init__(self, config: LoopConfig) -> None:
        self._joints = config.joints
        self._tube = config.tube
        self._watched = [i for i, grips in enumerate(config.grips) if not grips]

    def look(self, sight: Sight) -> Trip | None:
        """Trip on the joint that is farthest out."""
        position, expected = sight.position, sight.expected
        if expected is None:
            return None
        errors = [abs(position[i] - expected[i]) for i in self._watched]
        error = max(errors)
        if error <= self._tube:
            return None
        worst = self._joints[self._watched[errors.index(error)]]
        return Trip(
            "tube_left",
            f"{worst} is {error:.3f} rad from where it should be; "
            f"the tube is {self._tube:.3f} rad.",
            Stop.WHERE_IT_IS,
        )


class ServoComplaint:
    """A servo reports a fault in its status."""

    def look(self, sight: Sight) -> Trip | None:
        """Trip on the first servo that complains."""
        for joint, names in sight.faults.items():
            return Trip(ServoFault.code, f"{joint} reports {', '.join(names)}.")
        return None


class TorqueGone:
    """A servo that should hold has no torque: its supply broke down, or it protected itself."""

    def look(self, sight: Sight) -> Trip | None:
        """Trip on every joint without torque at once."""
        if sight.expected is None or not sight.limp:
            return None
        return Trip(ServoFault.code, f"{', '.join(sight.limp)} lost torque.")


class Stall:
    """The loop itself stood still: its process was stopped, or the machine suspended."""

    def __init__(self, config: LoopConfig) -> None:
        self._longest_ns = int(config.heartbeat * 1e9)

    def look(self, sight: Sight) -> Trip | None:
        """Trip where the last tick is too long ago to go on as if nothing had been."""
        gap_ns = sight.now_ns - sight.last_tick_ns
        if sight.expected is None or gap_ns <= self._longest_ns:
            return None
        reason = f"The loop stood still for {gap_ns * 1e-9:.2f} s."
        return Trip(ProcessLost.code, reason, Stop.WHERE_IT_IS)  # the arm has come to rest since


class LostHeartbeat:
    """The bridge gives no sign of life, while the arm is held or moved for it."""

    def __init__(self, config: LoopConfig) -> None:
        self._longest_ns = int(config.heartbeat * 1e9)

    def look(self, sight: Sight) -> Trip | None:
        """Trip where the last sign is too old."""
        silent_ns = sight.now_ns - sight.heartbeat_ns
        if sight.expected is None or silent_ns <= self._longest_ns:
            return None
        return Trip(
            ProcessLost.code, f"The bridge has given no sign of life for {silent_ns * 1e-9:.2f} s."
        )


def reflexes(config: LoopConfig) -> tuple[Reflex, ...]:
    """Return the rules of a loop, the gravest first."""
    return (
        LateReads(config),
        FollowingError(config),
        ServoComplaint(),
        TorqueGone(),
        Stall(config),
        LostHeartbeat(config),
    )
