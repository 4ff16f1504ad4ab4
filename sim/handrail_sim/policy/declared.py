"""A policy as a cell file says it: a model that moves the arm, tick by tick."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from handrail_drivers.reflex import Box
from pydantic import Field

from handrail_sim.section import Positive, Section, Vector

OUTPUT = "velocity"  # of a model: what it asks of the arm's joints, rad/s
PLANE = 2  # dimensions of an observation; what has more is a picture
PIXELS = (
    "takes a picture, and policies that want pixels are refused for now: the check plays the "
    "policy in the twin, whose pictures are not the camera's, so that it would check another "
    "motion than the one that follows; give it `thing`, where perception saw one"
)


class Source(StrEnum):
    """What a policy can be given. A model's input has the name of what it takes, (1, n) floats."""

    JOINT_POSITION = "joint_position"  # rad, of the arm's joints, as measured on this tick
    JOINT_VELOCITY = "joint_velocity"  # rad/s, likewise
    SETPOINT = "setpoint"  # rad, what the arm's joints were told last
    TARGET = "target"  # m: x y z that the step names
    THING = "thing"  # x y z [m] where the step's thing was seen, and 1; four zeros without one

    def size(self, joints: int) -> int:
        """Return how many numbers it has, for an arm of so many joints."""
        return {Source.TARGET: 3, Source.THING: 4}.get(self, joints)


class Policy(Section):
    """A model that may move the arm: its file, what it is given, how often and how fast it answers.

    It has one output, ``velocity`` (1, joints): what it asks of the arm's setpoints [rad/s].
    """

    description: str = Field(description="what it does, for agents")
    model: str = Field(description="ONNX file, beside the cell file or shipped with Handrail")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="of the file")
    inputs: Annotated[dict[str, tuple[int, ...]], Field(min_length=1)] = Field(
        description="shapes by name: " + ", ".join(Source)
    )
    rate: Annotated[int, Field(ge=1)] = Field(
        description="Hz at which it is asked: the loop's, or a whole part of it"
    )
    budget: Positive = Field(
        default=0.002, description="s that an answer may take; one that takes longer is a stop"
    )
    center: Vector = Field(description="m, of the box of targets that it was made for")
    size: tuple[Positive, Positive, Positive] = Field(description="m, full edge lengths of it")

    @property
    def box(self) -> Box:
        """Where its targets may be: centre, size, no yaw."""
        return self.center, self.size, 0.0
