"""The arm of a cell: its joints, their limits and servos, where its tool is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from handrail_sim.section import Name, Positive, Section, Vector

LEVER = 0.1  # m: on an axis that slides, an error of 1 mrad is one of 0.1 mm


class JointLimits(Section):
    """What must hold for one joint at every instant, rad and N.m; of one that slides m and N."""

    low: float
    high: float
    velocity: Positive = Field(description="rad/s (m/s)")
    acceleration: Positive = Field(description="rad/s2 (m/s2)")
    jerk: Positive = Field(description="rad/s3 (m/s3)")
    effort: Positive = Field(description="N.m (N)")
    unit: Literal["rad", "m"] = Field(default="rad", description="m: it slides")

    @property
    def effort_unit(self) -> str:
        """UCUM code of its effort."""
        return "N" if self.unit == "m" else "N.m"

    @property
    def lever(self) -> float:
        """What a small turn [rad] is worth in the joint's unit."""
        return LEVER if self.unit == "m" else 1.0


class Servo(Section):
    """The servo as the check believes it to be (facts: MuJoCo position actuator)."""

    stiffness: Positive = Field(description="N.m/rad (N/m), at the P gain that the driver writes")
    damping: Annotated[float, Field(ge=0)] = Field(description="N.m.s/rad (N.s/m), joint and drive")
    friction: Annotated[float, Field(ge=0)] = Field(description="N.m (N), dry")
    derivative: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="N.m.s/rad (N.s/m), of its controller on the velocity"
    )


class Frame(Section):
    """Where the TCP is, for a world's model that has no site there."""

    body: str = Field(description="of the world's model, that carries it")
    position: Vector = Field(default=(0.0, 0.0, 0.0), description="m, in the body's frame")
    quaternion: tuple[float, float, float, float] = Field(
        default=(1.0, 0.0, 0.0, 0.0), description="w x y z: +z approach, +x opening direction"
    )


class Tip(Section):
    """A point of a finger's pad."""

    body: str = Field(description="of the world's model: a finger")
    position: Vector = Field(description="m, in the body's frame")


class Tips(Section):
    """Where the fingers' tips are, for a world's model that has no sites there.

    The jaw's gap is the distance of ``moving`` from ``fixed`` along the TCP's x.
    """

    fixed: Tip = Field(
        description="puts the site `fixed_tip`; of the finger that follows, or stands"
    )
    moving: Tip = Field(description="puts the site `moving_tip`: of the finger with the joint")


class Arm(Section):
    """A serial arm: which joints, where its TCP is, what it may do; with a gripper or without.

    Without a device it can be checked, and not be moved.
    """

    device: Name | Literal[""] = Field(default="", description="the device whose bus moves it")
    joints: tuple[Name, ...] = Field(description="base to tip, as on the bus, gripper last apart")
    gripper: Name | None = Field(default=None, description="the jaw's joint, where it has one")
    fingers: Literal["one moves", "both move"] = Field(
        default="one moves",
        description="both: they close on the TCP; one: the TCP is 12.5 mm beside the other",
    )
    gripper_device: Name | None = Field(
        default=None, description="the jaw's device, where it has a bus of its own"
    )
    external: dict[Name, Name] = Field(
        default_factory=dict,
        description="external axes, such as a conveyor: the device that moves each joint",
    )
    axis: tuple[float, float] = Field(
        description="x y [m] of the first joint's axis; azimuth, radius and tilt are about it"
    )
    tcp: str = Field(description="site of the world's model: +z approach, +x opening direction")
    frame: Frame | None = Field(
        default=None, description="puts a site named `tcp` into a model that has none"
    )
    tips: Tips | None = Field(
        default=None, description="puts `fixed_tip` and `moving_tip` into a model without them"
    )
    limits: dict[str, JointLimits] = Field(description="by joint, gripper and external included")
    servo: dict[str, Servo] = Field(description="by joint")
    home: dict[str, float] = Field(description="joint positions [rad] ([m]) of arm_home")
    rest: dict[str, float] = Field(description="joint positions [rad] ([m]) at rest without torque")
    seeds: tuple[dict[str, float], ...] = Field(
        default=(),
        description="joint positions [rad] from which poses are sought; none: home and the middle",
    )
    payload: Positive | None = Field(default=None, description="kg that it may carry; none: any")
    jaw_open: float = Field(default=0.0, description="jaw position [rad] that counts as released")
    jaw_empty: float = Field(default=0.0, description="jaw closed below this [rad] holds nothing")
    hold_effort: Positive = Field(
        default=1.0, description="jaw effort [N.m] above which it holds something"
    )

    @property
    def all_joints(self) -> tuple[str, ...]:
        """Arm joints, the gripper and external axes, in bus order."""
        return (*self.joints, *self.jaw, *self.external)

    @property
    def jaw(self) -> tuple[str, ...]:
        """The gripper's joint, or none."""
        return () if self.gripper is None else (self.gripper,)

    @property
    def slides(self) -> frozenset[str]:
        """The joints that slide."""
        return frozenset(name for name, limits in self.limits.items() if limits.unit == "m")

    @property
    def buses(self) -> dict[str, tuple[str, ...]]:
        """The joints of each device that moves some, in bus order."""
        if not self.device:
            return {}
        found = {self.device: self.joints}
        jaw_device = self.gripper_device or self.device
        found[jaw_device] = (*found.get(jaw_device, ()), *self.jaw)
        for joint, device in self.external.items():
            found[device] = (*found.get(device, ()), joint)
        return found
