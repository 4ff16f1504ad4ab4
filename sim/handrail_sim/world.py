"""The cell's MuJoCo world: one MJCF file, the models made of it, and where things are in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
from handrail_drivers.errors import InvalidCell, Refused
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.coupling import couplings, in_spec
from handrail_sim.forces import add_force_sensors
from handrail_sim.world_demands import name_bodies, require_physics, require_shapes

Array = NDArray[np.float64]

NOWHERE = 5.0  # m aside: where objects are put of which nobody knows where they are
JAW_ROWS = 2049  # between which a gap is interpolated: wrong by less than a micrometre
WORLDS = Path(__file__).parent / "worlds"


def load_spec(cell: Cell) -> mujoco.MjSpec:
    """Return the editable model of the cell's world: MJCF, time step and the cell's cameras.

    The file is looked for in the cell's folder, then among the shipped worlds.

    Raises:
        InvalidCell: there is no such file, or MuJoCo cannot read it.
    """
    places = (cell.folder / cell.world.model, WORLDS / cell.world.model)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise InvalidCell(
            f"world.model: there is no file {cell.world.model!r}.",
            field="world.model",
            value=cell.world.model,
            choices=sorted(world.name for world in WORLDS.glob("*.xml")),
        )
    try:
        spec = mujoco.MjSpec.from_file(str(path))
    except ValueError as error:
        raise InvalidCell(f"world.model: {path}: {error}", field="world.model") from error
    require_physics(spec)
    name_bodies(spec)
    spec.option.timestep = cell.world.timestep
    # Of the others, none bears a servo that is stiff for its link.
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    _hold_the_rest(spec, cell)
    _part_from_base(spec, cell)
    _add_tcp(spec, cell)
    _add_cameras(spec, cell)
    return spec


def shape_files(path: Path) -> list[Path]:
    """Return the files of the meshes and height fields that an MJCF file names."""
    spec = mujoco.MjSpec.from_file(str(path))
    folder = path.parent / spec.meshdir
    return [folder / shape.file for shape in (*spec.meshes, *spec.hfields) if shape.file]


def load_model(cell: Cell) -> mujoco.MjModel:
    """Return the belief's model: what the cell file says, nothing drawn, servos as actuators.

    ``ctrl`` holds the commanded joint positions [rad] in bus order. Torque is stiffness *
    (command - position) - derivative * velocity, at most the joint's effort; the drive's damping
    and friction are the joint's.

    Raises:
        InvalidCell: the world lacks what the cell file names.
    """
    spec = load_spec(cell)
    for actuator in list(spec.actuators):
        spec.delete(actuator)  # the cell's servos take their place
    for name in cell.arm.all_joints:
        _add_servo(spec, cell, name)
    add_force_sensors(spec, cell)
    model = spec.compile()
    scene = Scene(model, cell)
    require_shapes(model, scene.joint_dofs[: scene.arm_joints].tolist())
    return model


class Scene:
    """Where the cell's things are in a model's arrays, and its geometry in closed form.

    ``joint_qpos`` and ``joint_dofs`` (6,) are addresses in bus order, ``bodies`` body ids by
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
        both = "both move" if couplings(model, cell.arm.jaw) else "one moves"
        if self.jaw is not None and cell.arm.fingers != both:
            raise InvalidCell(
                f"arm.fingers: of those in the world {both}.",
                field="arm.fingers",
                value=cell.arm.fingers,
                choices=[both],
            )
        self._jaw = None if self.jaw is None else self._jaw_geometry(joints[self.jaw])

    def joint_positions(self, data: mujoco.MjData) -> Array:
        """Return the joints' positions (6,) [rad]."""
        positions: Array = data.qpos[self.joint_qpos]
        return positions

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

    def tcp_pose(self, data: mujoco.MjData) -> tuple[Array, Array]:
        """Return the TCP's position (3,) [m] and quaternion (4,) wxyz in the world's frame."""
        quaternion = np.zeros(4)
        mujoco.mju_mat2Quat(quaternion, data.site_xmat[self.tcp])
        return data.site_xpos[self.tcp].copy(), quaternion

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
        """Return the torque (6,) [N.m] that holds the empty arm still at ``q`` (6,) [rad].

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


def _hold_the_rest(spec: mujoco.MjSpec, cell: Cell) -> None:
    """Make joints rigid that the cell does not name, such as the fingers of a foreign model."""
    for key in list(spec.keys):
        spec.delete(key)  # of the model with all its joints
    free = {thing.body for thing in cell.objects.values()}
    coupled = list(in_spec(spec, cell.arm.all_joints))
    ours = {*cell.arm.all_joints, *(name for _, name in coupled)}
    foreign = [
        joint for joint in spec.joints if joint.name not in ours and joint.parent.name not in free
    ]
    if not foreign:
        return
    kept = {equality.name for equality, _ in coupled}
    others = [equality for equality in spec.equalities if equality.name not in kept]
    for part in (*others, *spec.tendons, *spec.actuators, *spec.sensors):
        spec.delete(part)
    for joint in foreign:
        spec.delete(joint)


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


def _part_from_base(spec: mujoco.MjSpec, cell: Cell) -> None:
    """Let the first link turn in the base: MuJoCo spares neighbours, unless one stands still."""
    joint = spec.joint(cell.arm.joints[0])
    if joint is not None and joint.parent.parent.name != "world":
        spec.add_exclude(bodyname1=joint.parent.parent.name, bodyname2=joint.parent.name)


def _add_tcp(spec: mujoco.MjSpec, cell: Cell) -> None:
    frame = cell.arm.frame
    if frame is None:
        return
    body = spec.body(frame.body)
    if body is None:
        raise InvalidCell(
            f"arm.frame: the world has no body {frame.body!r}.",
            field="arm.frame.body",
            value=frame.body,
            choices=sorted(body.name for body in spec.bodies if body.name),
        )
    body.add_site(name=cell.arm.tcp, pos=frame.position, quat=frame.quaternion)


def _add_cameras(spec: mujoco.MjSpec, cell: Cell) -> None:
    for name, camera in cell.cameras.items():
        spec.worldbody.add_camera(
            name=name, pos=camera.position, quat=camera.quaternion, fovy=camera.fovy
        )
