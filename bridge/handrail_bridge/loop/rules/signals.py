"""Reflexes on signals: what a sensor, a button or perception says, and how old it is.

A signal that never came, or is older than its rule allows, breaks the rule: what cannot be seen
is not taken for safe.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from handrail_drivers.errors import InvalidValue
from handrail_drivers.reflex import Rule, Sight, Signal, Surroundings
from pydantic import Field

Positive = Annotated[float, Field(gt=0)]


class SignalRule(Rule):
    """A rule about one signal."""

    signal: str = Field(description="its name: DEVICE for a camera, DEVICE.INPUT for an input")
    age: Positive = Field(description="s, oldest that counts")

    def signals(self) -> tuple[str, ...]:
        """Return the signal's name."""
        return (self.signal,)


class InputRule(SignalRule):
    """Which level of a digital input breaks the rule."""

    trips_at: bool = Field(
        default=False, description="a button that opens its circuit reads false: trip at false"
    )


class PerceptionRule(SignalRule):
    """What perception must see, or must not. The signal is the distance [m] of the nearest."""

    when: Literal["present", "absent", "within"]
    distance: Positive | None = Field(default=None, description="m, for within")


class HeartbeatRule(Rule):
    """How long the bridge may be silent."""

    age: Positive = Field(description="s")


class _OfSignal:
    """Judges the newest value of one signal."""

    def __init__(self, settings: SignalRule, surroundings: Surroundings) -> None:
        del surroundings
        self._name = settings.signal
        self._oldest_ns = int(settings.age * 1e9)

    def look(self, sight: Sight) -> str | None:
        """Return what is wrong with the signal: none, withdrawn, too old, or what it says."""
        signal = sight.signals.get(self._name)
        if signal is None:
            return f"{self._name} has never reported."
        if not signal.time_ns:
            return f"{self._name} has no value any more: what gave it is gone."
        age_ns = sight.now_ns - signal.time_ns
        if age_ns > self._oldest_ns:
            return f"{self._name} last reported {age_ns * 1e-9:.3f} s ago; {self._limit()}."
        return self.judge(signal)

    def judge(self, signal: Signal) -> str | None:
        """Return what is wrong with a fresh value."""
        del signal
        return None

    def _limit(self) -> str:
        return f"{self._oldest_ns * 1e-9:g} s are allowed"


class StaleSensor(_OfSignal):
    """A sensor that the motion relies on has fallen silent."""

    Settings: ClassVar[type[Rule]] = SignalRule


class DigitalInput(_OfSignal):
    """A button, a door switch, a light curtain."""

    Settings: ClassVar[type[Rule]] = InputRule

    def __init__(self, settings: InputRule, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._trips_at = settings.trips_at

    def judge(self, signal: Signal) -> str | None:
        """Return that the input is at the level that trips."""
        level = signal.value != 0.0
        return f"{self._name} reads {str(level).lower()}." if level == self._trips_at else None


class Perception(_OfSignal):
    """Something is seen that must not be there, is missing, or is too near."""

    Settings: ClassVar[type[Rule]] = PerceptionRule

    def __init__(self, settings: PerceptionRule, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        if (settings.when == "within") != (settings.distance is not None):
            raise InvalidValue(
                'distance [m] belongs to when = "within", and only there.',
                field="distance",
                value=settings.distance,
            )
        self._when, self._distance = settings.when, settings.distance

    def judge(self, signal: Signal) -> str | None:
        """Compare the distance of the nearest; infinite: none is seen."""
        seen = signal.value < float("inf")
        if self._when == "absent":
            return None if seen else f"{self._name} is not seen."
        if not seen or (self._distance is not None and signal.value > self._distance):
            return None
        limit = f"; {self._distance:g} m must be kept" if self._distance is not None else ""
        return f"{self._name} is seen at {signal.value:.3f} m{limit}."


class LostHeartbeat:
    """The bridge has been silent for longer than this rule allows."""

    Settings: ClassVar[type[Rule]] = HeartbeatRule

    def __init__(self, settings: HeartbeatRule, surroundings: Surroundings) -> None:
        del surroundings
        self._longest_ns = int(settings.age * 1e9)

    def look(self, sight: Sight) -> str | None:
        """Return how long the bridge has been silent, where that is too long."""
        silent_ns = sight.now_ns - sight.heartbeat_ns
        if silent_ns <= self._longest_ns:
            return None
        return f"The bridge has given no sign of life for {silent_ns * 1e-9:.2f} s."
