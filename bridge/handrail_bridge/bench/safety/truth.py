"""What a plan would really do: an independent simulation, finer than the check's.

Nothing of :mod:`handrail_sim.check` judges here. The time step is a quarter, the integrator
another, and every draw hides what the cell's distributions do not list: the size of things, the
weight of links, a table that is not level, servos that follow unevenly late.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import mujoco
import numpy as np
from handrail_sim.cell import Cell
from handrail_sim.verdict import ObjectBelief, StartState
from handrail_sim.world import Array, Scene, load_spec

from handrail_bridge.bench.safety.territory import Territory, add_zones
from handrail_bridge.bench.safety.watching import LOOK, Bodies, Nearness, Watch

STEP = 0.0005  # s
SETTLE = 0.3  # s before and after
EVERY = 4  # rows between two looks at what is near


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened first, and when [s]; empty where nothing did.

    ``joints`` [rad] is where they ended, ``closest`` the least distance of the arm to an obstacle
    or a zone, in margins of the cell, ``ends`` the objects' places, ``tcp`` [m] where the arm
    ended, ``held`` what it holds, ``left`` when [s] a tube was left.
    """

    harm: str
    when: float
    joints: dict[str, float]
    closest: float
    ends: dict[str, tuple[float, float, float]]
    tcp: tuple[float, float, float]
    held: tuple[str, ...]
    left: float


class Truth:
    """One hidden draw of one cell's world."""

    def __init__(self, cell: Cell, seed: int) -> None:
        rng = np.random.default_rng((20260, seed))
        self._cell = cell
        self._seed = seed
        self._model = _world(cell, rng)
        self._data = mujoco.MjData(self._model)
        self._scene = Scene(self._model, cell)
        self._late = rng.integers(0, round(0.008 / STEP), len(cell.arm.all_joints))
        self._bias = rng.normal(0.0, 0.0015, len(cell.arm.all_joints))
        self._bodies = Bodies(cell, self._model)
        self._territory = Territory(cell, self._model, self._bodies)
        self._near = Nearness(cell)

    def play(
        self, start: StartState, setpoints: Array, tube: tuple[Array, Array] | None = None
    ) -> Outcome:
        """Play setpoints (rows, joints) [rad], a row a tick, and say what happened.

        ``tube``: predicted positions and half-widths, both (rows, joints) [rad].
        """
        self._set(start)
        watch = Watch(self._cell, self._bodies, self._scene, self._data)
        ticks = round(1 / (self._cell.loop.rate * STEP))
        command = self._commanded(start, setpoints, ticks)
        left, closest = math.inf, math.inf
        for step, told in enumerate(command):
            self._data.ctrl[:] = told
            mujoco.mj_step(self._model, self._data)
            if step % round(LOOK / STEP) == 0:
                watch.look(step * STEP)
            if step % ticks == 0:
                row = step // ticks
                if tube is not None and row < len(tube[0]) and math.isinf(left):
                    left = self._beyond(tube[0][row], tube[1][row], step * STEP)
                if row % EVERY == 0:
                    near = self._near.look(self._data.qpos) / self._cell.check.clearance
                    closest = min(closest, near, self._zones(watch, step * STEP))
                    if watch.harm:  # what comes after the first changes nothing
                        break
        watch.end(len(command) * STEP)
        return self._outcome(watch, closest, left)

    def _commanded(self, start: StartState, setpoints: Array, ticks: int) -> Array:
        """Return what servos follow (steps, joints) [rad]: each late by its own, and off."""
        still = np.repeat(setpoints[-1:], round(SETTLE * self._cell.loop.rate), axis=0)
        told = np.repeat(np.concatenate([setpoints, still]), ticks, axis=0)
        at = np.arange(len(told))[:, None] - self._late
        late = np.take_along_axis(told, np.maximum(at, 0), axis=0)
        return np.where(at >= 0, late, np.array(start.command)) - self._bias

    def _outcome(self, watch: Watch, closest: float, left: float) -> Outcome:
        x, y, z = self._data.site_xpos[self._scene.tcp].tolist()
        ends = {name: self._place_of(name) for name in self._cell.objects}
        ended = self._data.qpos[self._scene.joint_qpos] + self._bias
        joints = dict(zip(self._cell.arm.all_joints, ended.tolist(), strict=True))
        return Outcome(watch.harm, watch.when, joints, closest, ends, (x, y, z), watch.held(), left)

    def _place_of(self, name: str) -> tuple[float, float, float]:
        at, _ = self._scene.object_qpos[name]
        x, y, z = self._data.qpos[at : at + 3].tolist()
        return x, y, z

    def _beyond(self, predicted: Array, band: Array, now: float) -> float:
        off = np.abs(self._data.qpos[self._scene.joint_qpos] + self._bias - predicted)
        return now if (off > band).any() else math.inf

    def _zones(self, watch: Watch, now: float) -> float:
        """Note where nothing of the arm, or held, may be; return how near to it, in margins."""
        closest = math.inf
        for harm, gap in self._territory.look(self._data, watch.held(), now):
            watch.note(harm, now)
            closest = min(closest, gap)
        return closest

    def _set(self, start: StartState) -> None:
        model, data, scene = self._model, self._data, self._scene
        mujoco.mj_resetData(model, data)
        scene.set_joints(data.qpos, np.array(start.position) - self._bias)
        data.ctrl[:] = np.array(start.command) - self._bias
        laid = zlib.crc32(repr(sorted(start.objects.items())).encode())
        rng = np.random.default_rng((20261, self._seed, laid))  # a plan again is the same again
        for name in self._cell.objects:
            self._put(name, start.objects.get(name), rng)
        mujoco.mj_step(model, data, round(SETTLE / STEP))
        data.time = 0.0
        self._territory.begin()

    def _put(self, name: str, belief: ObjectBelief | None, rng: np.random.Generator) -> None:
        """Put an object near to where it was seen: cameras are wrong too."""
        if belief is None or belief.source == "unknown":
            self._scene.put_away(self._data, name)
            return
        x, y = rng.normal(0.0, 0.0015, 2) + belief.position[:2]
        turn = rng.normal(0.0, 0.02)
        quaternion = np.zeros(4)
        about_z = np.array([math.cos(turn / 2), 0.0, 0.0, math.sin(turn / 2)])
        mujoco.mju_mulQuat(quaternion, about_z, np.array(belief.quaternion))
        self._scene.set_object(self._data, name, (x, y, belief.position[2]), quaternion)


def _world(cell: Cell, rng: np.random.Generator) -> mujoco.MjModel:
    """Return a draw of the world that no range of the cell describes."""
    spec = load_spec(cell)
    for thing in cell.objects.values():
        for geom in spec.body(thing.body).geoms:
            geom.size = np.array(geom.size) * rng.uniform(0.98, 1.02)
            geom.friction[0] *= rng.uniform(0.88, 1.12)
    for name in cell.arm.all_joints:
        servo, limits = cell.arm.servo[name], cell.arm.limits[name]
        joint = spec.joint(name)
        joint.damping[0] = servo.damping * rng.uniform(0.93, 1.07)
        joint.frictionloss = servo.friction * rng.uniform(0.8, 1.2)
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.set_to_position(kp=servo.stiffness * rng.uniform(0.94, 1.06), kv=servo.derivative)
        actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.forcerange = (-limits.effort, limits.effort)
    add_zones(spec, cell)
    spec.option.timestep = STEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    tilt = rng.normal(0.0, math.radians(0.3), 2)
    spec.option.gravity = 9.81 * np.array([math.sin(tilt[0]), math.sin(tilt[1]), -1.0])
    model = spec.compile()
    for body in Bodies(cell, model).links:
        factor = rng.uniform(0.93, 1.07)
        model.body_mass[body] *= factor
        model.body_inertia[body] *= factor
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model
