"""Reflexes on where the links are: a workspace that none leaves, a zone that none enters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from handrail_drivers.reflex import Box, Rule, Sight, Surroundings
from pydantic import Field

Vector = tuple[float, float, float]
Size = tuple[
    Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]
]


class ZoneRule(Rule):
    """A box in the world's frame, and the links that it is about."""

    needs_links: ClassVar[bool] = True
    center: Vector = Field(description="m")
    size: Size = Field(description="full edge lengths [m], in its own frame")
    yaw: float = Field(default=0.0, description="rad about world z")
    links: tuple[str, ...] = Field(
        default=(), description="bodies of the world's model; none: all that the joints move"
    )

    @property
    def box(self) -> Box:
        """Centre, size and yaw."""
        return self.center, self.size, self.yaw


class KeepOutRule(ZoneRule):
    """How near counts as inside."""

    margin: Annotated[float, Field(ge=0)] = Field(default=0.0, description="m around the box")


class _Zone:
    """A box, and how far the joints may go until it has to be looked at again."""

    Settings: ClassVar[type[Rule]] = ZoneRule

    def __init__(self, settings: ZoneRule, surroundings: Surroundings) -> None:
        self._geometry = surroundings.geometry()
        self._links, self._box = settings.links, settings.box
        self._at: Sequence[float] = (0.0,) * len(surroundings.joints)
        self._room = self._measure(self._at)[0]  # m; refuses links that are not there

    def look(self, sight: Sight) -> str | None:
        """Return the link that is where it must not be."""
        travel = sum([abs(a - b) for a, b in zip(sight.position, self._at, strict=True)])
        if self._geometry.reach * travel < self._room:
            return None
        self._at = sight.position
        self._room, link = self._measure(sight.position)
        return None if self._room > 0 else self._sentence(link)

    def _measure(self, position: Sequence[float]) -> tuple[float, str]:
        """Return how far [m] the links are from breaking the rule, and which is nearest to it."""
        raise NotImplementedError

    def _sentence(self, link: str) -> str:
        raise NotImplementedError


class KeepOut(_Zone):
    """A link is in a zone where none may be, or nearer than its margin."""

    Settings: ClassVar[type[Rule]] = KeepOutRule

    def __init__(self, settings: KeepOutRule, surroundings: Surroundings) -> None:
        self._margin = settings.margin
        super().__init__(settings, surroundings)

    def _measure(self, position: Sequence[float]) -> tuple[float, str]:
        distance, link = self._geometry.nearest(position, self._links, self._box)
        return distance - self._margin, link

    def _sentence(self, link: str) -> str:
        distance = self._room + self._margin
        how = "is in it" if distance <= 0 else f"is {distance * 1000:.0f} mm from it"
        return f"{link} {how}."


class Workspace(_Zone):
    """A link is outside of the space where all must be."""

    def _measure(self, position: Sequence[float]) -> tuple[float, str]:
        out, link = self._geometry.farthest_out(position, self._links, self._box)
        return -out, link

    def _sentence(self, link: str) -> str:
        return f"{link} reaches {-self._room * 1000:.0f} mm out of it."
