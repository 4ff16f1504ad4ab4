"""What the bridge tells its clients, as plain dataclasses. SI units throughout."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from handrail_sim.verdict import GoalResult, Verdict

from handrail_bridge.loop.state import Mode

# How a person is asked: over the operator's socket, or by an MCP client of the operator's user.
ROADS = OPERATOR, ELICITATION = "operator", "elicitation"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may move ``devices`` right now, and who waits for them, in the order of arrival."""

    holder: str
    remaining: float  # s until it lapses without a heartbeat
    devices: tuple[str, ...]
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnLease(Lease):
    """One's own lease. Who has its ``token`` may move the devices: nobody else is told it."""

    token: int = 0


@dataclass(frozen=True, slots=True)
class Permit:
    """Single-use, expiring handle: this plan passed in this cell from this state.

    One for a call has an empty ``plan_digest``, and the call's in the place of the motion's.
    """

    id: str
    plan_digest: str
    trajectory_digest: str
    expires_in: float  # s
    asks: tuple[str, ...] = ()  # why a person has to approve it first
    approver: str = ""  # who has
    number: int = 0  # of its card


@dataclass(frozen=True, slots=True)
class Check:
    """Answer to one check. ``permit`` is present only where the verdict passed."""

    verdict: Verdict
    permit: Permit | None


@dataclass(frozen=True, slots=True)
class Card:
    """What a person sees of what waits for approval, made by the bridge.

    Of a plan, from the checked plan alone; of a call, from the call and its tool's schema.
    """

    number: int
    steps: tuple[str, ...]
    asks: tuple[str, ...]
    margins: tuple[str, ...]
    goal: tuple[str, ...]
    trajectory_digest: str  # of the motion, or of the call
    picture: str  # SVG; empty for a call
    remaining: float  # s to decide in
    question: str  # in a sentence


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says to a card: ``approver`` is who, ``reason`` why not.

    ``road`` is how the person was asked, of :data:`ROADS`.
    """

    number: int
    trajectory_digest: str
    approve: bool
    approver: str
    reason: str = ""
    road: str = OPERATOR


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was asked, permitted, done and measured in one execution."""

    id: str
    plan_digest: str
    permit_id: str
    completed: bool
    reason: str  # why it ended early; empty where completed
    fault_code: str
    duration: float  # s
    peak_following_error: float  # rad, of joints that turn
    reflexes: tuple[str, ...]  # that fired
    end_position: dict[str, float]  # rad, or m where one slides, by joint
    goal: tuple[GoalResult, ...]  # evaluated on the measured state
    approver: str = ""  # of its permit; empty where nobody was asked
    sensors: dict[str, float] = field(default_factory=dict)  # what devices read at its end
    peak_slide_error: float = 0.0  # m, of joints that slide

    @property
    def goal_met(self) -> bool:
        """Whether the plan ran to its end and every predicate of its goal holds."""
        return self.completed and all(result.met for result in self.goal)


@dataclass(frozen=True, slots=True)
class Joint:
    """One joint as measured: rad, rad/s, N.m, Cel, V; m, m/s and N where it slides."""

    name: str
    position: float
    velocity: float
    effort: float
    setpoint: float
    temperature: float
    voltage: float
    moving: bool
    torque_enabled: bool
    noise: float | None = None  # standard deviation of the position, standing; None: not measured
    unit: str = "rad"  # of the position; "m" where it slides


@dataclass(frozen=True, slots=True)
class Counters:
    """What the loop counted since it started; ``rate`` in Hz."""

    ticks: int = 0
    overruns: int = 0
    late_reads: int = 0
    retries: int = 0
    clamps: int = 0
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class CellState:
    """The measured state of the cell at ``time_ns`` (monotonic), ``age`` [s] when sent."""

    time_ns: int
    age: float
    mode: Mode
    reason: str
    fault_code: str
    joints: tuple[Joint, ...]
    tcp_position: tuple[float, ...]  # m, world frame
    holding: bool  # felt by the jaw's position and effort
    loop: Counters
    leases: tuple[Lease, ...]
    reflexes: tuple[str, ...]  # that fired, and are latched until a reset
    speed_scale: float  # of the checked speed, that slowing reflexes leave
    progress: float  # of the running plan, 0 to 1
    plan_digest: str  # of the running plan; empty while nothing runs

    def positions(self) -> dict[str, float]:
        """Measured joint positions [rad] by name."""
        return {joint.name: joint.position for joint in self.joints}


@dataclass(frozen=True, slots=True)
class Tool:
    """One operation that an agent sees. Schemas are JSON Schema, units as UCUM under "unit"."""

    name: str
    description: str
    effect: str  # observe, move or configure
    device: str
    input_schema: dict[str, Any] = field(default_factory=dict)
    output_schema: dict[str, Any] = field(default_factory=dict)
    needs_approval: bool = False  # every call of it, by a person


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded camera frame, captured at ``time_ns`` (monotonic), ``age`` [s] when sent."""

    camera: str
    sequence: int
    time_ns: int
    age: float
    width: int
    height: int
    format: str  # jpeg or png
    image: bytes


@dataclass(frozen=True, slots=True)
class CellDescription:
    """The cell as its clients see it: geometry, limits, objects, regions, obstacles."""

    name: str
    digest: str
    cell: dict[str, Any]
    notices: tuple[str, ...]  # warnings that every user should read


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in the cell's mailbox. ``time`` [s] since the epoch."""

    number: int
    time: float
    sender: str  # as it says of itself
    recipient: str
    text: str
    by_operator: bool = False  # it came by the operator's socket
    answers: int = 0  # number of the mail that it answers; 0 where none
