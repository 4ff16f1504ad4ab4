"""Drivers that declare or do something wrong, made from one that is good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from drivers.mutant import LONGEST, Mutant
from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.conformance import Call
from handrail_drivers.errors import InvalidValue
from pydantic import BaseModel, Field


class Target(BaseModel):
    """Where to go."""

    position: Annotated[
        float, Unit("m"), Field(json_schema_extra={"minimum": 0, "maximum": LONGEST})
    ]


def declared(base: Any) -> Iterator[Mutant]:
    class Unitless(base):
        """Does not say in which unit."""

        @tool(Effect.OBSERVE)
        def temperature(self) -> float:
            """Read how warm it is."""
            return 20.0

    class Unlimited(base):
        """Does not say how far."""

        @tool(Effect.MOVE)
        def move_to(self, position: Annotated[float, Unit("m")]) -> dict[str, bool]:
            """Have it go to a position."""
            if not 0 <= position <= LONGEST:
                raise InvalidValue("It is too far.", field="position")
            super().move_to(position)
            return {"moving": True}

    class ClaimsLimits(base):
        """Says limits, and takes what is beyond."""

        @tool(Effect.MOVE)
        def move_to(
            self,
            position: Annotated[
                float, Unit("m"), Field(json_schema_extra={"minimum": 0, "maximum": LONGEST})
            ],
        ) -> dict[str, bool]:
            """Have it go to a position."""
            super().move_to(max(0.0, min(LONGEST, position)))
            return {"moving": True}

    class TakesNan(base):
        """Takes what is no number, within a model of its own."""

        @tool(Effect.MOVE)
        def move_to(self, target: Target) -> dict[str, bool]:
            """Have it go to a position."""
            if target.position < 0 or target.position > LONGEST:
                raise InvalidValue("It is too far.", field="target.position")
            super().move_to(min(LONGEST, target.position))
            return {"moving": True}

    class Relative(base):
        """Goes by a distance, and refuses to go beyond its ends."""

        clamps: ClassVar[bool] = False

        @tool(Effect.MOVE)
        def move_by(
            self, distance: Annotated[float, Unit("m"), Field(ge=-LONGEST, le=LONGEST)]
        ) -> dict[str, bool]:
            """Have it go on by a distance."""
            goal = self.read_position().position + distance
            if not self.clamps and not 0 <= goal <= LONGEST:
                raise InvalidValue("It would pass its end.", field="distance", value=distance)
            super().move_to(max(0.0, min(LONGEST, goal)))
            return {"moving": True}

    class Clamping(Relative):
        """Goes to its end where it cannot go farther, and calls that done."""

        clamps = True

    nested = {"move_to": Call({"target": {"position": 0.08}}, {"position": 0.08})}
    by = {"move_by": Call({"distance": 0.01}, unreachable={"distance": -0.1})}
    both = {"move_to": Call({"position": 0.08}, {"position": 0.08}), **by}
    yield Mutant(Unitless, "schema_complete")
    yield Mutant(Unlimited, "schema_complete")
    yield Mutant(ClaimsLimits, "limits_enforced")
    yield Mutant(TakesNan, "not_a_number_refused", nested)
    yield Mutant(Relative, "", both)
    yield Mutant(Clamping, "unreachable_moves_nothing", both)


def done(base: Any) -> Iterator[Mutant]:
    class Homing(base):
        """Looks for its zero as soon as it is connected."""

        homed = False

        def connect(self) -> None:
            super().connect()
            if not self.homed:
                self._tell("GO 1.000")
                self.homed = True

    class HalfWay(base):
        """Goes half of the way."""

        @tool(Effect.MOVE)
        def move_to(
            self, position: Annotated[float, Unit("m"), Field(ge=0, le=LONGEST)]
        ) -> dict[str, bool]:
            """Have it go to a position."""
            super().move_to(position / 2)
            return {"moving": True}

    class Endless(base):
        """Tells what is no number."""

        @tool(Effect.OBSERVE)
        def slope(self) -> Annotated[float, Unit("1")]:
            """Tell how steep it is."""
            return float("inf")

    class Trusting(base):
        """Takes an acknowledgement for the deed."""

        @tool(Effect.MOVE)
        def move_to(
            self, position: Annotated[float, Unit("m"), Field(ge=0, le=LONGEST)]
        ) -> dict[str, bool]:
            """Have it go to a position."""
            self._tell(f"GO {position * 1000:.3f}")
            return {"moving": True}

    yield Mutant(Homing, "connect_moves_nothing")
    yield Mutant(HalfWay, "does_what_it_says")
    yield Mutant(Endless, "does_what_it_says")
    yield Mutant(Trusting, "honest_result")
