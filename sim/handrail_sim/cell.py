"""The cell: one workcell as one TOML file. These models are its whole vocabulary.

All quantities are SI (m, rad, s, kg, N, N.m, Cel). Nothing here opens a device.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from handrail_drivers.reflex import Box, Category
from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Vector = tuple[float, float, float]
ToolName = Literal[
    "arm_move_joints", "arm_move_to_pose", "gripper_set", "arm_home", "arm_rest", "wait"
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Section(BaseModel):
    """A part of the cell file: unknown keys and non-finite numbers are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WithoutPower(StrEnum):
    """What a device does when its power or torque goes."""

    HOLDS = "holds"
    FALLS = "falls"
    COASTS = "coasts"


class Device(Section):
    """One configured instance of a driver."""

    driver: str = Field(description="entry point name in the group handrail.drivers")
    without_power: WithoutPower = Field(description="what happens when power goes")
    rate: Annotated[int, Field(ge=10, le=1000)] | None = Field(
        default=None, description="Hz of its own loop or polling; none: the loop's, 100 for inputs"
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="the driver's own settings, see `handrail tools`"
    )


class JointLimits(Section):
    """What must hold for one joint at every instant. ``low``/``high`` in rad."""

    low: float
    high: float
    velocity: Positive = Field(description="rad/s")
    acceleration: Positive = Field(description="rad/s2")
    jerk: Positive = Field(description="rad/s3")
    effort: Positive = Field(description="N.m")


class Servo(Section):
    """The servo as the check believes it to be (facts: MuJoCo position actuator)."""

    stiffness: Positive = Field(description="N.m/rad, at the P gain that the driver writes")
    damping: Annotated[float, Field(ge=0)] = Field(description="N.m.s/rad, joint and drive")
    friction: Annotated[float, Field(ge=0)] = Field(description="N.m, dry")


class Arm(Section):
    """A serial arm with a gripper: which joints, where its TCP is, what it may do."""

    device: Name = Field(description="the device whose bus moves it")
    joints: tuple[Name, ...] = Field(description="base to tip, as on the bus, gripper last apart")
    gripper: Name = Field(description="the jaw's joint")
    gripper_device: Name | None = Field(
        default=None, description="the jaw's device, where it has a bus of its own"
    )
    axis: tuple[float, float] = Field(
        description="x y [m] of the first joint's axis; azimuth, radius and tilt are about it"
    )
    tcp: str = Field(description="site of the world's model: +z approach, +x opening direction")
    limits: dict[str, JointLimits] = Field(description="by joint, the gripper's included")
    servo: dict[str, Servo] = Field(description="by joint")
    home: dict[str, float] = Field(description="joint positions [rad] of arm_home")
    rest: dict[str, float] = Field(description="joint positions [rad] at rest without torque")
    jaw_open: float = Field(description="jaw position [rad] that counts as released above")
    jaw_empty: float = Field(description="jaw closed below this [rad] holds nothing")
    hold_effort: Positive = Field(description="jaw effort [N.m] above which it holds something")

    @property
    def all_joints(self) -> tuple[str, ...]:
        """Arm joints and the gripper, in bus order."""
        return (*self.joints, self.gripper)

    @property
    def buses(self) -> dict[str, tuple[str, ...]]:
        """The joints of each device that moves some, in bus order."""
        if self.gripper_device is None:
            return {self.device: self.all_joints}
        return {self.device: self.joints, self.gripper_device: (self.gripper,)}


class SceneObject(Section):
    """A movable thing that the camera can find. Boxes only, for now."""

    color: Literal["red", "green", "blue", "yellow"]
    size: Vector = Field(description="full edge lengths [m]")
    mass: Positive = Field(description="kg")
    body: str = Field(description="its body in the world's model")
    goes_to: Name | None = Field(default=None, description="region where the task wants it")


class Region(Section):
    """A box in the world's frame where things can be: bin, tray, table area."""

    center: Vector = Field(description="m")
    size: Vector = Field(description="full edge lengths [m], in its own frame")
    yaw: float = Field(default=0.0, description="rad about world z")
    color: Literal["red", "green", "blue", "yellow"] | None = None
    body: str | None = Field(default=None, description="body that forms it, such as a bin")


class Obstacle(Section):
    """A fixed thing that is only in the way, told to agents by name and size."""

    body: str
    center: Vector
    size: Vector = Field(description="full edge lengths [m]")
    yaw: float = 0.0


class ZoneKind(StrEnum):
    """What a zone means."""

    KEEP_OUT = "keep_out"
    KEEP_IN = "keep_in"
    SLOW = "slow"
    ASK = "ask"


WATCHED = (ZoneKind.KEEP_OUT, ZoneKind.KEEP_IN)  # by the loop


class Zone(Section):
    """A box in the world's frame that says where the arm may be, or how fast.

    The check holds plans against it with its margin, what the gripper carries included. The loop
    stops the arm where a link is where it may not be; it does not watch speeds in zones, nor where
    a person has to be asked.
    """

    kind: ZoneKind = Field(
        description="keep_out: no link in it; keep_in: none out of it; slow: in it at most "
        "`speed`; ask: a plan that enters it needs a person's approval"
    )
    center: Vector = Field(description="m")
    size: tuple[Positive, Positive, Positive] = Field(
        description="full edge lengths [m], in its own frame"
    )
    yaw: float = Field(default=0.0, description="rad about world z")
    margin: Annotated[float, Field(ge=0)] = Field(
        default=0.005, description="m that a plan has to leave"
    )
    speed: Positive | None = Field(
        default=None, description="m/s of any point of the arm; for the kind slow alone"
    )

    @property
    def box(self) -> Box:
        """Centre, size and yaw."""
        return self.center, self.size, self.yaw

    def rule(self) -> dict[str, Any]:
        """Return the reflex that watches it."""
        kind = "keep_out" if self.kind == ZoneKind.KEEP_OUT else "workspace"
        return {"kind": kind, "center": self.center, "size": self.size, "yaw": self.yaw}


class Camera(Section):
    """A calibrated camera that looks at the scene."""

    device: Name
    position: Vector = Field(description="m, world frame")
    quaternion: tuple[float, float, float, float] = Field(
        description="w x y z, MuJoCo camera frame (looks along -z, +y up)"
    )
    fovy: Positive = Field(description="vertical field of view [deg]")
    width: Annotated[int, Field(ge=64, le=4096)]
    height: Annotated[int, Field(ge=64, le=4096)]
    search: tuple[float, float, float, float] = Field(
        description="x_min x_max y_min y_max [m] of the table where objects are looked for"
    )


class World(Section):
    """The MuJoCo model of the cell and how the twin stands in for hardware."""

    model: str = Field(description="MJCF file, beside the cell file or shipped with Handrail")
    timestep: Positive = Field(default=0.002, description="s")
    perturbation: bool = Field(
        default=True, description="the truth differs from the belief by a hidden draw per seed"
    )


class Loop(Section):
    """The realtime loop."""

    rate: Annotated[int, Field(ge=50, le=1000)] = Field(default=250, description="Hz")
    cpu: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="the core that the loop alone should run on; none: any"
    )
    spin: Annotated[float, Field(ge=0, le=0.001)] = Field(
        default=0.0001, description="s at the end of every wait that are spent awake"
    )
    stop_category: Category = Field(
        default=2, description="of every stop (IEC 60204-1): 2 holds, 1 and 0 take power off"
    )
    late_reads: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="late reads in a row that make a protective stop"
    )
    silence: Positive = Field(
        default=0.015, description="s without a whole reading that make a protective stop"
    )
    tube: Positive = Field(default=0.15, description="rad, following error of any arm joint")
    heartbeat: Positive = Field(default=0.25, description="s without the bridge's sign of life")
    stop_time: Positive = Field(default=0.15, description="s from full speed to a held stop")


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
        default=0.005, description="m, in any direction, from where an object was seen"
    )
    turn: Annotated[float, Field(ge=0)] = Field(
        default=0.05, description="rad about the vertical, from how an object was seen to lie"
    )
    lateness: Annotated[float, Field(ge=0)] = Field(
        default=0.008, description="s by which a tick may be late, or a row be held by late reads"
    )
    margin: Annotated[float, Field(ge=1)] = Field(
        default=1.3, description="factor on the hull, which so few rollouts do not exhaust"
    )
    noise: Positive = Field(default=0.003, description="rad, measured: two counts of 4096")
    effort_noise: Positive = Field(default=0.02, description="N.m, measured: six counts of load")
    floor: Positive = Field(default=0.02, description="rad, the narrowest tube")
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
    table_clearance: Annotated[float, Field(ge=0)] = Field(default=0.0005, description="m")
    moved: Positive = Field(default=0.01, description="m that an untouched object may shift")
    force: Positive = Field(
        default=6.0, description="N, over 20 ms, between what the arm moves and what stands or lies"
    )
    grip_force: Positive = Field(default=60.0, description="N, between a finger and an object")
    forces: tuple[ForceLimit, ...] = Field(
        default=(), description="other limits, for single pairs of bodies"
    )
    planner: Literal["rrt_connect", "ompl"] = Field(
        default="rrt_connect", description="who finds ways round; ompl is an extra"
    )
    duration: Positive = Field(default=60.0, description="s, longest plan")
    settle: Positive = Field(default=0.4, description="s of rollout after the last setpoint")
    spread: Spread = Spread()


class Permits(Section):
    """Life and tolerance of a permit."""

    lifetime: Positive = Field(default=30.0, description="s")
    joint_drift: Positive = Field(default=0.03, description="rad")
    lease_heartbeat: Annotated[float, Field(ge=0.05)] = Field(default=2.0, description="s")


class Approval(Section):
    """Which plans that passed the check a person has to approve; without any of these, none.

    Zones of the kind ``ask`` demand it too.
    """

    always: bool = Field(default=False, description="every plan")
    speed: Positive | None = Field(default=None, description="m/s of the TCP, above which")
    height: float | None = Field(default=None, description="m of the TCP, above which")
    force: Positive | None = Field(
        default=None, description="N between what the arm moves and anything else, above which"
    )
    tools: tuple[ToolName, ...] = Field(default=(), description="a plan with a step of these")
    timeout: Positive = Field(default=60.0, description="s to be answered in; silence means no")


class Cell(Section):
    """One workcell."""

    name: Name
    description: str
    world: World
    devices: dict[Name, Device]
    arm: Arm
    cameras: dict[Name, Camera] = Field(default_factory=dict)
    objects: dict[Name, SceneObject] = Field(default_factory=dict)
    regions: dict[Name, Region] = Field(default_factory=dict)
    obstacles: dict[Name, Obstacle] = Field(default_factory=dict)
    zones: dict[Name, Zone] = Field(
        default_factory=dict, description="where the arm may be; checked, and watched by the loop"
    )
    reflexes: dict[Name, dict[str, Any]] = Field(
        default_factory=dict, description="rules of the loop, each of an installed kind"
    )
    loop: Loop = Loop()
    check: Check = Check()
    permits: Permits = Permits()
    approval: Approval = Approval()
    folder: Path = Field(default=Path(), exclude=True, description="set by the loader")

    @property
    def rules(self) -> dict[str, dict[str, Any]]:
        """What the loop watches, by name: the reflexes, then the zones."""
        places = {name: zone for name, zone in self.zones.items() if zone.kind in WATCHED}
        return {**self.reflexes, **{name: zone.rule() for name, zone in places.items()}}
