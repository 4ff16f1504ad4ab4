"""The cell's MuJoCo world: one MJCF file, the models made of it, and where things are in it."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from handrail_drivers.errors import InvalidCell, Refused
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.coupling import couplings
from handrail_sim.forces import add_force_sensors
from handrail_sim.world_demands import (
    require_fingers,
    require_pressed,
    require_shapes,
    require_solid,
    require_units,
)
from handrail_sim.world_file import load_spec as load_spec  # who asks for a world asks here

Array = NDArray[np.float64]

NOWHERE = 5.0  # m aside: where objects are put of which nobody knows where they are
JAW_ROWS = 2049  # between which a gap is interpolated: wrong by less than a micrometre


def load_model(cell: Cell) -> mujoco.MjModel:
    """Return the belief's model: what the cell file says, nothing drawn, servos as actuators.

    ``ctrl`` holds the commanded joint positions [rad] in bus order. Torque is stiffness *
    (command - position) - derivative * velocity, at most the joint's effort; the drive's damping
    and friction are the joint's.

    Raises:
        InvalidCell: the world lacks what the cell file names.
    """
    spec = load_spec(cell)
    for name in cell.arm.all_joints:
        _add_servo(spec, cell, name)
    add_force_sensors(spec, cell)
    model = spec.compile()
    Scene(model, cell)  # refuses what lacks a joint, a site or a thing
    require_shapes(model, cell.arm, cell.world.shown_only)
    require_units(model, cell.arm)
    require_solid(model, _named(cell))
    require_pressed(model, cell.check.forces)
    return model


def jaw_gaps(cell: Cell) -> tuple[float, float] | None:
    """Return :attr:`Scene.gaps` [m], None without a gripper; loads the cell's world.

    Raises:
        InvalidCell: as :func:`load_model`.
    """
    return Scene(load_model(cell), cell).gaps if cell.arm.gripper else None


def _named(cell: Cell) -> dict[str, str]:
    """Return the bodies that the cell names as standing or lying there, by what names them."""
    things = {f"objects.{name}.body": thing.body for name, thing in cell.objects.items()}
    stand = {f"obstacles.{name}.body": one.body for name, one in cell.obstacles.items()}
    bins = {f"regions.{name}.body": one.body for name, one in cell.regions.items() if one.body}
    return {**things, **stand, **bins}


class Scene:
    """Where the cell's things are in a model's arrays, and its geometry in closed form.

    ``joint_qpos`` and ``joint_dofs`` (joints,) are addresses in bus order, ``bodies`` body ids by
    object name, ``geom_body`` body names by geom id, ``tcp`` the site's id.

    Raises:
        InvalidCell: the model lacks a joint, body or site that the cell names.
    """

    def __init__(self, model: mujoco.MjModel, cell: Cell) -> None:
        self.model = model
        self.cell = cell
        joints = [_find(model, mujoco.mjtObj.mjOBJ_JOINT, name) for name in cell.arm.all_joints]
        self.joint_qpos: NDArray[np.int32] = model.jnt_qposadr[joints]
        self.joint_dofs: NDArray[np.int32] = model.jnt_dofadr[joints]
        names = cell.arm.all_joints
        self._followers = [
            (int(model.joint(one.joint).qposadr[0]), names.index(one.leader), one.offset, one.ratio)
            for one in couplings(model, names)
        ]
        self.tcp = _find(model, mujoco.mjtObj.mjOBJ_SITE, cell.arm.tcp)
        self.bodies = {
            name: _find(model, mujoco.mjtObj.mjOBJ_BODY, thing.body)
            for name, thing in cell.objects.items()
        }
        self.object_qpos = {name: self._free_joint(name) for name in cell.objects}
        self.geom_body = tuple(
            model.body(model.geom_bodyid[geom]).name for geom in range(model.ngeom)
        )
        self.arm_joints = len(cell.arm.joints)
        self._still = mujoco.MjData(model)
        self.jaw = self.arm_joints if cell.arm.gripper else None  # its number among the joints
        if self.jaw is not None:
            require_fingers(model, cell.arm)
        self._jaw = None if self.jaw is None else self._jaw_geometry(joints[self.jaw])

    def set_joints(self, qpos: Array, positions: Sequence[float] | Array) -> None:
        """Put the joints, and what follows them, into the model's positions (..., nq).

        ``positions`` (..., n) [rad], or [m] where one slides, are of the first n joints.
        """
        placed = np.asarray(positions)
        count = placed.shape[-1]
        qpos[..., self.joint_qpos[:count]] = placed
        for follower, leader, offset, ratio in self._followers:
            if leader < count:
                qpos[..., follower] = offset + ratio * placed[..., leader]

    def tcp_axes(self, data: mujoco.MjData) -> Array:
        """Return the TCP's axes, columns of (3, 3), in the world's frame."""
        axes: Array = data.site_xmat[self.tcp].reshape(3, 3).copy()
        return axes

    def tcp_pose(self, data: mujoco.MjData) -> tuple[Array, Array]:
        """Return the TCP's position (3,) [m] and quaternion (4,) wxyz in the world's frame."""
        quaternion = np.zeros(4)
        mujoco.mju_mat2Quat(quaternion, data.site_xmat[self.tcp])
        return data.site_xpos[self.tcp].copy(), quaternion

    @property
    def gaps(self) -> tuple[float, float]:
        """The least and the widest gap [m] of the jaw, in its joint's limits."""
        (limits,) = (self.cell.arm.limits[name] for name in self.cell.arm.jaw)
        return self.jaw_to_gap(limits.low), self.jaw_to_gap(limits.high)

    def gap_to_jaw(self, gap: float) -> float:
        """Return the jaw's position [rad] at which the pads' tips are ``gap`` [m] apart.

        A gap that the jaw cannot reach gives the nearest end of its range.
        """
        positions, gaps = self._jaw_table()
        return float(np.interp(gap, gaps, positions))

    def jaw_to_gap(self, position: float) -> float:
        """Return how far apart [m] the pads' tips are at a jaw position [rad]."""
        positions, gaps = self._jaw_table()
        return float(np.interp(position, positions, gaps))

    def gravity(self, q: Sequence[float] | Array) -> Array:
        """Return the torque (joints,) [N.m] that holds the empty arm still at ``q`` [rad], alike.

        Objects are trees of their own in the model, so their weight is not in it.
        """
        data = self._still
        self.set_joints(data.qpos, q)
        mujoco.mj_kinematics(self.model, data)
        mujoco.mj_comPos(self.model, data)
        torque = np.zeros(self.model.nv)
        mujoco.mj_rne(self.model, data, 0, torque)
        return torque[self.joint_dofs]

    def set_object(
        self,
        data: mujoco.MjData,
        name: str,
        position: Sequence[float] | Array,
        quaternion: Sequence[float] | Array,
    ) -> None:
        """Put an object at rest at a pose in the world's frame."""
        qpos, dof = self.object_qpos[name]
        data.qpos[qpos : qpos + 3] = position
        data.qpos[qpos + 3 : qpos + 7] = quaternion
        data.qvel[dof : dof + 6] = 0.0

    def put_away(self, data: mujoco.MjData, name: str) -> None:
        """Put an object of which nobody knows where it is far aside, on a floor if there is one."""
        row = float(list(self.object_qpos).index(name))
        place = (NOWHERE + row, NOWHERE, self.cell.objects[name].size[2] / 2)
        self.set_object(data, name, place, (1.0, 0.0, 0.0, 0.0))

    def _free_joint(self, name: str) -> tuple[int, int]:
        """Addresses of an object's free joint in qpos and qvel."""
        body = self.model.body(self.bodies[name])
        if body.jntnum[0] != 1 or self.model.jnt_type[body.jntadr[0]] != mujoco.mjtJoint.mjJNT_FREE:
            raise InvalidCell(f"objects.{name}: body {body.name!r} cannot move freely.")
        joint = body.jntadr[0]
        return int(self.model.jnt_qposadr[joint]), int(self.model.jnt_dofadr[joint])

    def _jaw_table(self) -> tuple[Array, Array]:
        if self._jaw is None:
            raise Refused("The arm has no gripper.", field="arm.gripper")
        return self._jaw

    def _jaw_geometry(self, joint: int) -> tuple[Array, Array]:
        """Jaw positions [rad] and the gaps [m] there: the tips' distance along the TCP's x."""
        data, present = self._still, np.zeros(len(self.joint_qpos))
        fixed, moving = (
            _find(self.model, mujoco.mjtObj.mjOBJ_SITE, name)
            for name in ("fixed_tip", "moving_tip")
        )
        low, high = self.model.jnt_range[joint].tolist()
        positions = np.linspace(low, high, JAW_ROWS)
        gaps = np.empty(JAW_ROWS)
        for row, position in enumerate(positions):
            present[self.arm_joints] = position
            self.set_joints(data.qpos, present)
            mujoco.mj_kinematics(self.model, data)
            apart = data.site_xpos[moving] - data.site_xpos[fixed]
            gaps[row] = apart @ data.site_xmat[self.tcp].reshape(3, 3)[:, 0]
        return positions, np.maximum.accumulate(gaps)  # it opens as the joint grows


def _find(model: mujoco.MjModel, kind: mujoco.mjtObj, name: str) -> int:
    found = int(mujoco.mj_name2id(model, kind, name))
    if found < 0:
        what = kind.name.removeprefix("mjOBJ_").lower()
        raise InvalidCell(f"The world has no {what} named {name!r} that the cell file names.")
    return found


def _add_servo(spec: mujoco.MjSpec, cell: Cell, name: str) -> None:
    servo, limits = cell.arm.servo[name], cell.arm.limits[name]
    joint = spec.joint(name)
    if joint is None:
        raise InvalidCell(f"The world has no joint named {name!r} that the cell file names.")
    joint.damping[0], joint.frictionloss = servo.damping, servo.friction
    actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    actuator.set_to_position(kp=servo.stiffness, kv=servo.derivative)
    actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
    actuator.forcerange = (-limits.effort, limits.effort)
