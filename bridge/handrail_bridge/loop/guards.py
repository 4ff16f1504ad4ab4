"""The rules that every loop has, whatever its cell file says."""

from __future__ import annotations

import math

from handrail_drivers.errors import HandrailError, ProcessLost, ServoFault, StaleReading
from handrail_drivers.reflex import Sight

from handrail_bridge.loop.reflexes import Guard, Stop, Trip
from handrail_bridge.loop.settings import LoopConfig


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
        code = error.code if isinstance(error, HandrailError) else StaleReading.code
        what = error or "the bus is late."
        return Trip("late_reads", code, f"{sight.late_in_a_row} reads in a row failed: {what}")


class Tube:
    """A joint is farther from where the check saw it than the check's own spread allows.

    The band of one that grips is infinite while it presses: its place is the thing's size.
    """

    def __init__(self, config: LoopConfig) -> None:
        self._joints, self._units = config.joints, config.units

    def look(self, sight: Sight) -> Trip | None:
        """Trip on the joint that is farthest out."""
        expected = sight.expected
        if expected is None or sight.late_in_a_row:  # where it was says nothing of where it is
            return None
        parts = zip(sight.position, expected, sight.band, strict=True)
        out = [abs(measured - seen) - band for measured, seen, band in parts]
        worst = max(out)
        if worst <= 0:
            return None
        joint = out.index(worst)
        error, unit = abs(sight.position[joint] - expected[joint]), self._units[joint]
        return Trip(
            "tube",
            "tube_left",
            f"{self._joints[joint]} is {error:.3f} {unit} from where it should be; "
            f"the tube is {sight.band[joint]:.3f} {unit}.",
            Stop.WHERE_IT_IS,
        )


class Effort:
    """A joint pushes otherwise than the check predicted, for longer than a jolt lasts."""

    LASTING = 0.1  # s

    def __init__(self, config: LoopConfig) -> None:
        self._joints = config.joints
        self._units = tuple("N.m" if unit == "rad" else "N" for unit in config.units)
        self._measured = config.measures_effort
        self._patience = math.ceil(self.LASTING * config.rate)
        self._ticks = [0] * len(config.joints)

    def look(self, sight: Sight) -> Trip | None:
        """Trip on the first joint whose effort has been outside its tube for long enough."""
        predicted = sight.expected_effort if self._measured else None
        if predicted is None:
            self._ticks = [0] * len(self._joints)
            return None
        if sight.late_in_a_row:
            return None
        parts = zip(sight.effort, predicted, sight.effort_band, strict=True)
        for i, (effort, seen, band) in enumerate(parts):
            if abs(effort - seen) <= band:
                self._ticks[i] = 0
                continue
            self._ticks[i] += 1
            if self._ticks[i] >= self._patience:
                return self._trip(i, effort, seen, band)
        return None

    def _trip(self, joint: int, effort: float, predicted: float, band: float) -> Trip:
        unit = self._units[joint]
        what = f"{self._joints[joint]} pushes with {effort:.2f} {unit}"
        limit = f"the check predicted {predicted:.2f}, give or take {band:.2f}"
        return Trip("effort", "tube_left", f"{what}; {limit}.", Stop.WHERE_IT_IS)


class ServoComplaint:
    """A servo reports a fault in its status."""

    def look(self, sight: Sight) -> Trip | None:
        """Trip on the first servo that complains."""
        for joint, names in sight.faults.items():
            return Trip("servo_fault", ServoFault.code, f"{joint} reports {', '.join(names)}.")
        return None


class TorqueGone:
    """A servo that should hold has no torque: its supply broke down, or it protected itself."""

    def look(self, sight: Sight) -> Trip | None:
        """Trip on every joint without torque at once."""
        if sight.expected is None or not sight.limp:
            return None
        names = ", ".join(sight.limp)
        return Trip(
            "torque_gone", ServoFault.code, f"{names} lost torque, or does not say that it has any."
        )


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
        # The arm has come to rest since.
        return Trip("loop_stall", ProcessLost.code, reason, Stop.WHERE_IT_IS)


class LostHeartbeat:
    """The bridge gives no sign of life, while the arm is held or moved for it."""

    def __init__(self, config: LoopConfig) -> None:
        self._longest_ns = int(config.heartbeat * 1e9)

    def look(self, sight: Sight) -> Trip | None:
        """Trip where the last sign is too old."""
        silent_ns = sight.now_ns - sight.heartbeat_ns
        if sight.expected is None or silent_ns <= self._longest_ns:
            return None
        reason = f"The bridge has given no sign of life for {silent_ns * 1e-9:.2f} s."
        return Trip("heartbeat", ProcessLost.code, reason)


def guards(config: LoopConfig) -> tuple[Guard, ...]:
    """Return the guards in the order of ``settings.GUARDS``, whose last two are nobody's here."""
    return (
        LateReads(config),
        Tube(config),
        Effort(config),
        ServoComplaint(),
        TorqueGone(),
        Stall(config),
        LostHeartbeat(config),
    )
