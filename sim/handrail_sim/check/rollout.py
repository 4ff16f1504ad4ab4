"""One rollout of setpoints in the belief's world, from the measured state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import mujoco
import numpy as np
from mujoco import rollout

from handrail_sim.cell import Cell
from handrail_sim.forces import presses
from handrail_sim.verdict import ObjectBelief, StartState
from handrail_sim.world import Array, Scene

if TYPE_CHECKING:  # onnxruntime is loaded for cells with policies alone
    from handrail_sim.policy.drive import Drive

SETTLE_BEFORE = 0.2  # s: servos and a held object find their balance before anything is judged
GRASP = 0.1  # s before that in which the jaw takes hold of what it is said to hold
OVER = 0.02  # s over which forces are meant: shorter ones are knocks
STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS  # time, qpos, qvel


@dataclass(frozen=True, slots=True)
class Rollout:
    """What happened, a row a tick of the loop; settling rows follow the last setpoint.

    ``qpos`` (n, nq) is the whole model's; ``position``, ``velocity``, ``effort`` (n, j) in rad,
    rad/s, N.m, ``command`` (n, j) [rad] what the servos were told, ``forces`` (n, pairs) [N] the
    mean over ``OVER`` of those that the model senses (:mod:`handrail_sim.forces`). Row 0 is the
    settled state before the first of ``setpoints`` setpoints; ``placed`` (nq,) is the one before
    settling.
    ``finite`` is false where the physics lost its footing: then the rows mean nothing.
    """

    placed: Array
    qpos: Array
    position: Array
    velocity: Array
    effort: Array
    command: Array
    forces: Array
    setpoints: int
    finite: bool

    def thinned(self, every: int) -> Rollout:
        """Return every so manieth row, the first among them."""
        return replace(
            self,
            qpos=self.qpos[::every],
            position=self.position[::every],
            velocity=self.velocity[::every],
            effort=self.effort[::every],
            command=self.command[::every],
            forces=self.forces[::every],
            setpoints=self.setpoints // every,
        )


@dataclass(frozen=True, slots=True)
class Live:
    """A policy that makes the setpoints from row ``first`` on, of what the encoders read.

    ``begin`` returns a new run of it, from the setpoints (j,) [rad] that stand.
    """

    first: int
    begin: Callable[[Sequence[float]], Drive]


class Gibberish(Exception):
    """A policy answered what is no number, at a row."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


class Stage:
    """The belief's world, set up and stepped for one plan at a time."""

    def __init__(
        self,
        cell: Cell,
        model: mujoco.MjModel,
        scene: Scene,
        latency: Array | None = None,
        offset: Array | None = None,
    ) -> None:
        """``latency`` (j,) [s]: by how much later than told each servo follows; None: at once.

        ``offset`` (j,) [rad]: what encoders read beyond the true position; None: nothing.
        """
        self._cell = cell
        self._model = _with_sleep(model)
        self._scene = scene
        self._data = mujoco.MjData(self._model)
        self._steps = max(1, round(1.0 / (cell.loop.rate * model.opt.timestep)))
        self._settle = round(cell.check.settle * cell.loop.rate)
        late = np.zeros(model.nu) if latency is None else latency
        self._late = np.round(late / model.opt.timestep).astype(int)
        self._offset = np.zeros(model.nu) if offset is None else offset
        self._presses = presses(model)
        self._over = max(1, round(OVER / model.opt.timestep))
        self._effort = np.array([cell.arm.limits[name].effort for name in cell.arm.all_joints])

    def run(self, start: StartState, setpoints: Array, live: Live | None = None) -> Rollout:
        """Play setpoints (rows, j) [rad] from a start state; settle afterwards.

        Raises:
            Gibberish: ``live`` answered what is no number.
        """
        placed = self._set(start)
        still = np.repeat(setpoints[-1:], self._settle, axis=0)
        commands = np.concatenate([setpoints, still])
        if live is None:
            told = self._delayed(np.repeat(commands, self._steps, axis=0), start.command)
            states, sensed = self._play(told)
        else:
            told, states, sensed = self._improvise(commands, start.command, live, len(setpoints))
        follows = np.concatenate([[start.command], told[self._steps - 1 :: self._steps]])
        qpos, velocity, effort = self._by_tick(states, follows)
        return Rollout(
            placed=placed,
            qpos=qpos,
            position=qpos[:, self._scene.joint_qpos],
            velocity=velocity,
            effort=effort,
            command=np.concatenate([[start.command], commands]),
            forces=self._forces(sensed),
            setpoints=len(setpoints),
            finite=bool(np.isfinite(states).all() and np.all(np.diff(states[:, 0]) > 0)),
        )

    def _by_tick(self, states: Array, follows: Array) -> tuple[Array, Array, Array]:
        """Return positions, velocities and efforts by tick, of servos told ``follows`` (n, j)."""
        nq, scene = self._model.nq, self._scene
        # The state that a tick ends with, and the one that its last effort came from.
        ends = states[:: self._steps]
        before = states[np.maximum(np.arange(len(ends)) * self._steps - 1, 0)]
        qpos = ends[:, 1 : 1 + nq]
        velocity = before[:, 1 + nq + scene.joint_dofs]
        torque = self._torque(follows, before[:, 1 + scene.joint_qpos], velocity)
        effort = np.clip(torque, -self._effort, self._effort)
        return qpos, ends[:, 1 + nq + scene.joint_dofs], effort

    def _delayed(self, commands: Array, before: Sequence[float]) -> Array:
        """Return commands (steps, 6) as each servo follows them; until then it holds ``before``."""
        told = np.empty_like(commands)
        for joint, late in enumerate(self._late):
            told[:late, joint] = before[joint]
            told[late:, joint] = commands[: len(commands) - late, joint]
        return told

    def _torque(self, command: Array, position: Array, velocity: Array) -> Array:
        """Return the servos' torques (n, j) [N.m] before their limit: the actuators' law."""
        gain, bias = self._model.actuator_gainprm, self._model.actuator_biasprm
        torque: Array = gain[:, 0] * command + bias[:, 0] + bias[:, 1] * position
        torque += bias[:, 2] * velocity
        return torque

    def _play(self, commands: Array) -> tuple[Array, Array]:
        """Return the states (1 + steps, size), the present one first, and the sensors' data."""
        model, data = self._model, self._data
        first = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, data, first, STATE)
        states, sensed = rollout.rollout(
            model, data, first, commands, initial_warmstart=data.qacc_warmstart.copy()
        )
        return np.concatenate([first[None], states[0]]), sensed[0]

    def _improvise(
        self, commands: Array, before: Sequence[float], live: Live, rows: int
    ) -> tuple[Array, Array, Array]:
        """Step row by row, and write into ``commands`` what a policy makes of each.

        Return what the servos followed (steps, 6), and what :meth:`_play` returns.
        """
        model, data, steps = self._model, self._data, self._steps
        told = np.tile(np.array(before), (len(commands) * steps + int(self._late.max()), 1))
        states = np.empty((len(commands) * steps + 1, mujoco.mj_stateSize(model, STATE)))
        sensed = np.empty((len(commands) * steps, model.nsensordata))
        mujoco.mj_getState(model, data, states[0], STATE)
        drive = live.begin(commands[live.first - 1].tolist() if live.first else before)
        for row, command in enumerate(commands):
            if row >= rows:
                command[:] = commands[rows - 1]
            elif row >= live.first:
                command[:] = self._answer(drive, row)
            begin, end = row * steps, (row + 1) * steps
            for joint, late in enumerate(self._late):
                told[begin + late : end + late, joint] = command[joint]
            for step in range(begin, end):
                data.ctrl[:] = told[step]
                mujoco.mj_step(model, data)
                sensed[step] = data.sensordata
                mujoco.mj_getState(model, data, states[step + 1], STATE)
        return told[: len(sensed)], states, sensed

    def _answer(self, drive: Drive, row: int) -> Array:
        """Return the setpoints (j,) [rad] that a policy makes of what the encoders read now."""
        data, scene = self._data, self._scene
        position = data.qpos[scene.joint_qpos] + self._offset
        if drive.due and not drive.ask(position, data.qvel[scene.joint_dofs]):
            raise Gibberish(row)
        return drive.advance(row)

    def _forces(self, sensed: Array) -> Array:
        """Return the mean force (ticks + 1, pairs) [N] between bodies at the end of each tick."""
        sums = np.zeros((len(sensed) + 1, len(self._presses)))
        for pair, press in enumerate(self._presses):
            sums[1:, pair] = np.linalg.norm(sensed[:, press.columns], axis=1).cumsum()
        ends = np.arange(0, len(sums), self._steps)
        begins = np.maximum(ends - self._over, 0)
        means: Array = (sums[ends] - sums[begins]) / self._over
        return means

    def _set(self, start: StartState) -> Array:
        """Set the scene and let it settle; return the model's positions before that."""
        model, data, scene = self._model, self._data, self._scene
        mujoco.mj_resetData(model, data)
        scene.set_joints(data.qpos, start.position)
        data.ctrl[:] = start.command
        mujoco.mj_kinematics(model, data)
        self._place(start.objects)
        placed: Array = data.qpos.copy()
        self._grasp(start.objects)
        mujoco.mj_step(model, data, round(SETTLE_BEFORE / model.opt.timestep))
        data.time = 0.0
        return placed

    def _grasp(self, objects: Mapping[str, ObjectBelief]) -> None:
        """Keep a held object in its place until the jaw presses on it.

        The measured jaw is never quite where the check saw it: set free at once, an object
        would slip through the gap, or be shot out where the fingers are too near.
        """
        held = {name: thing.held_pose for name, thing in objects.items() if thing.held_pose}
        if not held:
            return
        for _ in range(round(GRASP / self._model.opt.timestep)):
            mujoco.mj_step(self._model, self._data)
            for name, pose in held.items():
                self._scene.set_object(self._data, name, *self._from_tcp(pose))

    def _place(self, objects: Mapping[str, ObjectBelief]) -> None:
        for name in self._cell.objects:
            belief = objects.get(name)
            if belief is None or belief.is_lost:
                self._scene.put_away(self._data, name)
            elif belief.held_pose is not None:
                position, quaternion = self._from_tcp(belief.held_pose)
                self._scene.set_object(self._data, name, position, quaternion)
            else:
                self._scene.set_object(self._data, name, belief.position, belief.quaternion)

    def _from_tcp(self, pose: tuple[float, ...]) -> tuple[Array, Array]:
        """Return a pose of the TCP's frame in the world's frame, at the present joints."""
        position, quaternion = np.zeros(3), np.zeros(4)
        at, turned = self._scene.tcp_pose(self._data)
        mujoco.mju_mulPose(position, quaternion, at, turned, np.array(pose[:3]), np.array(pose[3:]))
        return position, quaternion


def _with_sleep(model: mujoco.MjModel) -> mujoco.MjModel:
    """Objects that lie still cost nothing until something touches them: half the time saved."""
    sleepy: mujoco.MjModel = copy.copy(model)
    sleepy.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    sleepy.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_ISLAND)  # sleep needs islands
    return sleepy
