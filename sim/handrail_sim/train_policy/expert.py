"""Who the policy learns from: inverse kinematics and a servo on what is measured, in the twin."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.check.ik import Reach
from handrail_sim.check.rollout import Live, Stage
from handrail_sim.check.variations import variations
from handrail_sim.plan import MoveToPose
from handrail_sim.policy.shaper import Shaper
from handrail_sim.verdict import StartState
from handrail_sim.world import Array, Scene, load_model

RADIUS, AZIMUTH, HEIGHT = (0.12, 0.27), (0.22, 1.75), (0.08, 0.20)  # m, rad, m: of targets
GAIN = 4.0  # 1/s: what a joint is asked for, by how far it is from where it should be
FASTEST = 1.2  # rad/s
RATE = 50  # Hz
SECONDS = 3.0  # of an episode
BEGIN = {"shoulder_pan": -0.9}  # rad: home, but over the zone; the post stands between
ASIDE = 0.4  # rad, standard deviation of where an episode begins, about that


def drawn(rng: np.random.Generator, axis: Sequence[float]) -> tuple[float, float, float]:
    """Return a target [m] over the zone where cubes lie."""
    radius, azimuth = math.sqrt(rng.uniform(*np.square(RADIUS))), rng.uniform(*AZIMUTH)
    x, y = axis[0] + radius * math.cos(azimuth), axis[1] + radius * math.sin(azimuth)
    return round(x, 4), round(y, 4), round(rng.uniform(*HEIGHT), 4)


def tilt_for(target: Sequence[float], axis: Sequence[float]) -> float:
    """Return how far [rad] the gripper leans out at a target: more, the farther and higher."""
    radius = math.dist(target[:2], axis)
    return round(min(1.2, max(0.0, 0.3 + 3.0 * (radius - 0.15) + 2.5 * (target[2] - 0.08))), 4)


def begin(cell: Cell) -> list[float]:
    """Return the joints (6,) [rad] about which episodes begin."""
    return [BEGIN.get(name, cell.arm.home[name]) for name in cell.arm.all_joints]


class Expert:
    """Knows the joints at a target, and goes there as fast as it may."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._reach = Reach(cell)
        self._begin = begin(cell)

    def posture(self, target: tuple[float, float, float]) -> Array | None:
        """Return the arm's joints (n,) [rad] with the TCP at a target; None: out of reach."""
        tilt = tilt_for(target, self._cell.arm.axis)
        found = self._reach.solve(MoveToPose(position=target, tilt=tilt), self._begin)
        return found.joints if found.reached else None


def asked(posture: Array, position: Array) -> Array:
    """Return the velocity (..., n) [rad/s] that the expert asks for, joints being measured."""
    far = GAIN * (posture - position)
    velocity: Array = FASTEST * np.tanh(far / FASTEST)
    return velocity


class _Run:
    """An episode of the expert, as a :class:`~handrail_sim.check.rollout.Live` has one."""

    def __init__(self, cell: Cell, posture: Array, setpoint: Sequence[float]) -> None:
        count = len(posture)
        limits = [cell.arm.limits[name] for name in cell.arm.joints]
        self._shaper = Shaper(limits, cell.loop.rate, 1.0, setpoint[:count])
        self._others = np.array(setpoint[count:])
        self._posture, self._wish = posture, np.zeros(count)
        self._every, self._tick = cell.loop.rate // RATE, 0
        self.visited: list[Array] = []

    @property
    def due(self) -> bool:
        return self._tick % self._every == 0

    def ask(self, position: Array, _velocity: Array) -> bool:
        self.visited.append(position[: len(self._posture)].copy())
        self._wish = asked(self._posture, self.visited[-1])
        return True

    def advance(self, _row: int) -> Array:
        self._tick += 1
        return np.concatenate([self._shaper.advance(self._wish), self._others])


class Twin:
    """The check's worlds, believed and a little other, to have episodes in."""

    def __init__(self, cell: Cell) -> None:
        self._cell, model = cell, load_model(cell)
        scene = Scene(model, cell)
        worlds = variations(cell)
        self._stages = [Stage(cell, model, scene)] + [
            Stage(cell, world.model(cell, model, scene), scene, world.latency, world.offset)
            for world in worlds
        ]
        self._checker = Checker(cell)
        self._data = mujoco.MjData(model)

    def episode(self, posture: Array, rng: np.random.Generator) -> Array:
        """Return the joints (n, joints) [rad] that the expert meets on its way to a posture."""
        cell, count = self._cell, len(posture)
        joints = begin(cell)
        for index, name in enumerate(cell.arm.joints):
            limits = cell.arm.limits[name]
            at = joints[index] + rng.normal(0.0, ASIDE)
            joints[index] = min(max(at, limits.low), limits.high)
        start = StartState(tuple(joints), self._checker.hold_command(joints), {})
        runs: list[_Run] = []

        def begin_run(setpoint: Sequence[float]) -> _Run:
            runs.append(_Run(cell, posture, setpoint))
            return runs[-1]

        rows = np.zeros((round(SECONDS * cell.loop.rate), len(joints)))
        stage = self._stages[rng.integers(len(self._stages))]
        stage.run(start, rows, Live(0, begin_run))  # type: ignore[arg-type]  # as good as a Drive
        return np.array(runs[0].visited).reshape(-1, count)
