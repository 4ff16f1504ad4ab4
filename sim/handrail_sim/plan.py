"""A plan: an ordered list of tool calls, with the goal as predicates. Numbers, not promises.

Every model forbids unknown keys and non-finite numbers, so that what a language
model wrote is either meant or refused before anything else happens.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from handrail_drivers.api import Unit
from pydantic import BaseModel, Field, model_validator

from handrail_sim.predicates import TURN, Predicate, size
from handrail_sim.strict import Finite, Point, Strict

WIDEST = 1.0  # m: a wider gap was not meant in metres; how wide a jaw opens is the cell's
MOST = 256  # predicates in a plan: each is evaluated many times, in the check and while it runs

Speed = Annotated[float, Field(gt=0, le=1, description="fraction of the cell's velocity limits")]


class StepBase(Strict):
    """What every step has."""

    expect: Annotated[
        tuple[Predicate, ...],
        Field(max_length=8, description="what has to be so when it ends, or the plan stops there"),
    ] = ()


class MoveJoints(StepBase):
    """Move the named joints to positions [rad], external axes [m], the others stay."""

    tool: Literal["arm_move_joints"] = "arm_move_joints"
    positions: Annotated[
        dict[str, Finite], Field(min_length=1, max_length=64, description="rad (m), by joint")
    ]
    speed: Speed = 1.0


class MoveToPose(StepBase):
    """Move the TCP to a position, gripper tilted out of the vertical, jaw turned to yaw.

    The path is point to point in joint space: straight for joints, not for the TCP. With
    ``avoid`` a way is found round obstacles, things, keep-out zones and the arm itself.
    ``tilt`` 0 points straight down; positive leans outwards, away from the base.
    ``yaw`` is the direction [rad, counter-clockwise from world +x, seen from above] along
    which the jaw opens; left out, the wrist does not turn more than it must.
    """

    tool: Literal["arm_move_to_pose"] = "arm_move_to_pose"
    position: Point
    avoid: Annotated[
        bool, Field(description="find a way round what stands between; else go straight in joints")
    ] = False
    tilt: Annotated[float, Field(ge=-0.5, le=1.8), Unit("rad")] = 0.0
    yaw: Annotated[float | None, Field(ge=-TURN, le=TURN), Unit("rad")] = None
    speed: Speed = 1.0


class GripperSet(StepBase):
    """Open or close the jaw to a gap between its pads [m]; 0 closes until something stops it.

    Other gaps than 0 have to be ones that the cell's jaw can reach.
    """

    tool: Literal["gripper_set"] = "gripper_set"
    gap: Annotated[float, Field(ge=0, le=WIDEST), Unit("m")]
    speed: Speed = 1.0


class Home(StepBase):
    """Move every arm joint to the cell's home position; the jaw stays."""

    tool: Literal["arm_home"] = "arm_home"
    speed: Speed = 1.0


class Rest(StepBase):
    """Go home, then lower the arm to its rest, where it stays without torque; the jaw stays."""

    tool: Literal["arm_rest"] = "arm_rest"
    speed: Speed = 0.5


class Wait(StepBase):
    """Hold still for a while."""

    tool: Literal["wait"] = "wait"
    seconds: Annotated[float, Field(gt=0, le=30), Unit("s")]


class PolicyRun(StepBase):
    """Let one of the cell's policies move the arm for a while; the last step of its plan.

    The check plays the policy in the twin, and what it does there bounds what it may do on the
    arm. ``target`` is where it is to bring the TCP; with a ``thing``, as seen from where that was
    last seen. Give a goal, such as ``at_pose``: a policy promises nothing.
    """

    tool: Literal["policy_run"] = "policy_run"
    policy: Annotated[str, Field(description="one of the cell's policies")]
    target: Point
    thing: Annotated[str | None, Field(description="an object; none: the target is absolute")] = (
        None
    )
    duration: Annotated[float, Field(ge=1, le=30), Unit("s")]
    speed: Speed = 1.0


Step = Annotated[
    MoveJoints | MoveToPose | GripperSet | Home | Rest | Wait | PolicyRun,
    Field(discriminator="tool"),
]


class Plan(Strict):
    """What an agent proposes: steps in order, and what must be true at the end (all of it)."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=64)]
    goal: Annotated[tuple[Predicate, ...], Field(max_length=32)] = ()
    note: Annotated[str, Field(max_length=500, description="for people; not interpreted")] = ""

    @model_validator(mode="after")
    def _policy_is_last(self) -> Self:
        """Where a policy leaves the arm is not known beforehand, so that nothing can follow it."""
        if any(isinstance(step, PolicyRun) for step in self.steps[:-1]):
            raise ValueError("policy_run must be the last step: plan on from where it ends")
        return self

    @model_validator(mode="after")
    def _predicates_are_few(self) -> Self:
        """Parts count, too."""
        whole = (*self.goal, *(one for step in self.steps for one in step.expect))
        if (count := sum(map(size, whole))) > MOST:
            raise ValueError(f"a plan has {MOST} predicates at most, parts counted, not {count}")
        return self

    def digest(self) -> str:
        """SHA-256 of the canonical JSON; a permit is bound to it."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def as_json(model: BaseModel) -> dict[str, Any]:
    """Return a model as plain JSON values."""
    dumped: dict[str, Any] = model.model_dump(mode="json")
    return dumped
