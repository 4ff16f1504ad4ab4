"""The bridge's own observing tools: what an agent can learn without moving anything."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Annotated, Any

from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.camera.driver import CameraDriver
from handrail_drivers.errors import Refused
from handrail_sim.camera import Camera, Lens
from handrail_sim.cell import Cell
from handrail_sim.check.predicates import evaluate
from handrail_sim.plan import as_json
from handrail_sim.predicates import Predicate
from handrail_sim.regions import region_of
from handrail_sim.verdict import ObjectBelief
from pydantic import BaseModel, Field

from handrail_bridge.loop.state import LoopState
from handrail_bridge.parsing import require_name
from handrail_bridge.perception.eyes import Eyes
from handrail_bridge.perception.recognise import recognised
from handrail_bridge.rail.measured import age, fresh
from handrail_bridge.rail.rail import Rail
from handrail_bridge.rail.requests import names_of, require_names, require_timeless
from handrail_bridge.rail.situation import RUNNING
from handrail_bridge.vision import blobs

FRAME = 3.0  # s to wait for a frame captured after the question
Metres = Annotated[float, Unit("m")]
Radians = Annotated[float, Unit("rad")]
Point = tuple[Metres, Metres, Metres]


class ObjectReport(BaseModel):
    """One object of the cell, as the bridge believes it to be."""

    color: str
    size: Annotated[Point, Field(description="full edge lengths")]
    source: Annotated[str, Field(description="seen, predicted or unknown")]
    position: Annotated[Point | None, Field(description="centre, world frame")] = None
    yaw: Annotated[Radians | None, Field(description="about world z, faces repeat each 90 deg")] = (
        None
    )
    age: Annotated[float | None, Unit("s")] = None
    sigma: Annotated[
        Metres | None, Field(description="standard deviation of its place; none: nobody says")
    ] = None
    turn_sigma: Annotated[
        Radians | None, Field(description="standard deviation of its yaw; none: nobody says")
    ] = None
    held: bool = False
    region: Annotated[str | None, Field(description="region of the cell that it lies in")] = None


class Look(BaseModel):
    """What a look found, and what is believed of the rest."""

    camera: str
    time_ns: int
    objects: dict[str, ObjectReport]


class JointReport(BaseModel):
    """One joint as measured."""

    position: Annotated[float, Field(description="rad (m where it slides)")]
    velocity: Annotated[float, Field(description="rad/s (m/s)")]
    effort: Annotated[float, Field(description="N.m (N)")]
    temperature: Annotated[float, Unit("Cel")]
    voltage: Annotated[float, Unit("V")]


class ArmState(BaseModel):
    """The arm as measured."""

    time_ns: int
    age: Annotated[float, Unit("s")]
    mode: str
    reason: str
    joints: dict[str, JointReport]
    tcp: Annotated[Point, Field(description="tool centre point, world frame")]
    gap: Annotated[Metres, Field(description="between the gripper's pads")]
    holding: Annotated[bool, Field(description="felt by the jaw's position and effort")]


class CameraReport(BaseModel):
    """A calibrated camera."""

    position: Annotated[Point, Field(description="world frame")]
    quaternion: Annotated[
        tuple[float, float, float, float],
        Field(description="w x y z; the camera looks along its -z, +y is up"),
    ]
    fovy: Annotated[float, Unit("deg"), Field(description="vertical field of view")]
    lens: Annotated[Lens | None, Field(description="none: a pinhole of that field of view")] = None
    width: Annotated[int, Unit("{pixel}")]
    height: Annotated[int, Unit("{pixel}")]
    search: Annotated[
        tuple[Metres, Metres, Metres, Metres],
        Field(description="x_min x_max y_min y_max where objects are looked for"),
    ]


class PredicateResult(BaseModel):
    """Whether one predicate holds."""

    predicate: str
    met: bool
    sentence: Annotated[str, Field(description="what is so")]


class PredicateResults(BaseModel):
    """Which predicates hold, in the order of asking."""

    time_ns: int
    results: tuple[PredicateResult, ...]


class Senses:
    """The observing tools of the bridge.

    ``cameras`` are the open ones, by camera name; ``eyes`` the running pipelines, by name.
    """

    def __init__(
        self, rail: Rail, cameras: dict[str, CameraDriver], eyes: Mapping[str, Eyes] | None = None
    ) -> None:
        self._rail = rail
        self._cell: Cell = rail.cell
        self.cameras = cameras
        self._eyes = eyes or {}

    @tool(Effect.OBSERVE)
    def cell_describe(self) -> dict[str, Any]:
        """Describe the cell: arm, limits, home, objects, regions, obstacles, cameras. SI units."""
        return describe(self._cell)

    @tool(Effect.OBSERVE)
    async def look(self, camera: str = "") -> Look:
        """Look for the cell's objects on a fresh frame; the arm should not hide them.

        What should be in the camera's search area and is not found is unknown afterwards.
        While a plan runs, a thing that it does not move and that is seen elsewhere ends it; the
        answer is what was believed before. ``camera`` may be left out where the cell has one.
        """
        name = self._name(camera)
        motion, belief = self._rail.running, self._rail.situation.belief
        if motion is None and self._rail.loop_state().mode in RUNNING:
            raise Refused("The arm is being stopped: it hides things.", hint="look after it")
        newest = _newest(self._rail.loop_state())
        before = motion.resting(self._rail.loop_state()) if motion else {}
        found, time_ns = await self._find(name)
        if _newest(self._rail.loop_state()) != newest:
            raise Refused("Another plan began meanwhile.", hint="look again")
        if motion is not None:
            after = motion.resting(self._rail.loop_state())
            resting = {thing: place for thing, place in after.items() if thing in before}
            if why := belief.strayed(found, resting):
                self._rail.world_changed(why)
        else:
            belief.feel(self._rail.situation.measured.holding(self._rail.loop_state()))
            belief.look(found, self._cell.cameras[name], time_ns)
        return Look(camera=name, time_ns=time_ns, objects=self._objects())

    async def _find(self, camera: str) -> tuple[list[blobs.Detection], int]:
        """Return what is found on a frame captured from now on, and when [ns] that was."""
        now = time.monotonic_ns()
        for name, pipeline in self._cell.perception.items():
            if pipeline.camera == camera and pipeline.colors:
                seen = await asyncio.to_thread(self._eyes[name].newest, now, timeout_s=FRAME)
                searched = self._cell.cameras[camera].search
                return recognised(seen, pipeline.colors, searched), seen.time_ns
        frame = await asyncio.to_thread(self.cameras[camera].newest, now, timeout_s=FRAME)
        model, things = self._cell.cameras[camera], dict(self._cell.objects)
        found = await asyncio.to_thread(blobs.find_objects, frame.image, model, things)
        return found, frame.time_ns

    @tool(Effect.OBSERVE)
    def arm_state(self) -> ArmState:
        """Return joints, tool centre point, gripper gap, and whether the gripper holds."""
        state = fresh(self._rail.loop_state())
        measured = self._rail.situation.measured
        report = self._rail.state()
        return ArmState(
            time_ns=state.time_ns,
            age=age(state.time_ns),
            mode=report.mode.name.lower(),
            reason=report.reason,
            joints={
                joint.name: JointReport(
                    position=joint.position,
                    velocity=joint.velocity,
                    effort=joint.effort,
                    temperature=joint.temperature,
                    voltage=joint.voltage,
                )
                for joint in report.joints
            },
            tcp=measured.tcp(state.position),
            gap=measured.gap(state),
            holding=report.holding,
        )

    @tool(Effect.OBSERVE)
    def evaluate(
        self, predicates: Annotated[tuple[Predicate, ...], Field(min_length=1, max_length=16)]
    ) -> PredicateResults:
        """Tell which predicates hold now: of what is measured, and of what the last look found.

        They are those of a plan's goal. It takes no picture: look first where objects matter.
        """
        names = names_of(self._cell)
        for index, predicate in enumerate(predicates):
            require_names(predicate, names, f"predicates[{index}]")
            require_timeless(predicate, f"predicates[{index}]")
        state, now = fresh(self._rail.loop_state()), self._rail.situation
        believed = now.belief.objects
        view = now.measured.view(state, believed, believed, now.sensors())
        found = [evaluate(predicate, view) for predicate in predicates]
        results = [
            PredicateResult(predicate=r.predicate, met=r.met, sentence=r.sentence) for r in found
        ]
        return PredicateResults(time_ns=state.time_ns, results=tuple(results))

    @tool(Effect.OBSERVE)
    def camera_describe(self, camera: str = "") -> CameraReport:
        """Return a camera's pose, field of view, size and search area."""
        model: Camera = self._cell.cameras[self._name(camera)]
        return CameraReport(**model.model_dump(exclude={"device", "rate"}))

    def _name(self, camera: str) -> str:
        if not camera and len(self.cameras) == 1:
            return next(iter(self.cameras))
        require_name("camera", camera, self.cameras, "camera")
        return camera

    def _objects(self) -> dict[str, ObjectReport]:
        believed = self._rail.situation.belief.objects
        return {name: self._object(name, thing) for name, thing in believed.items()}

    def _object(self, name: str, thing: ObjectBelief) -> ObjectReport:
        model = self._cell.objects[name]
        report = ObjectReport(color=model.color, size=model.size, source=thing.source)
        if thing.source == "unknown":
            return report
        return report.model_copy(
            update={
                "position": thing.position,
                "yaw": _yaw(thing.quaternion),
                "age": age(thing.time_ns),
                "sigma": thing.sigma or None,
                "turn_sigma": thing.turn_sigma or None,
                "held": thing.held_pose is not None,
                "region": region_of(self._cell, thing.position),
            }
        )


def describe(cell: Cell) -> dict[str, Any]:
    """Return what an agent may know of the cell, as JSON values; no ports, no addresses."""
    return as_json(cell.model_copy(update={"devices": {}}))


def _yaw(quaternion: tuple[float, float, float, float]) -> float:
    w, x, y, z = quaternion
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _newest(state: LoopState) -> int:
    """Return the number of the motion that runs, or of the one that was the last to end."""
    return state.motion_id or state.ended_motion_id
