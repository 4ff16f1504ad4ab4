"""What a cell demands of plans: the check's margins and worlds, permits, a person's approval."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from handrail_sim.section import Fraction, Positive, Section

ToolName = Literal[
    "arm_move_joints",
    "arm_move_to_pose",
    "gripper_set",
    "arm_home",
    "arm_rest",
    "wait",
    "policy_run",
]


class Spread(Section):
    """In what the real world may differ from the belief: plans are tried in such worlds too.

    What joints do there gives the tube its width.

    Ranges go both ways unless a time or a play. They are wider than what bus servos of the desk's
    class show from one to the next.
    """

    rollouts: Annotated[int, Field(ge=4, le=64)] = Field(
        default=8, description="in other worlds; 8 show each joint every corner of how it may lag"
    )
    enough: Fraction = Field(
        default=0.75,
        description="of those worlds in which a plan has to succeed; in none may it do harm",
    )
    gain: Fraction = Field(default=0.10, description="relative, a servo's stiffness")
    drag: Fraction = Field(default=0.10, description="relative, damping and dry friction")
    latency: Annotated[float, Field(ge=0)] = Field(
        default=0.012, description="s, at most, by which a servo follows later: its cycle, the bus"
    )
    encoder: Annotated[float, Field(ge=0)] = Field(
        default=0.0045, description="rad, zero of an encoder: 3 counts of 4096, hard to set better"
    )
    backlash: Annotated[float, Field(ge=0)] = Field(
        default=0.0045, description="rad, whole play of a geared joint"
    )
    mass: Fraction = Field(default=0.20, description="relative, of objects")
    friction: Fraction = Field(default=0.20, description="relative, of surfaces")
    place: Annotated[float, Field(ge=0)] = Field(
        default=0.005,
        description="m, in any direction, from where an object was seen; three standard deviations "
        "of where perception saw it, where those are more",
    )
    turn: Annotated[float, Field(ge=0)] = Field(
        default=0.05,
        description="rad about the vertical, from how an object was seen to lie; three standard "
        "deviations of how perception saw it, where those are more",
    )
    lateness: Annotated[float, Field(ge=0)] = Field(
        default=0.008, description="s by which a tick may be late, or a row be held by late reads"
    )
    margin: Annotated[float, Field(ge=1)] = Field(
        default=1.3, description="factor on the hull, which so few rollouts do not exhaust"
    )
    noise: Positive = Field(
        default=0.003,
        description="rad, at least: two counts of 4096; more where the standing arm scatters more",
    )
    effort_noise: Positive = Field(default=0.02, description="N.m, likewise: six counts of load")
    noise_limit: Positive = Field(
        default=0.01,
        description="rad, standard deviation of a standing joint above which no plan is checked",
    )
    effort_noise_limit: Positive = Field(default=0.1, description="N.m, likewise")
    floor: Positive = Field(default=0.02, description="rad, the narrowest tube")
    slide_floor: Positive = Field(default=0.01, description="m, likewise, of joints that slide")
    effort_floor: Positive = Field(
        default=0.15, description="N.m, the narrowest: three times a joint's dry friction"
    )


class ForceLimit(Section):
    """With what force two bodies of the world's model may press on one another."""

    one: str = Field(description="an object's body")
    other: str = Field(description="body of what it is pressed on, or of a finger")
    force: Positive = Field(description="N, over 20 ms")


class Check(Section):
    """What the check demands beyond the joint limits."""

    clearance: Annotated[float, Field(ge=0)] = Field(default=0.004, description="m to obstacles")
    table_clearance: Annotated[float, Field(ge=0)] = Field(
        default=0.0005, description="m to the bodies in tables, where things are taken"
    )
    tables: tuple[str, ...] = Field(
        default=("table",), description="bodies of the world's model from which things are taken"
    )
    self_clearance: Annotated[float, Field(ge=0)] = Field(
        default=0.001, description="m between links of the arm"
    )
    dexterity: Annotated[float, Field(ge=0)] = Field(
        default=0.002,
        description="m/rad that the TCP moves at least, in any direction, at a pose that is asked "
        "for: less is near a singularity; a tool's turning counts as 0.1 m",
    )
    moved: Positive = Field(default=0.01, description="m that an object may shift that lies")
    fall: Positive = Field(default=0.1, description="m that an object may fall that is let go")
    force: Positive = Field(
        default=6.0, description="N, over 20 ms, between what the arm moves and what stands or lies"
    )
    grip_force: Positive = Field(default=60.0, description="N, between a finger and an object")
    forces: tuple[ForceLimit, ...] = Field(
        default=(), description="other limits, for single pairs of bodies, one of them an object's"
    )
    planner: str = Field(
        default="rrt_connect",
        description="who finds ways round: entry point name in the group handrail.planners",
    )
    duration: Positive = Field(default=60.0, description="s, longest plan")
    settle: Positive = Field(default=0.4, description="s of rollout after the last setpoint")
    spread: Spread = Spread()


class Permits(Section):
    """Life and tolerance of a permit."""

    lifetime: Positive = Field(default=30.0, description="s")
    joint_drift: Positive = Field(default=0.03, description="rad")
    slide_drift: Positive = Field(default=0.003, description="m, of joints that slide")
    lease_heartbeat: Annotated[float, Field(ge=0.05)] = Field(default=2.0, description="s")


class Approval(Section):
    """Which plans that passed the check a person has to approve; without any of these, none.

    And which calls of devices' tools, each of which then needs somebody's word. Zones of the kind
    ``ask`` demand approval of plans, too.
    """

    always: bool = Field(default=False, description="every plan")
    speed: Positive | None = Field(default=None, description="m/s of the TCP, above which")
    height: float | None = Field(default=None, description="m of the TCP, above which")
    force: Positive | None = Field(
        default=None, description="N between what the arm moves and anything else, above which"
    )
    tools: tuple[str, ...] = Field(
        default=(),
        description="a plan with a step of these, and every call of these tools of devices, which "
        "are named `<device>_<tool>`",
    )
    timeout: Positive = Field(default=60.0, description="s to be answered in; silence means no")
    elicitation: bool = Field(
        default=False,
        description="the person at an MCP client of the operator's own user may approve, too; "
        "that a person answers there, and not a model, only that client knows",
    )
