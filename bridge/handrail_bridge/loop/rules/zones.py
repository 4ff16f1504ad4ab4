"""Reflexes on where the links are: a workspace that none leaves, a zone that none enters."""

from __future__ import annotations

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


class KeepOut:
    """A link is in a zone where none may be."""

    Settings: ClassVar[type[Rule]] = KeepOutRule

    def __init__(self, settings: KeepOutRule, surroundings: Surroundings) -> None:
        self._rule, self._geometry = settings, surroundings.geometry()
        self._geometry.nearest((0.0,) * len(surroundings.joints), settings.links, settings.box)

    def look(self, sight: Sight) -> str | None:
        """Return the link that is in the zone, or nearer than its margin."""
        rule = self._rule
        distance, link = self._geometry.nearest(sight.position, rule.links, rule.box)
        if distance > rule.margin:
            return None
        how = "is in it" if distance <= 0 else f"is {distance * 1000:.0f} mm from it"
        return f"{link} {how}."


class Workspace:
    """A link is outside of the space where all must be."""

    Settings: ClassVar[type[Rule]] = ZoneRule

    def __init__(self, settings: ZoneRule, surroundings: Surroundings) -> None:
        self._rule, self._geometry = settings, surroundings.geometry()
        self._geometry.farthest_out((0.0,) * len(surroundings.joints), settings.links, settings.box)

    def look(self, sight: Sight) -> str | None:
        """Return the link that reaches out farthest."""
        rule = self._rule
        out, link = self._geometry.farthest_out(sight.position, rule.links, rule.box)
        return f"{link} reaches {out * 1000:.0f} mm out of it." if out > 0 else None
