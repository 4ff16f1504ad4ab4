"""Inverse kinematics: joint positions that bring the TCP to a pose, or the nearest that do."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import mink
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check import tcp_turn
from handrail_sim.plan import MoveToPose
from handrail_sim.world import Array, load_spec

Fits = Callable[[Array], bool]  # whether joints (n,) [rad] leave the arm room
POSITION_TOLERANCE = 0.001  # m
AXIS_TOLERANCE = math.radians(3.0)  # rad; five joints leave 0.4 mm of lateral offset
TURN_TOLERANCE = math.radians(6.0)  # rad
ITERATIONS = 60
STEP = 0.1  # s of one iteration
OTHER_TILTS = (0.0, 0.26, 0.52, 0.79, 1.05)  # rad, tried where a pose is out of reach
HALVINGS = 7  # of the way to a pose out of reach, to find how far the arm gets
DRAWN_BACK = (0.97, 0.93, 0.88, 0.8, 0.7, 0.6, 0.45, 0.3, 0.2, 0.1)  # of that, without room there
FAR = 1.5  # m: the way is not followed farther
DIGITS = 4  # of a pose that is proposed
PLANAR = 5  # joints: with more there are several ways to be at a pose
SCATTERED = 8  # beginnings for those
ASIDE = 0.01  # rad


@dataclass(frozen=True, slots=True)
class Base:
    """Joints (n,) [rad] to begin with, and the TCP's azimuth and twist [rad] there."""

    joints: Array
    azimuth: float
    twist: float


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the solver ended. ``joints`` (5,) [rad]; ``position`` [m]; errors in m and rad."""

    joints: Array
    position: tuple[float, float, float]
    position_error: float
    axis_error: float
    turn_error: float

    @property
    def reached(self) -> bool:
        """Whether the pose was met within tolerance."""
        return (
            self.position_error < POSITION_TOLERANCE
            and self.axis_error < AXIS_TOLERANCE
            and self.turn_error < TURN_TOLERANCE
        )


class Reach:
    """Solves poses of one cell's arm, on a model in which nothing else moves.

    Inside, a gripper's turn is its twist (:mod:`handrail_sim.check.tcp_turn`), not its yaw.
    """

    def __init__(self, cell: Cell) -> None:
        spec = load_spec(cell)
        for thing in cell.objects.values():
            for joint in spec.body(thing.body).joints:
                spec.delete(joint)  # and not the body: lights and cameras may look at it
        for name in cell.arm.joints:
            spec.joint(name).range = (cell.arm.limits[name].low, cell.arm.limits[name].high)
        model = spec.compile()
        self._count = len(cell.arm.joints)
        self._qpos = [int(model.joint(name).qposadr[0]) for name in cell.arm.all_joints]
        self._low = np.array([cell.arm.limits[name].low for name in cell.arm.joints])
        self._high = np.array([cell.arm.limits[name].high for name in cell.arm.joints])
        self._range = np.array([model.joint(name).range for name in cell.arm.all_joints])
        self._axis = cell.arm.axis
        self._tcp = cell.arm.tcp
        self._to_pose = _task(self._tcp, orientation_cost=0.05)
        self._to_point = _task(self._tcp, orientation_cost=0.001)
        self._limits = [mink.ConfigurationLimit(model)]
        self._configuration = mink.Configuration(model, np.zeros(model.nq))
        self._middle = (self._low + self._high) / 2
        self._bases = [self._base(cell, seed) for seed in cell.arm.seeds or (cell.arm.home,)]
        self._turns = self._turning(self._bases[0].joints)
        self._spread = self._scattered() if self._count > PLANAR else []

    def solve(self, step: MoveToPose, present: Sequence[float]) -> Solution:
        """Return the best solution for a pose, from joints ``present`` (j,) [rad]."""
        azimuth = self.azimuth(step.position)
        twist = self._wanted_twist(step, azimuth, present)
        best: Solution | None = None
        for seed in self._seeds(azimuth, twist, present):
            found = self._descend(step, azimuth, twist, seed, present)
            if found.reached:
                return found
            if best is None or found.position_error < best.position_error:
                best = found
        if best is None:
            raise AssertionError("there is always a seed")
        return best

    def nearest(self, step: MoveToPose, present: Sequence[float], fits: Fits) -> MoveToPose | None:
        """Return a pose near one out of reach that passes: same position first, or None."""
        for pose in itertools.chain(self._turned(step), self._on_the_way(step, present)):
            found = self.solve(pose, present)
            if found.reached and fits(found.joints):
                return pose
        return None

    def azimuth(self, position: Sequence[float]) -> float:
        """Return the direction [rad] of a point about the first joint's axis."""
        x, y = position[0] - self._axis[0], position[1] - self._axis[1]
        return math.atan2(y, x)

    def _turned(self, step: MoveToPose) -> Iterator[MoveToPose]:
        """The same position with the jaw turned round, then with other tilts."""
        if step.yaw is not None:
            round_ = math.remainder(step.yaw + math.pi, 2 * math.pi)
            yield step.model_copy(update={"yaw": round(round_, DIGITS)})
        for tilt in sorted(OTHER_TILTS, key=lambda tilt: abs(tilt - step.tilt)):
            if abs(tilt - step.tilt) > AXIS_TOLERANCE:
                yield step.model_copy(update={"tilt": tilt})

    def _on_the_way(self, step: MoveToPose, present: Sequence[float]) -> list[MoveToPose]:
        """How far the arm gets from its middle towards a pose, at whatever tilt; farthest first."""
        azimuth = self.azimuth(step.position)
        twist = self._wanted_twist(step, azimuth, present)
        seed = next(self._seeds(azimuth, twist, present))
        target = tcp_turn.axes(azimuth, step.tilt, twist)
        self._place(seed, present)
        middle = self._site()[0]
        way = np.array(step.position) - middle
        way *= min(1.0, FAR / float(np.linalg.norm(way)))
        found: dict[float, MoveToPose] = {}
        near, far = 0.0, 1.0
        shares = [*[None] * HALVINGS, *DRAWN_BACK]
        for share in shares:
            part = (near + far) / 2 if share is None else share * near
            self._place(seed, present)
            self._iterate(self._to_point, middle + part * way, target)
            position, axes = self._site()
            if math.dist(position, middle + part * way) > POSITION_TOLERANCE:
                far = min(far, part)
                continue
            near, seed = max(near, part), self._joints()
            found[part] = self._pose(step, position, axes)
        return [found[part] for part in sorted(found, reverse=True)]

    def _wanted_twist(self, step: MoveToPose, azimuth: float, present: Sequence[float]) -> float:
        """No yaw means that the wrist does not turn."""
        if step.yaw is None:
            self._place(np.array(present[: self._count]), present)
            return self._twist(*self._site())
        return tcp_turn.twist_for(step.yaw, azimuth, step.tilt)

    def _seeds(self, azimuth: float, twist: float, present: Sequence[float]) -> Iterator[Array]:
        """Yield from where to begin: bases turned to the azimuth and the twist come first."""
        for base in self._bases:
            joints = base.joints.copy()
            first, last = self._turns
            joints[0] += first * math.remainder(azimuth - base.azimuth, 2 * math.pi)
            joints[-1] += last * math.remainder(twist - base.twist, 2 * math.pi)
            yield self._clip(joints)
        yield self._clip(np.array(present[: self._count]))
        yield self._middle
        yield from self._spread

    def _base(self, cell: Cell, seed: Mapping[str, float]) -> Base:
        joints = np.array([seed[name] for name in cell.arm.joints])
        return Base(joints, *self._direction(joints))

    def _direction(self, joints: Array) -> tuple[float, float]:
        """Return azimuth and twist [rad] of the TCP at joints (n,) [rad]."""
        self._place(joints, self._configuration.q[self._qpos].tolist())
        position, axes = self._site()
        return self.azimuth(position.tolist()), self._twist(position, axes)

    def _turning(self, joints: Array) -> tuple[float, float]:
        """Return how the first joint turns the azimuth, and the last one the twist: 1, -1 or 0."""
        turns = []
        for joint, angle in ((0, 0), (self._count - 1, 1)):
            aside = joints.copy()
            aside[joint] += ASIDE
            change = self._direction(aside)[angle] - self._direction(joints)[angle]
            turn = math.remainder(change, 2 * math.pi) / ASIDE
            turns.append(float(round(turn)) if abs(abs(turn) - 1) < 0.1 else 0.0)
        return turns[0], turns[1]

    def _scattered(self) -> list[Array]:
        rng = np.random.default_rng(0)  # the same plan has the same motion
        return [rng.uniform(self._low, self._high) for _ in range(SCATTERED)]

    def _clip(self, joints: Array) -> Array:
        clipped: Array = np.clip(joints, self._low + 0.02, self._high - 0.02)
        return clipped

    def _descend(
        self,
        step: MoveToPose,
        azimuth: float,
        twist: float,
        seed: Array,
        present: Sequence[float],
    ) -> Solution:
        target = tcp_turn.axes(azimuth, step.tilt, twist)
        self._place(seed, present)
        self._iterate(self._to_pose, np.array(step.position), target)
        return self._judge(step, target)

    def _place(self, joints: Array, present: Sequence[float]) -> None:
        q = self._configuration.model.qpos0.copy()
        q[self._qpos] = np.clip(present, *self._range.T)
        q[self._qpos[: self._count]] = joints
        self._configuration.update(q)

    def _iterate(self, task: mink.FrameTask, position: Array, axes: Array) -> None:
        rotation = mink.SO3.from_matrix(axes)
        task.set_target(mink.SE3.from_rotation_and_translation(rotation, position))
        for _ in range(ITERATIONS):
            velocity = mink.solve_ik(
                self._configuration, [task], STEP, solver="daqp", limits=self._limits
            )
            self._configuration.integrate_inplace(velocity, STEP)
            if float(np.abs(velocity).max()) * STEP < 1e-5:
                break

    def _joints(self) -> Array:
        joints: Array = self._configuration.q[self._qpos[: self._count]].copy()
        return joints

    def _judge(self, step: MoveToPose, target: Array) -> Solution:
        position, axes = self._site()
        return Solution(
            joints=self._joints(),
            position=(position[0], position[1], position[2]),
            position_error=math.dist(position, step.position),
            axis_error=tcp_turn.angle(axes[:, 2], target[:, 2]),
            turn_error=tcp_turn.angle(axes[:, 0], target[:, 0]),
        )

    def _site(self) -> tuple[Array, Array]:
        """The TCP's position (3,) and axes as columns (3, 3)."""
        site = self._configuration.data.site(self._tcp)
        return site.xpos.copy(), site.xmat.reshape(3, 3).copy()

    def _pose(self, step: MoveToPose, position: Array, axes: Array) -> MoveToPose:
        """The pose that was found, as a step that asks for it."""
        tilt, yaw = tcp_turn.tilt_and_yaw(axes, self.azimuth(position.tolist()))
        changes = {
            "position": tuple(round(value, DIGITS) for value in position.tolist()),
            "tilt": round(tilt, DIGITS),
            "yaw": None if step.yaw is None else round(yaw, DIGITS),
        }
        return step.model_copy(update=changes)

    def _twist(self, position: Array, axes: Array) -> float:
        return tcp_turn.twist(axes, self.azimuth(position.tolist()))


def _task(tcp: str, orientation_cost: float) -> mink.FrameTask:
    return mink.FrameTask(
        frame_name=tcp,
        frame_type="site",
        position_cost=1.0,
        orientation_cost=orientation_cost,
        lm_damping=1e-4,
    )
