"""Inverse kinematics: joint positions that bring the TCP to a pose, or the nearest that do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import mink
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.plan import MoveToPose
from handrail_sim.world import Array, load_spec

POSITION_TOLERANCE = 0.001  # m
AXIS_TOLERANCE = math.radians(3.0)  # rad; five joints leave 0.4 mm of lateral offset
YAW_TOLERANCE = math.radians(6.0)  # rad
ITERATIONS = 60
STEP = 0.1  # s of one iteration
OTHER_TILTS = (0.0, 0.26, 0.52, 0.79, 1.05)  # rad, tried for a hint


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the solver ended. ``joints`` (5,) [rad]; errors in m and rad."""

    joints: Array
    position: tuple[float, float, float]
    position_error: float
    axis_error: float
    yaw_error: float

    @property
    def reached(self) -> bool:
        """Whether the pose was met within tolerance."""
        return (
            self.position_error < POSITION_TOLERANCE
            and self.axis_error < AXIS_TOLERANCE
            and self.yaw_error < YAW_TOLERANCE
        )


class Reach:
    """Solves poses of one cell's arm, on a model of the arm alone."""

    def __init__(self, cell: Cell) -> None:
        spec = load_spec(cell)
        for thing in cell.objects.values():
            spec.delete(spec.body(thing.body))
        self._model = spec.compile()
        self._count = len(cell.arm.joints)
        joints = [self._model.joint(name) for name in cell.arm.all_joints]
        self._qpos = [int(joint.qposadr[0]) for joint in joints]
        self._low = np.array([cell.arm.limits[name].low for name in cell.arm.joints])
        self._high = np.array([cell.arm.limits[name].high for name in cell.arm.joints])
        self._axis = cell.arm.axis
        self._task = mink.FrameTask(
            frame_name=cell.arm.tcp,
            frame_type="site",
            position_cost=1.0,
            orientation_cost=0.05,
            lm_damping=1e-4,
        )
        self._limits = [mink.ConfigurationLimit(self._model)]

    def solve(self, step: MoveToPose, present: Sequence[float]) -> Solution:
        """Return the best solution for a pose; ``present`` (6,) [rad] is tried first."""
        azimuth = self.azimuth(step.position)
        # Pointing down, the opening direction is azimuth + roll: no yaw means no turn.
        yaw = step.yaw if step.yaw is not None else azimuth + present[self._count - 1]
        best: Solution | None = None
        for seed in self._seeds(azimuth, yaw, present):
            found = self._descend(step, yaw, seed, present)
            if found.reached:
                return found
            if best is None or found.position_error < best.position_error:
                best = found
        if best is None:
            raise AssertionError("there is always a seed")
        return best

    def other_tilt(self, step: MoveToPose, present: Sequence[float]) -> float | None:
        """Return a tilt [rad] at which the position can be reached, or None."""
        for tilt in OTHER_TILTS:
            other = step.model_copy(update={"tilt": tilt})
            if abs(tilt - step.tilt) > 0.05 and self.solve(other, present).reached:
                return tilt
        return None

    def azimuth(self, position: Sequence[float]) -> float:
        """Return the direction [rad] of a point about the first joint's axis."""
        x, y = position[0] - self._axis[0], position[1] - self._axis[1]
        return math.atan2(y, x)

    def _seeds(self, azimuth: float, yaw: float, present: Sequence[float]) -> Iterator[Array]:
        roll = math.remainder(yaw - azimuth, 2 * math.pi)
        yield self._clip(np.array([-azimuth, -0.2, 0.3, 1.5, roll]))
        yield self._clip(np.array([-azimuth, -0.6, 0.3, 0.8, roll]))
        yield self._clip(np.array(present[: self._count]))
        yield np.zeros(self._count)

    def _clip(self, joints: Array) -> Array:
        clipped: Array = np.clip(joints, self._low + 0.02, self._high - 0.02)
        return clipped

    def _descend(
        self, step: MoveToPose, yaw: float, seed: Array, present: Sequence[float]
    ) -> Solution:
        target = self.frame(step.position, step.tilt, yaw)
        self._task.set_target(
            mink.SE3.from_rotation_and_translation(
                mink.SO3.from_matrix(target), np.array(step.position)
            )
        )
        q = np.zeros(self._model.nq)
        q[self._qpos[: self._count]] = seed
        q[self._qpos[-1]] = np.clip(present[-1], *self._model.jnt_range[-1])
        configuration = mink.Configuration(self._model, q)
        for _ in range(ITERATIONS):
            velocity = mink.solve_ik(
                configuration, [self._task], STEP, solver="daqp", limits=self._limits
            )
            configuration.integrate_inplace(velocity, STEP)
            if float(np.abs(velocity).max()) * STEP < 1e-5:
                break
        return self._judge(configuration, np.array(step.position), target)

    def _judge(self, configuration: mink.Configuration, position: Array, target: Array) -> Solution:
        site = configuration.data.site(self._task.frame_name)
        axes = site.xmat.reshape(3, 3)
        axis = math.acos(float(np.clip(axes[:, 2] @ target[:, 2], -1.0, 1.0)))
        turn = math.acos(float(np.clip(axes[:, 0] @ target[:, 0], -1.0, 1.0)))
        x, y, z = site.xpos.tolist()
        return Solution(
            joints=configuration.q[self._qpos[: self._count]].copy(),
            position=(x, y, z),
            position_error=float(np.linalg.norm(site.xpos - position)),
            axis_error=axis,
            yaw_error=turn,
        )

    def frame(self, position: Sequence[float], tilt: float, yaw: float) -> Array:
        """Return the TCP's axes as columns (3, 3): +z approach, +x opening direction."""
        azimuth = self.azimuth(position)
        lean = math.sin(tilt)
        approach = np.array([lean * math.cos(azimuth), lean * math.sin(azimuth), -math.cos(tilt)])
        level = np.array([math.cos(yaw), math.sin(yaw), 0.0])
        opening = level - (level @ approach) * approach
        opening /= np.linalg.norm(opening)
        return np.column_stack([opening, np.cross(approach, opening), approach])
