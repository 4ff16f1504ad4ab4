"""The truth: the one physical world behind the wires, with a hidden draw per seed.

It steps MuJoCo under the torques that the servos give, and tells tests what is really so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from handrail_drivers.errors import InvalidCell, UnknownName

from handrail_sim.cell import Cell, Region
from handrail_sim.regions import container, inside
from handrail_sim.twin.hand import AWAY, place_hand
from handrail_sim.twin.lamps import Lamps
from handrail_sim.twin.perturbation import ServoDraw, draw, layout, truth_model
from handrail_sim.world import Array, Scene

JAM_TURN = 400.0, 7.0  # N.m/rad: a stalled servo bends it by half a degree; N.m.s/rad: critical
JAM_SLIDE = 10_000.0, 250.0  # N/m: a stalled belt gives a millimetre; N.s/m: critical


class Truth:
    """One world, begun with the arm at rest without torque and the objects shuffled by seed.

    ``joints`` are the joints' names in bus order, ``timestep`` [s] the length of one step,
    ``servo_draws`` how each joint's servo differs from its data sheet.

    Raises:
        InvalidCell: the world lacks what the cell file names.
    """

    def __init__(self, cell: Cell, seed: int, perturb: bool) -> None:
        hidden = draw(cell, seed, perturb)
        self.joints = cell.arm.all_joints
        self.timestep = cell.world.timestep
        self.servo_draws: dict[str, ServoDraw] = hidden.servos
        self._cell = cell
        self._model = truth_model(cell, hidden)
        self._data = mujoco.MjData(self._model)
        self._seen = mujoco.MjData(self._model)
        self._scene = Scene(self._model, cell)
        self._regions = _regions(self._model, cell)
        self._jammed: dict[int, float] = {}  # by number of the joint: where [rad]
        self._lit = dict.fromkeys(Lamps(self._model).names, 0.0)  # by lamp: 1 while it is
        self._place(seed)
        mujoco.mj_kinematics(self._model, self._data)  # there is something to look at before a step

    @property
    def time(self) -> float:
        """Simulated time [s] since the world began."""
        return float(self._data.time)

    @property
    def qpos(self) -> Array:
        """The model's whole position vector (nq,), a view: what a renderer needs."""
        positions: Array = self._data.qpos
        return positions

    @property
    def visible(self) -> Array:
        """The positions, the hand's pose (7,), which lamps are lit: all that a camera sees."""
        data = self._data
        return np.concatenate(
            [data.qpos, data.mocap_pos[0], data.mocap_quat[0], [*self._lit.values()]]
        )

    def reach(self, x: float, y: float, z: float, yaw: float) -> None:
        """Have a hand reach to a place [m], its fingers to ``yaw`` [rad]; nothing feels it."""
        place_hand(self._model, self._data, (x, y, z), yaw)

    def withdraw(self) -> None:
        """Have the hand gone."""
        place_hand(self._model, self._data, AWAY, 0.0)

    def joint_state(self) -> tuple[list[float], list[float]]:
        """Return the true joint positions [rad] and velocities [rad/s], bus order."""
        scene, data = self._scene, self._data
        return data.qpos[scene.joint_qpos].tolist(), data.qvel[scene.joint_dofs].tolist()

    def step(self, torques: Sequence[float]) -> None:
        """Advance one time step under motor torques (joints,) [N.m] at the joints, bus order."""
        self._data.qfrc_applied[self._scene.joint_dofs] = torques
        for joint, place in self._jammed.items():
            self._hold(joint, place)
        mujoco.mj_step(self._model, self._data)

    def jam(self, joint: str) -> None:
        """Hold a joint where it is with a stiff spring and damper, until it is freed."""
        number = self.joints.index(joint)
        self._jammed[number] = self.joint_state()[0][number]

    def free(self, joint: str) -> None:
        """End a jam."""
        self._jammed.pop(self.joints.index(joint), None)

    def put(self, name: str, x: float, y: float) -> None:
        """Put an object elsewhere on the table [m], as a hand would."""
        if name not in self._cell.objects:
            raise UnknownName("object", name, self._cell.objects)
        at, _ = self._scene.object_qpos[name]
        turned = self._data.qpos[at + 3 : at + 7].copy()
        height = self._cell.objects[name].size[2] / 2
        self._scene.set_object(self._data, name, (x, y, height), turned)

    def load(self, body: str) -> float:
        """Return the force [N] with which what touches a body presses it down.

        Raises:
            InvalidCell: the world has no such body.
        """
        mine = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_BODY, body)
        if mine < 0:
            raise InvalidCell(f"The world has no body named {body!r} that a scale could bear.")
        force = np.zeros(6)
        total = 0.0
        for number, contact in enumerate(self._data.contact):
            one, other = self._model.geom_bodyid[contact.geom]
            if (one == mine) != (other == mine):
                mujoco.mj_contactForce(self._model, self._data, number, force)
                up = float(contact.frame.reshape(3, 3)[:, 2] @ force[:3])  # on the other one
                total += up if one == mine else -up
        return total

    def distance(self, site: str) -> float:
        """Return how far [m] a site sees along its z, its own body apart; infinity: nothing.

        Raises:
            InvalidCell: the world has no such site.
        """
        number = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_SITE, site)
        if number < 0:
            raise InvalidCell(f"The world has no site named {site!r} from which to look.")
        along = self._data.site_xmat[number].reshape(3, 3)[:, 2]
        own, hit = int(self._model.site_bodyid[number]), np.full(1, -1, dtype=np.int32)
        start = self._data.site_xpos[number]
        far = float(mujoco.mj_ray(self._model, self._data, start, along, None, 1, own, hit))
        return far if far >= 0 else math.inf

    def light(self, material: str, lit: bool) -> None:
        """Let a lamp shine, or not.

        Raises:
            InvalidCell: the world has no such lamp.
        """
        if material not in self._lit:
            raise InvalidCell(f"The world has no material named {material!r} for a lamp.")
        self._lit[material] = float(lit)

    def snapshot(self) -> dict[str, Any]:
        """Return all that is true now, as JSON values in SI units.

        ``time``; ``joints`` {name: {position, velocity}}; ``objects`` {name: {position,
        quaternion, color, region}}, region by the world's own walls; ``contacts`` [[body, body,
        depth in m]], the deepest of each pair; ``tcp`` {position, quaternion}; ``lamps`` {name:
        whether it is lit}.
        """
        self._look()
        position, quaternion = self._scene.tcp_pose(self._seen)
        return {
            "time": self.time,
            "joints": self._joints(),
            "objects": {name: self._object(name) for name in self._cell.objects},
            "contacts": self._contacts(),
            "tcp": {"position": position.tolist(), "quaternion": quaternion.tolist()},
            "lamps": {name: bool(lit) for name, lit in self._lit.items()},
        }

    def _hold(self, joint: int, place: float) -> None:
        scene, data = self._scene, self._data
        off = data.qpos[scene.joint_qpos[joint]] - place
        speed = data.qvel[scene.joint_dofs[joint]]
        slides = self.joints[joint] in self._cell.arm.slides
        stiffness, damping = JAM_SLIDE if slides else JAM_TURN
        data.qfrc_applied[scene.joint_dofs[joint]] -= stiffness * off + damping * speed

    def _place(self, seed: int) -> None:
        rest = [self._cell.arm.rest[name] for name in self.joints]
        self._scene.set_joints(self._data.qpos, rest)
        for name, (x, y, yaw) in layout(self._cell, seed).items():
            height = self._cell.objects[name].size[2] / 2
            turned = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
            self._scene.set_object(self._data, name, (x, y, height), turned)

    def _look(self) -> None:
        """Work out poses and contacts on a copy: looking must not change what happens next."""
        self._seen.qpos[:] = self._data.qpos
        mujoco.mj_kinematics(self._model, self._seen)
        mujoco.mj_comPos(self._model, self._seen)
        mujoco.mj_collision(self._model, self._seen)

    def _joints(self) -> dict[str, dict[str, float]]:
        return {
            name: {"position": position, "velocity": velocity}
            for name, position, velocity in zip(self.joints, *self.joint_state(), strict=True)
        }

    def _object(self, name: str) -> dict[str, Any]:
        body = self._scene.bodies[name]
        position: list[float] = self._seen.xpos[body].tolist()
        regions = (key for key, box in self._regions.items() if inside(box, position))
        return {
            "position": position,
            "quaternion": self._seen.xquat[body].tolist(),
            "color": self._cell.objects[name].color,
            "region": next(regions, None),
        }

    def _contacts(self) -> list[list[Any]]:
        deepest: dict[tuple[str, str], float] = {}
        for contact in self._seen.contact:
            one, other = sorted(self._scene.geom_body[geom] for geom in contact.geom)
            depth = max(-float(contact.dist), deepest.get((one, other), 0.0))
            deepest[one, other] = depth
        return [[one, other, depth] for (one, other), depth in deepest.items()]


def _regions(model: mujoco.MjModel, cell: Cell) -> dict[str, Region]:
    """The cell's regions; where a body forms one, as its walls say and not the file."""
    return {
        name: region if region.body is None else container(model, region.body)
        for name, region in cell.regions.items()
    }
