"""Reflexes on what the joints report, and on how that differs from what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from handrail_drivers.errors import InvalidValue, UnknownName
from handrail_drivers.reflex import Rule, Sight, Surroundings
from pydantic import Field

Positive = Annotated[float, Field(gt=0)]
EFFORT = {"rad": "N.m", "m": "N"}  # by the unit of the joint's position


class JointRule(Rule):
    """A rule about joints."""

    joints: tuple[str, ...] = Field(default=(), description="by name; none: every joint")


class PositionRule(JointRule):
    """A range of position."""

    low: float = Field(description="rad, or m")
    high: float = Field(description="rad, or m")


class LimitRule(JointRule):
    """An upper bound of a magnitude."""

    limit: Positive = Field(
        description="in the quantity's unit: rad/s, N.m, Cel or rad; m/s, N or m where one slides"
    )


class ContactRule(JointRule):
    """How much more effort than predicted counts as contact, and for how long."""

    on_path: bool = False  # on the path it would go on pushing
    margin: Positive = Field(description="N.m, or N, beyond the band that the check predicted")
    lasting: Positive = Field(default=0.02, description="s, so that noise is no contact")


def watched(rule: JointRule, surroundings: Surroundings) -> list[int]:
    """Return the indices of the joints that a rule is about.

    Raises:
        UnknownName: the rule names a joint that is not there.
    """
    for name in rule.joints:
        if name not in surroundings.joints:
            raise UnknownName("joint", name, surroundings.joints, field="joints")
    names = rule.joints or surroundings.joints
    return [surroundings.joints.index(name) for name in names]


class JointPosition:
    """A joint is where it must not be, whatever the plan says."""

    Settings: ClassVar[type[Rule]] = PositionRule

    def __init__(self, settings: PositionRule, surroundings: Surroundings) -> None:
        if not settings.low < settings.high:
            raise InvalidValue(
                "low must be below high.", field="low", value=settings.low, limit=settings.high
            )
        self._rule, self._names = settings, surroundings.joints
        self._units = surroundings.units
        self._joints = watched(settings, surroundings)

    def look(self, sight: Sight) -> str | None:
        """Return the first joint that is out of range."""
        low, high = self._rule.low, self._rule.high
        for i in self._joints:
            if not low <= sight.position[i] <= high:
                unit = self._units[i]
                where = f"{sight.position[i]:.3f} {unit}"
                return f"{self._names[i]} is at {where}, outside {low:g} to {high:g} {unit}."
        return None


class _Limit:
    """A measured magnitude stays below a limit."""

    Settings: ClassVar[type[Rule]] = LimitRule
    quantity: ClassVar[str]
    units: ClassVar[dict[str, str]]  # by that of the joint's position

    def __init__(self, settings: LimitRule, surroundings: Surroundings) -> None:
        self._limit, self._names = settings.limit, surroundings.joints
        self._units = [self.units[unit] for unit in surroundings.units]
        self._joints = watched(settings, surroundings)

    def measure(self, sight: Sight) -> Sequence[float] | None:
        """Return the quantity by joint; None where it cannot be told now."""
        raise NotImplementedError

    def look(self, sight: Sight) -> str | None:
        """Return the first joint that is beyond the limit. What is no number is beyond it."""
        values = self.measure(sight)
        if values is None:
            return None
        limit = self._limit
        for i in self._joints:
            if not abs(values[i]) <= limit:
                unit = self._units[i]
                what = f"{self._names[i]} has a {self.quantity} of {values[i]:.3g} {unit}"
                return f"{what}; the limit is {limit:g} {unit}."
        return None


class JointVelocity(_Limit):
    """A joint moves too fast."""

    quantity, units = "velocity", {"rad": "rad/s", "m": "m/s"}

    def measure(self, sight: Sight) -> Sequence[float]:
        """Return measured velocities."""
        return sight.velocity


class JointEffort(_Limit):
    """A joint pushes too hard."""

    quantity, units = "effort", EFFORT

    def measure(self, sight: Sight) -> Sequence[float]:
        """Return measured efforts."""
        return sight.effort


class JointTemperature(_Limit):
    """A servo is too hot."""

    quantity, units = "temperature", {"rad": "Cel", "m": "Cel"}

    def measure(self, sight: Sight) -> Sequence[float]:
        """Return the servos' temperatures."""
        return sight.temperature


class FollowingError(_Limit):
    """A joint is too far from where it should be: a fixed bound beside the derived tube."""

    quantity, units = "following error", {"rad": "rad", "m": "m"}

    def measure(self, sight: Sight) -> Sequence[float] | None:
        """Return measured minus expected positions, None while nothing is held."""
        if sight.expected is None:
            return None
        return [a - b for a, b in zip(sight.position, sight.expected, strict=True)]


class Contact:
    """A joint needs more effort than predicted: something is in the way, or leans on the arm."""

    Settings: ClassVar[type[Rule]] = ContactRule

    def __init__(self, settings: ContactRule, surroundings: Surroundings) -> None:
        self._margin, self._names = settings.margin, surroundings.joints
        self._units = [EFFORT[unit] for unit in surroundings.units]
        self._joints = watched(settings, surroundings)
        self._patience = max(1, round(settings.lasting * surroundings.rate))
        self._ticks = dict.fromkeys(self._joints, 0)

    def look(self, sight: Sight) -> str | None:
        """Return the first joint whose effort has been out of its band for long enough."""
        predicted = sight.expected_effort
        if predicted is None:
            return None
        for i in self._joints:
            excess = abs(sight.effort[i] - predicted[i]) - sight.effort_band[i]
            self._ticks[i] = 0 if excess <= self._margin else self._ticks[i] + 1
            if self._ticks[i] >= self._patience:
                unit = self._units[i]
                return (
                    f"{self._names[i]} pushes with {sight.effort[i]:.2f} {unit} where "
                    f"{predicted[i]:.2f} {unit} were predicted: it touches something."
                )
        return None
