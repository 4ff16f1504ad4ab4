"""What about a plan that passed makes the cell ask a person, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import mujoco
import numpy as np

from handrail_sim.cell import Cell, ZoneKind
from handrail_sim.check.grips import Fingers
from handrail_sim.check.pressure import Pressure
from handrail_sim.check.story import Story
from handrail_sim.check.zones import Zones
from handrail_sim.plan import MoveJoints, Plan, Step


class Asks:
    """Finds what the cell's ``[approval]`` and its zones of the kind ``ask`` speak of."""

    def __init__(self, cell: Cell, model: mujoco.MjModel) -> None:
        self._approval = cell.approval
        self._jaw = cell.arm.gripper
        asking = {name: zone for name, zone in cell.zones.items() if zone.kind == ZoneKind.ASK}
        self._zones = Zones(cell, asking)
        self._pressure = Pressure(cell, model, Fingers(cell, model))

    def find(self, plan: Plan, story: Story) -> tuple[str, ...]:
        """Return why a person has to approve a plan; nothing where nobody has to."""
        motion, places = self._motion(story), self._places(story)
        return (*self._plans(plan), *motion, *self._forces(story), *places)

    def _plans(self, plan: Plan) -> Iterator[str]:
        if self._approval.always:
            yield "Every plan of this cell needs approval."
        for index, step in enumerate(plan.steps):
            if step.tool in self._approval.tools:
                yield f"Step {index} is {step.tool}, which needs approval."
            elif "gripper_set" in self._approval.tools and self._jaw in _joints(step):
                yield f"Step {index} moves {self._jaw} as gripper_set does, which needs approval."

    def _motion(self, story: Story) -> Iterator[str]:
        approval, rate = self._approval, story.timeline.rate
        speeds = np.linalg.norm(np.diff(story.look.path, axis=0), axis=1) * rate
        fastest, highest = int(np.argmax(speeds)), int(np.argmax(story.look.path[:, 2]))
        if approval.speed is not None and speeds[fastest] > approval.speed:
            yield (
                f"{_when(story, fastest + 1)} the TCP moves at {speeds[fastest]:.2f} m/s; "
                f"above {approval.speed:g} m/s it needs approval."
            )
        height = float(story.look.path[highest, 2])
        if approval.height is not None and height > approval.height:
            yield (
                f"{_when(story, highest)} the TCP is {height:.3f} m high; "
                f"above {approval.height:g} m it needs approval."
            )

    def _forces(self, story: Story) -> Iterator[str]:
        limit = self._approval.force
        if limit is None:
            return
        force, whose = self._pressure.hardest(story.run, story.grips)
        if force > limit:
            yield (f"Between {whose} there are {force:.1f} N; above {limit:g} N it needs approval.")

    def _places(self, story: Story) -> Iterator[str]:
        for name, row, link, _ in self._zones.entries(
            story.run, story.look, story.grips, story.timeline
        ):
            yield f"{_when(story, row)} {link} enters {name}, which needs approval."


def _joints(step: Step) -> Mapping[str, float]:
    return step.positions if isinstance(step, MoveJoints) else {}


def _when(story: Story, row: int) -> str:
    step, time = story.timeline.moment(row)
    return f"In step {step} at {time:.2f} s"
