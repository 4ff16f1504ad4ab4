"""What the check of one plan found: violations, margins, goal, trajectory.

The trajectory is what the loop will play, number for number; its digest goes
into the permit.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class ViolationKind(StrEnum):
    """What a plan can do wrong."""

    UNREACHABLE = "unreachable"
    SINGULARITY = "singularity"
    NO_WAY = "no_way"
    JOINT_POSITION = "joint_position"
    JOINT_VELOCITY = "joint_velocity"
    JOINT_ACCELERATION = "joint_acceleration"
    JOINT_JERK = "joint_jerk"
    JOINT_EFFORT = "joint_effort"
    COLLISION = "collision"
    CLEARANCE = "clearance"
    DROPPED = "dropped"
    DISPLACED = "displaced"
    GOAL = "goal"
    EXPECTATION = "expectation"
    DURATION = "duration"
    TRACKING = "tracking"
    START = "start"
    FORCE = "force"
    PAYLOAD = "payload"
    ZONE = "zone"
    ZONE_SPEED = "zone_speed"
    ROBUSTNESS = "robustness"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding. ``limit`` and ``value`` share ``unit`` (UCUM); ``sentence`` is for a model."""

    kind: ViolationKind
    step: int  # index into the plan's steps; -1 where no step is to blame
    time: float  # s from the plan's start
    subject: str  # joint, pair of bodies, object, predicate
    value: float
    limit: float
    unit: str
    sentence: str
    hint: str = ""
    detail: dict[str, Any] = field(default_factory=dict)  # such as obstacle sizes, nearest pose


@dataclass(frozen=True, slots=True)
class PolicyPart:
    """The rows of a trajectory, from ``first`` to its end, that a policy makes as they come.

    What is played there is its answers to what is measured; what stands in the rows is what it
    made of the check's rollout. Beyond the bounds, by joint of the arm, a loop stops: measured
    velocity [rad/s] and effort [N.m], and the box ``low`` to ``high`` [m] that the TCP stays in.
    """

    policy: str
    sha256: str
    first: int
    speed: float  # fraction of the joints' velocity limits
    target: tuple[float, ...]
    thing: tuple[float, ...]  # x y z 1, or four zeros
    velocity: tuple[float, ...] = ()
    effort: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Setpoints at the loop's rate, joints in bus order. All arrays are (rows, joints).

    ``hold`` [rad] is the command that would hold the arm at that row's reference (reference plus
    load compensation); ``lead`` [rad] is the velocity feed-forward added while moving at full
    speed. The loop writes ``hold + speed_scale * lead``. ``predicted`` and ``effort`` are what the
    rollout saw of the joints [rad] and servos [N.m]; ``band`` and ``effort_band`` are the tube: how
    far the measured may be from them, infinite where nothing can be said. ``step_rows[i]`` is the
    first row of step i, with the total row count last. Where there is a ``policy``, the last rows
    are its own.
    """

    rate: int
    joints: tuple[str, ...]
    hold: Array
    lead: Array
    predicted: Array
    effort: Array
    band: Array
    effort_band: Array
    step_rows: tuple[int, ...]
    policy: PolicyPart | None = None

    @property
    def blocks(self) -> tuple[Array, ...]:
        """Every number by row, in the order in which they are digested and sent."""
        return self.hold, self.lead, self.predicted, self.effort, self.band, self.effort_band

    def part(self, joints: slice) -> Trajectory:
        """Return the columns of some joints; a policy's are the first of all."""
        hold, lead, predicted, effort, band, effort_band = (b[:, joints] for b in self.blocks)
        return replace(
            self,
            joints=self.joints[joints],
            hold=hold,
            lead=lead,
            predicted=predicted,
            effort=effort,
            band=band,
            effort_band=effort_band,
            policy=self.policy if joints.start == 0 else None,
        )

    @property
    def rows(self) -> int:
        """Number of setpoints."""
        return int(self.hold.shape[0])

    @property
    def duration(self) -> float:
        """Length [s]."""
        return self.rows / self.rate

    def heading(self) -> bytes:
        """Return what is digested before the numbers."""
        policy = json.dumps(asdict(self.policy), sort_keys=True) if self.policy else ""
        return f"{self.rate}|{','.join(self.joints)}|{self.step_rows}|{policy}".encode()

    def digest(self) -> str:
        """SHA-256 over rate, joints, policy and every number that will be played."""
        sha = hashlib.sha256(self.heading())
        for block in self.blocks:
            sha.update(np.ascontiguousarray(block, dtype="<f8").tobytes())
        return sha.hexdigest()


@dataclass(frozen=True, slots=True)
class ObjectBelief:
    """Where the bridge believes an object to be, world frame.

    ``held_pose`` is its pose in the TCP frame while held (7 numbers: x y z qw qx qy qz).
    ``source``: ``seen``, ``predicted``, or ``unknown`` (then the pose means nothing).
    ``covariance`` [m2] is that of its place in the table's plane, xx, xy, yy, and ``turn_sigma``
    [rad] the standard deviation of its turn, as perception reported them; zeros where nobody has.
    """

    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]
    source: str
    time_ns: int
    held_pose: tuple[float, ...] | None = None
    covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn_sigma: float = 0.0

    @property
    def is_lost(self) -> bool:
        """Whether nobody knows where it is."""
        return self.source == "unknown" and self.held_pose is None

    @property
    def sigma(self) -> float:
        """Standard deviation [m] of its place, in the direction in which that is the largest."""
        xx, xy, yy = self.covariance
        return math.sqrt((xx + yy) / 2 + math.hypot((xx - yy) / 2, xy))


@dataclass(frozen=True, slots=True)
class StartState:
    """From where a plan is checked: joints as measured, commands as they stand, belief.

    ``position`` and ``command`` [rad] run in bus order (arm joints, then the gripper). So do
    ``noise`` [rad, or m] and ``effort_noise`` [N.m], the standard deviations of what was read while
    the arm stood; empty where nobody has measured them yet.
    """

    position: tuple[float, ...]
    command: tuple[float, ...]
    objects: dict[str, ObjectBelief]
    sensors: dict[str, float] = field(default_factory=dict)  # readings by name
    noise: tuple[float, ...] = ()
    effort_noise: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class GoalResult:
    """One predicate, evaluated.

    ``predicted`` where nobody has measured it: in a rollout, and for things that no camera has seen
    since a plan moved them.
    """

    predicate: str
    met: bool
    sentence: str
    predicted: bool = False


@dataclass(frozen=True, slots=True)
class Robustness:
    """In how many other worlds the plan passes; ``worst`` says in words where it does worst."""

    passed: int
    worlds: int
    worst: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole finding. ``trajectory`` is present only where ``passed``.

    ``robustness`` is None where the plan fails in the believed world already.
    """

    passed: bool
    plan_digest: str
    violations: tuple[Violation, ...]
    goal: tuple[GoalResult, ...]
    duration: float  # s
    clearance: float | None  # m, smallest seen; None where nothing came near
    clearance_pair: str
    peak_velocity: dict[str, float]  # rad/s, or m/s where one slides
    peak_effort: dict[str, float]  # N.m, or N
    check_time: float  # s of wall clock
    trajectory: Trajectory | None
    end_objects: dict[str, ObjectBelief]  # the belief after execution, predicted
    path: Array | None = None  # (n, 3) TCP positions [m], for pictures
    on_the_way: tuple[dict[str, ObjectBelief], ...] = ()  # the belief at each step's end, predicted
    robustness: Robustness | None = None
    asks: tuple[str, ...] = ()  # why a person has to approve it, a sentence each
    unseen: tuple[str, ...] = ()  # objects of unknown place: played as if they were not there
