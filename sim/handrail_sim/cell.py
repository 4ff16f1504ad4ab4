"""The cell: one workcell as one TOML file. These models are its whole vocabulary.

All quantities are SI (m, rad, s, kg, N, N.m, Cel). Nothing here opens a device.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from handrail_drivers.reflex import Box, Category
from pydantic import Field

from handrail_sim.arm import Arm, JointLimits
from handrail_sim.camera import Camera
from handrail_sim.demands import Approval, Check, Permits
from handrail_sim.policy.declared import Policy
from handrail_sim.section import Name, Positive, Section, Vector
from handrail_sim.sight import Perception

FASTEST = 1000  # Hz of a loop
RULES = 54  # reflexes and zones that a loop watches at most: it has a bit for each


class WithoutPower(StrEnum):
    """What a device does when its power or torque goes."""

    HOLDS = "holds"
    FALLS = "falls"
    COASTS = "coasts"


class Device(Section):
    """One configured instance of a driver."""

    driver: str = Field(description="entry point name in the group handrail.drivers")
    without_power: WithoutPower = Field(description="what happens when power goes")
    rate: Annotated[int, Field(ge=10, le=FASTEST)] | None = Field(
        default=None, description="Hz of its own loop or polling; none: the loop's, 100 for inputs"
    )
    cpu: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="the core of its own loop; none: the loop's"
    )
    late_reads: Annotated[int, Field(ge=1, le=20)] | None = Field(
        default=None, description="late reads in a row that stop its own loop; none: the loop's"
    )
    silence: Positive | None = Field(
        default=None, description="s without a whole reading that stop its loop; none: the loop's"
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="the driver's own settings, see `handrail cell schema`"
    )
    twin: dict[str, Any] | None = Field(
        default=None,
        description="what the twin has in its place: kind, an entry point name in the group "
        "handrail.wires, and its settings; none: the kind with the driver's name, if there is one",
    )


class SceneObject(Section):
    """A movable thing that the camera can find. Boxes only, for now."""

    color: Literal["red", "green", "blue", "yellow"]
    size: Vector = Field(description="full edge lengths [m]")
    mass: Positive = Field(description="kg")
    body: str = Field(description="its body in the world's model")
    goes_to: Name | None = Field(default=None, description="region where the task wants it")
    start: Vector | None = Field(
        default=None, description="m, about where the twin puts it; none: anywhere in reach"
    )


class Region(Section):
    """A box in the world's frame where things can be: bin, tray, table area."""

    center: Vector = Field(description="m")
    size: Vector = Field(description="full edge lengths [m], in its own frame")
    yaw: float = Field(default=0.0, description="rad about world z")
    color: Literal["red", "green", "blue", "yellow"] | None = None
    body: str | None = Field(default=None, description="body that forms it, such as a bin")
    weight: str | None = Field(
        default=None, description="sensor [kg] of a scale under it, as device.register"
    )


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


class World(Section):
    """The MuJoCo model of the cell and how the twin stands in for hardware."""

    model: str = Field(description="MJCF file, beside the cell file or shipped with Handrail")
    timestep: Positive = Field(default=0.002, description="s")
    joints: dict[Name, str] = Field(
        default_factory=dict,
        description="what the model calls joints that the cell has to call otherwise, by the "
        "cell's name",
    )
    shown_only: tuple[str, ...] = Field(
        default=(),
        description="bodies of the robot (its base, a rigid hand) of which no shape collides with "
        "anything, and that this is meant: no check finds what hits them",
    )
    perturbation: bool = Field(
        default=True, description="the truth differs from the belief by a hidden draw per seed"
    )


class Loop(Section):
    """The realtime loop."""

    rate: Annotated[int, Field(ge=50, le=FASTEST)] = Field(default=250, description="Hz")
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
    slide_tube: Positive = Field(default=0.015, description="m, likewise, of joints that slide")
    heartbeat: Positive = Field(default=0.25, description="s without the bridge's sign of life")
    stop_time: Positive = Field(default=0.15, description="s from full speed to a held stop")

    def tube_of(self, limits: JointLimits) -> float:
        """Return the tube of a joint [rad], or [m] where it slides."""
        return self.slide_tube if limits.unit == "m" else self.tube


class Cell(Section):
    """One workcell."""

    name: Name
    description: str
    world: World
    devices: dict[Name, Device]
    arm: Arm
    cameras: dict[Name, Camera] = Field(default_factory=dict)
    perception: dict[Name, Perception] = Field(
        default_factory=dict, description="what models see in the cameras' pictures"
    )
    policies: dict[Name, Policy] = Field(
        default_factory=dict, description="models that may be the controller, by name"
    )
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
