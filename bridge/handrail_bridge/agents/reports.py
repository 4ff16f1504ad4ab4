"""What the agents' own tools answer. SI units; a permit's id or a lease's token is in none."""

from __future__ import annotations

from typing import Annotated, Any

from handrail_drivers.api import Unit
from handrail_sim.verdict import Verdict, Violation
from pydantic import BaseModel, Field

from handrail_bridge.plain import plain
from handrail_bridge.reports import CellState, Receipt

Seconds = Annotated[float, Unit("s")]


class ViolationReport(BaseModel):
    """One thing that a plan does wrong."""

    kind: str
    step: Annotated[int, Field(description="index into the plan's steps; -1: of none")]
    time: Annotated[Seconds, Field(description="from the plan's start")]
    subject: Annotated[str, Field(description="joint, pair of bodies, object, predicate")]
    value: float | None
    limit: float | None
    unit: Annotated[str, Field(description="UCUM code of value and limit")]
    sentence: str
    hint: str
    detail: Annotated[dict[str, Any], Field(description="such as an obstacle's size")]


class GoalReport(BaseModel):
    """One predicate of the goal, evaluated."""

    predicate: str
    met: bool
    sentence: str


class RobustnessReport(BaseModel):
    """In how many worlds a little other than believed the plan passes."""

    passed: int
    worlds: int
    worst: str


class CheckReport(BaseModel):
    """The verdict on a plan. Where it passed, ``plan`` is the handle to run it by."""

    passed: bool
    plan: Annotated[str | None, Field(description="handle for plan_run, good once")] = None
    expires_in: Annotated[Seconds | None, Field(description="life of the handle")] = None
    needs_approval: Annotated[
        list[str], Field(description="why a person has to approve it before it may run")
    ] = []
    violations: list[ViolationReport]
    goal: list[GoalReport]
    duration: Annotated[Seconds, Field(description="of the motion")]
    clearance: Annotated[float | None, Unit("m"), Field(description="smallest seen")]
    clearance_pair: str
    robustness: RobustnessReport | None
    unseen: Annotated[
        list[str],
        Field(description="objects of unknown place: played as if they were not there; look first"),
    ]
    peak_velocity: Annotated[
        dict[str, float | None], Field(description="rad/s (m/s where one slides), by joint")
    ]
    peak_effort: Annotated[
        dict[str, float | None], Field(description="N.m (N where one slides), by joint")
    ]


class RunReport(BaseModel):
    """The receipt of a plan that was run, judged by what was measured."""

    receipt: Annotated[str, Field(description="its id in the audit log")]
    completed: Annotated[bool, Field(description="whether the plan ran to its end")]
    goal_met: Annotated[bool, Field(description="and every predicate of its goal holds")]
    reason: Annotated[str, Field(description="why it ended early")]
    fault_code: str
    duration: Seconds
    peak_following_error: Annotated[
        float | None, Unit("rad"), Field(description="of joints that turn")
    ]
    peak_slide_error: Annotated[float | None, Unit("m"), Field(description="of those that slide")]
    reflexes: Annotated[list[str], Field(description="that fired meanwhile")]
    end_position: Annotated[
        dict[str, float | None], Field(description="rad (m), by joint, measured")
    ]
    goal: list[GoalReport]
    sensors: Annotated[dict[str, float | None], Field(description="what devices read at its end")]
    approver: Annotated[str, Field(description="who approved it; empty: nobody was asked")]


class JointReport(BaseModel):
    """One joint as measured."""

    position: Annotated[float | None, Field(description="rad (m)")]
    velocity: Annotated[float | None, Field(description="rad/s (m/s)")]
    effort: Annotated[float | None, Field(description="N.m (N)")]
    temperature: Annotated[float | None, Unit("Cel")]
    torque_enabled: bool


class LeaseReport(BaseModel):
    """Who has the exclusive right to move some devices."""

    holder: str
    devices: list[str]


class StateReport(BaseModel):
    """The measured state of the cell."""

    mode: Annotated[
        str, Field(description="armed: plans may run; moving; else an operator has to act")
    ]
    reason: Annotated[str, Field(description="why it is stopped or in fault")]
    age: Annotated[Seconds, Field(description="of the measurement")]
    joints: dict[str, JointReport]
    tcp: Annotated[
        list[float | None], Unit("m"), Field(description="tool centre point, world frame")
    ]
    holding: Annotated[bool, Field(description="felt by the jaw's position and effort")]
    progress: Annotated[float, Field(description="of the running plan, 0 to 1")]
    speed_scale: Annotated[float, Field(description="of the checked speed, left by reflexes")]
    reflexes: Annotated[list[str], Field(description="that fired, latched until a reset")]
    leases: Annotated[list[LeaseReport], Field(description="who may move what right now")]


class PlanReport(BaseModel):
    """One plan that was checked lately."""

    plan: Annotated[str | None, Field(description="its handle; none where it was refused")]
    status: Annotated[str, Field(description="checked, waiting, running, run, dead, refused")]
    age: Annotated[Seconds, Field(description="since the check")]
    steps: Annotated[list[str], Field(description="tools of its steps")]
    needs_approval: list[str]
    violations: Annotated[list[str], Field(description="what was wrong with it")]
    outcome: Annotated[str, Field(description="what became of it")]


class PlansReport(BaseModel):
    """The plans of this session, the oldest first."""

    plans: list[PlanReport]


class PictureReport(BaseModel):
    """What is said beside a picture."""

    camera: str
    width: Annotated[int, Unit("{pixel}")]
    height: Annotated[int, Unit("{pixel}")]
    age: Annotated[Seconds, Field(description="since it was captured")]


class StopReport(BaseModel):
    """What a stop did."""

    mode: str
    next: str = "An operator has to reset and arm the cell; look and plan again afterwards."


class ReadReport(BaseModel):
    """What a tool of the cell answered."""

    tool: str
    result: dict[str, Any]


def told_check(verdict: Verdict) -> CheckReport:
    """Return a verdict as an agent reads it, without a handle."""
    return CheckReport.model_validate(
        {
            **plain(
                {
                    name: getattr(verdict, name)
                    for name in (
                        *("passed", "goal", "duration", "clearance", "clearance_pair"),
                        *("robustness", "unseen", "peak_velocity", "peak_effort"),
                    )
                }
            ),
            "violations": [told_violation(violation) for violation in verdict.violations],
        }
    )


def told_violation(violation: Violation) -> dict[str, Any]:
    """Return a violation as JSON values."""
    return {**plain(violation), "kind": str(violation.kind)}


def told_run(receipt: Receipt) -> RunReport:
    """Return a receipt as an agent reads it."""
    told = plain(receipt)
    return RunReport(receipt=told.pop("id"), goal_met=receipt.goal_met, **told)


def told_state(state: CellState) -> StateReport:
    """Return the measured state as an agent reads it."""
    told = plain(state)
    return StateReport(
        joints={joint.pop("name"): JointReport(**joint) for joint in told.pop("joints")},
        tcp=told.pop("tcp_position"),
        **told,
    )
