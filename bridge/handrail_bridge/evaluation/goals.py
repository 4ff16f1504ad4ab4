"""What a scene asks for, judged from what the world says: never from what anybody claims."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Snapshot = Mapping[str, Any]  # of the truth port


@dataclass(slots=True)
class Story:
    """What the world was seen to be: at the beginning, now, and how far each joint went [rad]."""

    begun: Snapshot
    now: Snapshot
    lowest: dict[str, float] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, begun: Snapshot) -> Story:
        """Return the story that begins so."""
        story = cls(begun, begun)
        story.goes_on(begun)
        return story

    def goes_on(self, now: Snapshot) -> None:
        """Add what is so now."""
        self.now = now
        for name, joint in now["joints"].items():
            at = joint["position"]
            self.lowest[name] = min(at, self.lowest.get(name, at))
            self.highest[name] = max(at, self.highest.get(name, at))

    def travel(self) -> float:
        """Return how far the joint that went farthest has been from anywhere it was [rad]."""
        return max(self.highest[name] - self.lowest[name] for name in self.lowest)


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether it is so, in a sentence."""

    met: bool
    sentence: str


class Goal(Protocol):
    """One thing that a scene asks for."""

    def judge(self, story: Story) -> Finding:
        """Say whether it is so."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The TCP is near a position [m]."""

    position: tuple[float, float, float]
    tolerance: float = 0.015  # m

    def judge(self, story: Story) -> Finding:
        """Measure from the true TCP."""
        off = math.dist(story.now["tcp"]["position"], self.position)
        place = ", ".join(f"{value:.3f}" for value in self.position)
        return Finding(off <= self.tolerance, f"the TCP is {off * 1000:.0f} mm from ({place}) m")


@dataclass(frozen=True, slots=True)
class Turned:
    """A joint is near an angle [rad]."""

    joint: str
    angle: float
    tolerance: float = 0.03  # rad

    def judge(self, story: Story) -> Finding:
        """Measure from the true joint."""
        at = story.now["joints"][self.joint]["position"]
        return Finding(
            abs(at - self.angle) <= self.tolerance,
            f"{self.joint} is at {at:.3f} rad, asked for {self.angle:.3f} rad",
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """A joint never left a range [rad]."""

    joint: str
    low: float
    high: float

    def judge(self, story: Story) -> Finding:
        """Look at all that was seen of it."""
        low, high = story.lowest[self.joint], story.highest[self.joint]
        return Finding(
            self.low <= low and high <= self.high,
            f"{self.joint} was between {low:.3f} and {high:.3f} rad, to stay between "
            f"{self.low:.3f} and {self.high:.3f} rad",
        )


@dataclass(frozen=True, slots=True)
class Stood:
    """The arm never moved."""

    tolerance: float = 0.03  # rad: play, and settling

    def judge(self, story: Story) -> Finding:
        """Look at all that was seen of all joints."""
        travel = story.travel()
        return Finding(travel <= self.tolerance, f"the arm moved by {travel:.3f} rad")


@dataclass(frozen=True, slots=True)
class Lies:
    """One of some objects lies in a region, by the world's own walls."""

    objects: tuple[str, ...]
    region: str

    def judge(self, story: Story) -> Finding:
        """Ask where the world has them."""
        regions = {name: story.now["objects"][name]["region"] for name in self.objects}
        told = [f"{name} lies in {region or 'no region'}" for name, region in regions.items()]
        return Finding(self.region in regions.values(), ", ".join(told))


@dataclass(frozen=True, slots=True)
class Left:
    """An object is where it was."""

    object: str
    tolerance: float = 0.02  # m

    def judge(self, story: Story) -> Finding:
        """Compare with the beginning."""
        off = moved(story, self.object)
        return Finding(off <= self.tolerance, f"{self.object} was moved by {off * 1000:.0f} mm")


def moved(story: Story, name: str) -> float:
    """Return how far an object is from where it was at the beginning [m]."""
    before, now = (one["objects"][name]["position"] for one in (story.begun, story.now))
    return math.dist(before, now)
