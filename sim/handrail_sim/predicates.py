"""What can be demanded of the world: a closed set of typed predicates, safe to take from a model.

::

    at_pose  joint_in_range  effort_below            of the arm
    holding  released                                of the jaw
    object_in_region  object_on  object_upright      of things
    object_moved_less_than  visible
    sensor_in_range                                  of other devices
    all  any  not                                    of other predicates
    within                                           of another one, in a time

``check/predicates.py`` evaluates them, on a rollout and on the running cell alike.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from handrail_drivers.api import Unit
from pydantic import Field, model_validator

from handrail_sim.strict import Finite, Metres, Point, Strict

TURN = 6.2832  # rad: more than once round was meant in degrees
DEEPEST = 4  # levels of predicates in predicates


class Holding(Strict):
    """The gripper holds the named object (or anything, where no name is given)."""

    predicate: Literal["holding"] = "holding"
    object: str | None = None


class Released(Strict):
    """The gripper holds nothing."""

    predicate: Literal["released"] = "released"


class AtPose(Strict):
    """The TCP is within tolerance of a position, and turned as told, if told.

    ``tilt`` and ``yaw`` are those of ``arm_move_to_pose``; left out, any will do.
    """

    predicate: Literal["at_pose"] = "at_pose"
    position: Point
    tolerance: Annotated[float, Field(gt=0, le=0.1), Unit("m")] = 0.01
    tilt: Annotated[float | None, Field(ge=-math.pi, le=math.pi), Unit("rad")] = None
    yaw: Annotated[float | None, Field(ge=-TURN, le=TURN), Unit("rad")] = None
    turn_tolerance: Annotated[
        float, Field(gt=0, le=1.0, description="of tilt and yaw"), Unit("rad")
    ] = 0.15

    @model_validator(mode="after")
    def _yaw_has_a_tilt(self) -> Self:
        if self.yaw is not None and self.tilt is None:
            raise ValueError("a yaw needs a tilt: 0 points straight down")
        return self


class JointInRange(Strict):
    """A joint's position [rad], or [m] where it slides, lies in a range."""

    predicate: Literal["joint_in_range"] = "joint_in_range"
    joint: str
    low: Finite
    high: Finite


class EffortBelow(Strict):
    """A joint pushes with less than so much, either way; the arm's own weight is part of that."""

    predicate: Literal["effort_below"] = "effort_below"
    joint: str
    limit: Annotated[float, Field(gt=0, description="N.m (N where it slides)")]


class ObjectInRegion(Strict):
    """The centre of an object lies in a region of the cell."""

    predicate: Literal["object_in_region"] = "object_in_region"
    object: str
    region: str


class ObjectOn(Strict):
    """An object lies on top of another object or of an obstacle, its centre above it.

    A look does not tell how high it lies: then that is not known, until a plan has put it there.
    """

    predicate: Literal["object_on"] = "object_on"
    object: str
    support: str
    tolerance: Annotated[float, Field(gt=0, le=0.05), Unit("m")] = 0.008


class ObjectUpright(Strict):
    """An object's own z axis leans out of the vertical by less than a tolerance.

    A look does not tell how it leans: then that is not known, until a plan has put it somewhere.
    """

    predicate: Literal["object_upright"] = "object_upright"
    object: str
    tolerance: Annotated[float, Field(gt=0, le=1.6), Unit("rad")] = 0.2


class ObjectMovedLessThan(Strict):
    """An object is nearer than a distance to where it was when the plan began."""

    predicate: Literal["object_moved_less_than"] = "object_moved_less_than"
    object: str
    distance: Annotated[Metres, Field(gt=0)]


class Visible(Strict):
    """A camera has seen the object where it is: since then, no plan has moved it."""

    predicate: Literal["visible"] = "visible"
    object: str


class SensorInRange(Strict):
    """A sensor reads a value in a range; a digital input reads 0 or 1.

    What a sensor will read is foreseen for a scale under a region alone. Of the others a goal takes
    in the check what they read now; an expectation passes there, and the running plan judges it.
    """

    predicate: Literal["sensor_in_range"] = "sensor_in_range"
    sensor: Annotated[str, Field(description="device.input")]
    low: Finite
    high: Finite


class All(Strict):
    """Each of these holds."""

    predicate: Literal["all"] = "all"
    of: Annotated[tuple[Predicate, ...], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _is_shallow(self) -> Self:
        _require_shallow(self)
        return self


class AnyOf(Strict):
    """At least one of these holds."""

    predicate: Literal["any"] = "any"
    of: Annotated[tuple[Predicate, ...], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _is_shallow(self) -> Self:
        _require_shallow(self)
        return self


class Not(Strict):
    """This does not hold."""

    predicate: Literal["not"] = "not"
    of: Predicate

    @model_validator(mode="after")
    def _is_shallow(self) -> Self:
        _require_shallow(self)
        return self


class Within(Strict):
    """This has held at some moment, at most so long after the beginning.

    In a goal that is the plan's beginning, in a step's ``expect`` the step's. It waits for nothing:
    the moments are those up to when the goal or the step is judged, at its end.
    """

    predicate: Literal["within"] = "within"
    seconds: Annotated[float, Field(gt=0, le=60), Unit("s")]
    of: Predicate

    @model_validator(mode="after")
    def _is_shallow(self) -> Self:
        _require_shallow(self)
        return self


Predicate = Annotated[
    Holding
    | Released
    | AtPose
    | JointInRange
    | EffortBelow
    | ObjectInRegion
    | ObjectOn
    | ObjectUpright
    | ObjectMovedLessThan
    | Visible
    | SensorInRange
    | All
    | AnyOf
    | Not
    | Within,
    Field(discriminator="predicate"),
]


for _model in (All, AnyOf, Not, Within):
    _model.model_rebuild()


def parts(predicate: Predicate) -> tuple[Predicate, ...]:
    """Return the predicates of which a predicate is made; none for most."""
    match predicate:
        case All() | AnyOf():
            return predicate.of
        case Not() | Within():
            return (predicate.of,)
    return ()


def size(predicate: Predicate) -> int:
    """Return of how many predicates a predicate is made, itself counted."""
    return 1 + sum(map(size, parts(predicate)))


def timed(predicate: Predicate) -> tuple[Within, ...]:
    """Return every ``within`` of a predicate, the innermost first."""
    inner = tuple(found for part in parts(predicate) for found in timed(part))
    return (*inner, predicate) if isinstance(predicate, Within) else inner


def _require_shallow(predicate: Predicate) -> None:
    if _depth(predicate) > DEEPEST:
        raise ValueError(f"predicates in predicates go {DEEPEST} levels deep at most")


def _depth(predicate: Predicate) -> int:
    return 1 + max((_depth(part) for part in parts(predicate)), default=0)
