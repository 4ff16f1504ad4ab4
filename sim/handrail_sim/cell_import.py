"""A first draft of a cell file from somebody's own MJCF, and what could not be known from it.

What a model does not say (velocities, how stiff a torque-driven joint's controller is) is filled
with something slow and marked as guessed: nothing becomes faster or stronger by being imported.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mujoco
import numpy as np
from handrail_drivers.errors import InvalidCell

from handrail_sim.cell import Loop
from handrail_sim.kinematic_chain import FREE, NAME, arm_and_others, below, rigid_end
from handrail_sim.world import Array

TCP = ("tcp", "grip_site", "pinch", "gripperframe", "attachment_site", "ee_site", "end_effector")
GUESS = "  # guessed"
SLOW = {"velocity": 0.5, "acceleration": 2.0, "jerk": 20.0}  # rad/s, rad/s2, rad/s3
EFFORT = 5.0  # N.m where the model limits none
SLUGGISH = 0.05  # s in which such a controller settles, where the links alone would be faster
LAG = 0.05  # rad at which a controller whose gain nobody knows gives all of its effort
COLORS = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0),
}


@dataclass
class Draft:
    """A cell file's text, and what a person has to look at: a sentence each."""

    text: str = ""
    unknown: list[str] = field(default_factory=list)


def draft(path: Path, folder: Path, name: str) -> Draft:
    """Return a draft of the cell in a folder whose world is an MJCF file.

    Raises:
        InvalidCell: MuJoCo cannot read the file, or there is no arm in it.
    """
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise InvalidCell(f"{path}: {error}", field="world.model") from error
    return _Importer(model, os.path.relpath(path, folder), name).draft()


class _Importer:
    """Writes the draft of one model, part by part."""

    def __init__(self, model: mujoco.MjModel, path: str, name: str) -> None:
        self._model, self._path, self._name = model, path, name
        self._data = mujoco.MjData(model)
        if model.nkey:
            mujoco.mj_resetDataKeyframe(model, self._data, 0)
        mujoco.mj_forward(model, self._data)
        self._arm, self._others = arm_and_others(model)
        self._draft = Draft()

    def draft(self) -> Draft:
        """Return the whole of it."""
        parts = [*self._head(), *self._chain(), *self._limits(), *self._servos()]
        parts += [*self._objects(), *self._obstacles(), *self._cameras()]
        self._draft.text = "\n".join(parts) + "\n"
        return self._draft

    def _ask(self, sentence: str) -> None:
        self._draft.unknown.append(sentence)

    def _head(self) -> Iterator[str]:
        yield f'name = "{self._name}"'
        yield f'description = "imported from {self._path}: look at every line marked guessed"'
        yield f"\n[world]\nmodel = {_quoted(self._path)}"
        yield f"timestep = {self._timestep():.6g}\n"
        self._ask_about_physics()
        yield "[devices]\n"
        self._ask("devices: without a driver for the arm its plans can be checked, and not run")

    def _timestep(self) -> float:
        """Return the model's time step [s], or the next below it that divides a tick."""
        tick = 1 / Loop().rate
        step = float(self._model.opt.timestep)
        fine = tick / max(1, math.ceil(tick / step - 1e-6))
        if not math.isclose(fine, step, rel_tol=1e-6):
            self._ask(f"world.timestep: the model's {step:g} s does not divide a tick")
        return fine

    def _ask_about_physics(self) -> None:
        model = self._model
        apart = [sorted((int(pair) >> 16, int(pair) & 0xFFFF)) for pair in model.exclude_signature]
        for one, other in apart:
            names = f"{model.body(one).name or one} and {model.body(other).name or other}"
            self._ask(f"world.model: it lets {names} pass through each other (exclude)")
        if not model.opt.gravity.any():
            self._ask("world.model: it has no gravity: nothing falls, nothing weighs")

    def _chain(self) -> Iterator[str]:
        model = self._model
        names = [model.joint(joint).name for joint in self._arm]
        yield f"[arm]\njoints = [{', '.join(map(_quoted, names))}]"
        if self._others:
            others = ", ".join(model.joint(joint).name for joint in self._others)
            self._ask(
                f"arm.gripper: {others} are held rigid as the model has them; a jaw of one joint "
                "becomes a gripper with `gripper`, and sites `fixed_tip` and `moving_tip`"
            )
        x, y = self._data.xanchor[self._arm[0]][:2]
        yield f"axis = [{x:.6g}, {y:.6g}]"
        yield from self._tcp()
        yield f"home = {_table(self._home())}{'' if model.nkey else GUESS}"
        yield f"rest = {_table(self._home())}{GUESS}"
        if not model.nkey:
            self._ask("arm.home: the model has no keyframe; the middle of each range stands there")
        self._ask("arm.rest: where it stays without torque is not known; it is home for now")

    def _tcp(self) -> Iterator[str]:
        model = self._model
        tip = int(model.jnt_bodyid[self._arm[-1]])
        sites = [model.site(number) for number in range(model.nsite)]
        own = [site.name for site in sites if site.name and below(model, int(site.bodyid[0]), tip)]
        found = next((name for name in TCP if name in own), None)
        if found is not None:
            yield f"tcp = {_quoted(found)}"
            self._ask(f"arm.tcp: {found} should have +z as approach and +x as opening direction")
            return
        end = model.body(rigid_end(model, tip)).name
        yield f'tcp = "tcp"{GUESS}'
        yield f"frame = {{ body = {_quoted(end)} }}{GUESS}"
        listed = f" (it has {', '.join(own)})" if own else ""
        self._ask(f"arm.frame: no site says where the TCP is{listed}; it is put at {end}'s origin")

    def _home(self) -> dict[str, float]:
        model = self._model
        if model.nkey:
            return {
                model.joint(j).name: float(self._data.qpos[model.jnt_qposadr[j]]) for j in self._arm
            }
        return {model.joint(j).name: sum(self._range(j)) / 2 for j in self._arm}

    def _range(self, joint: int) -> tuple[float, float]:
        if not self._model.jnt_limited[joint]:
            return -math.pi, math.pi
        low, high = self._model.jnt_range[joint].tolist()
        return low, high

    def _limits(self) -> Iterator[str]:
        yield "\n[arm.limits]" + GUESS.replace("guessed", "velocity, acceleration and jerk guessed")
        for joint in self._arm:
            low, high = self._range(joint)
            name = self._model.joint(joint).name
            limits = {"low": low, "high": high, **SLOW, "effort": self._effort(joint)}
            yield f"{name} = {_table(limits)}"
            if not self._model.jnt_limited[joint]:
                self._ask(f"arm.limits.{name}: the model does not limit it; half a turn each way")
        self._ask("arm.limits: velocity, acceleration and jerk are guessed, and slow")

    def _effort(self, joint: int) -> float:
        model = self._model
        for number in _actuators(model, joint):
            gear = abs(float(model.actuator_gear[number][0])) or 1.0
            if model.actuator_forcelimited[number]:
                return gear * float(np.abs(model.actuator_forcerange[number]).max())
            motor = model.actuator_biastype[number] == mujoco.mjtBias.mjBIAS_NONE
            if motor and model.actuator_ctrllimited[number]:
                return gear * float(np.abs(model.actuator_ctrlrange[number]).max())
        if model.jnt_actfrclimited[joint]:
            return float(np.abs(model.jnt_actfrcrange[joint]).max())
        self._ask(f"arm.limits.{model.joint(joint).name}.effort: no limit in the model; guessed")
        return EFFORT

    def _servos(self) -> Iterator[str]:
        yield "\n[arm.servo]"
        inertia = np.zeros((self._model.nv, self._model.nv))
        mujoco.mj_fullM(self._model, self._data, inertia)
        for joint in self._arm:
            dof = int(self._model.jnt_dofadr[joint])
            stiffness, damping, known = self._gains(joint, float(inertia[dof, dof]))
            friction = float(self._model.dof_frictionloss[dof])
            own = float(self._model.dof_damping[dof])
            servo = {"stiffness": stiffness, "damping": own, "friction": friction}
            servo["derivative"] = damping
            name = self._model.joint(joint).name
            yield f"{name} = {_table(servo)}{'' if known else GUESS}"
            if not known:
                self._ask(
                    f"arm.servo.{name}: driven by torque, so its controller's gain is guessed"
                )

    def _gains(self, joint: int, inertia: float) -> tuple[float, float, bool]:
        """Return stiffness [N.m/rad], derivative [N.m.s/rad], and whether the model says so."""
        model = self._model
        for number in _actuators(model, joint):
            gain, bias = model.actuator_gainprm[number], model.actuator_biasprm[number]
            if bias[1] < 0 and math.isclose(gain[0], -bias[1]):
                return float(gain[0]), -float(bias[2]), True
        stiffness = self._effort(joint) / LAG
        return stiffness, max(2 * math.sqrt(stiffness * inertia), SLUGGISH * stiffness), False

    def _objects(self) -> Iterator[str]:
        model = self._model
        for joint in range(model.njnt):
            if int(model.jnt_type[joint]) != FREE:
                continue
            body = model.body(int(model.jnt_bodyid[joint]))
            name = _spoken(body.name)
            geoms = _boxes(model, body.id)
            if len(geoms) != 1 or not NAME.match(name):
                self._ask(f"objects: {body.name!r} can move, and is no single box: left out")
                continue
            size = (2 * model.geom_size[geoms[0]]).tolist()
            yield f"\n[objects.{name}]\nbody = {_quoted(body.name)}"
            yield f"color = {_quoted(_color(model.geom_rgba[geoms[0]]))}{GUESS}"
            yield f"size = {_list(size)}\nmass = {float(model.body_mass[body.id]):.6g}"

    def _obstacles(self) -> Iterator[str]:
        model = self._model
        for body in range(1, model.nbody):
            geoms = _boxes(model, body)
            name = _spoken(model.body(body).name)
            if int(model.body_weldid[body]) != 0 or not len(geoms) or not NAME.match(name):
                continue
            if len(geoms) > 1:
                self._ask(f"obstacles: {name} has several parts; it is collided with, not named")
                continue
            rotation = self._data.geom_xmat[geoms[0]].reshape(3, 3)
            if rotation[2, 2] < math.cos(0.01):
                self._ask(f"obstacles: {name} does not stand upright; it is collided with")
                continue
            yaw = math.atan2(rotation[1, 0], rotation[0, 0])
            size = (2 * model.geom_size[geoms[0]]).tolist()
            yield f"\n[obstacles.{name}]\nbody = {_quoted(model.body(body).name)}"
            yield f"center = {_list(self._data.geom_xpos[geoms[0]].tolist())}"
            yield f"size = {_list(size)}\nyaw = {yaw:.6g}"

    def _cameras(self) -> Iterator[str]:
        names = [self._model.camera(number).name for number in range(self._model.ncam)]
        if names:
            listed = ", ".join(names)
            yield f"\n# Cameras of the model, each of which needs a device to see with: {listed}"
            self._ask(f"cameras: {listed} are of the model; a camera of a cell needs a device")


def _actuators(model: mujoco.MjModel, joint: int) -> list[int]:
    transmits = model.actuator_trntype == int(mujoco.mjtTrn.mjTRN_JOINT)
    found: list[int] = np.flatnonzero(transmits & (model.actuator_trnid[:, 0] == joint)).tolist()
    return found


def _boxes(model: mujoco.MjModel, body: int) -> list[int]:
    """Return a body's geoms that collide, where all of them are boxes."""
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    solid = [g for g in range(first, first + count) if model.geom_contype[g]]
    box = int(mujoco.mjtGeom.mjGEOM_BOX)
    return solid if all(int(model.geom_type[g]) == box for g in solid) else []


def _color(rgba: Array) -> str:
    return min(COLORS, key=lambda name: math.dist(COLORS[name], rgba[:3].tolist()))


def _spoken(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", name.lower())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _table(values: dict[str, float]) -> str:
    return f"{{ {', '.join(f'{name} = {value:.6g}' for name, value in values.items())} }}"


def _list(values: list[float]) -> str:
    return f"[{', '.join(f'{value:.6g}' for value in values)}]"
