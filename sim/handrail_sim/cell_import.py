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
from handrail_sim.gripper_draft import JawDraft
from handrail_sim.gripper_import import Unguessed, find_jaw, on
from handrail_sim.joint_names import joint_names, name_joints
from handrail_sim.kinematic_chain import arm_and_others, below, rigid_end
from handrail_sim.scenery_import import GUESS, Scenery, quoted, table
from handrail_sim.world_demands import name_bodies, untouchable

TCP = ("tcp", "grip_site", "pinch", "gripperframe", "attachment_site", "ee_site", "end_effector")
SLOW = {"velocity": 0.5, "acceleration": 2.0, "jerk": 20.0}  # rad/s, rad/s2, rad/s3
EFFORT = 5.0  # N.m where the model limits none
SLUGGISH = 0.05  # s in which such a controller settles, where the links alone would be faster
LAG = 0.05  # rad at which a controller whose gain nobody knows gives all of its effort


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
        spec = mujoco.MjSpec.from_file(str(path))
        name_bodies(spec)
        name_joints(spec)
        model = spec.compile()
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
        self._call = joint_names(model)
        self._jaw = self._find_jaw()

    def draft(self) -> Draft:
        """Return the whole of it."""
        parts = [*self._head(), *self._chain(), *self._limits(), *self._servos()]
        things = Scenery(self._model, self._data, self._ask)
        parts += [*things.objects(), *things.obstacles(), *things.tables(), *things.cameras()]
        self._draft.text = "\n".join(parts) + "\n"
        return self._draft

    def _ask(self, sentence: str) -> None:
        self._draft.unknown.append(sentence)

    def _head(self) -> Iterator[str]:
        yield f"name = {quoted(self._name)}"
        told = f"imported from {self._path}: look at every line marked guessed"
        yield f"description = {quoted(told)}"
        yield f"\n[world]\nmodel = {quoted(self._path)}"
        yield f"timestep = {self._timestep():.6g}"
        yield from self._shown_only()
        yield ""
        yield from self._called_otherwise()
        self._ask_about_physics()
        yield "[devices]\n"
        self._ask("devices: without a driver for the arm its plans can be checked, and not run")

    def _called_otherwise(self) -> Iterator[str]:
        names = [(self._model.joint(joint).name, self._call[joint]) for joint in self._moved()]
        odd = {ours: model for model, ours in names if ours != model}
        if odd:
            yield "[world.joints]"
            yield from (f"{ours} = {quoted(model)}" for ours, model in odd.items())
            yield ""
            listed = ", ".join(f"{model!r} {ours}" for ours, model in odd.items())
            self._ask(f"world.joints: what the model calls otherwise the cell calls so: {listed}")

    def _shown_only(self) -> Iterator[str]:
        """Yield which bodies are only shown, and say what follows from that, a sentence each."""
        model, lacks = self._model, "no shape of {} collides with anything"
        mend = "give its collision shapes a contype and a conaffinity"
        links = {int(model.jnt_bodyid[joint]) for joint in self._arm}
        found = untouchable(model, self._arm[0])
        for body in found:
            what = lacks.format(model.body(body).name)
            if body in links:
                self._ask(f"world.model: {what}, and no cell loads with such a link: {mend}")
            else:
                self._ask(f"world.shown_only: {what}, so no check finds what hits it: {mend}")
        if shown := [model.body(body).name for body in found if body not in links]:
            yield f"shown_only = [{', '.join(map(quoted, shown))}]{GUESS}"

    def _moved(self) -> list[int]:
        """Return the joints that the cell names."""
        return self._arm if self._jaw is None else [*self._arm, self._jaw.jaw.joint]

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
            names = f"{model.body(one).name} and {model.body(other).name}"
            self._ask(f"world.model: it lets {names} pass through each other (exclude)")
        if model.body_gravcomp.any():
            self._ask("world.model: its bodies weigh nothing (gravcomp); in the cell they weigh")
        if not model.opt.gravity.any():
            self._ask("world.model: it has no gravity: nothing falls, nothing weighs")

    def _chain(self) -> Iterator[str]:
        model = self._model
        names = [self._call[joint] for joint in self._arm]
        yield f"[arm]\njoints = [{', '.join(map(quoted, names))}]"
        if self._jaw is not None:
            yield from self._jaw.head()
        x, y = self._data.xanchor[self._arm[0]][:2]
        yield f"axis = [{x:.6g}, {y:.6g}]"
        yield from self._tcp() if self._jaw is None else self._jaw.frame()
        yield f"home = {table(self._home())}{'' if model.nkey else GUESS}"
        yield f"rest = {table(self._home())}{GUESS}"
        if not model.nkey:
            self._ask("arm.home: the model has no keyframe; the middle of each range stands there")
        self._ask("arm.rest: where it stays without torque is not known; it is home for now")

    def _find_jaw(self) -> JawDraft | None:
        """Return the gripper at the arm's end, and say what none was made of."""
        carrier = int(self._model.jnt_bodyid[self._arm[-1]])
        ours = on(self._model, carrier, self._others)
        apart = [joint for joint in self._others if joint not in ours]
        if apart:
            self._ask(f"arm: {self._named(apart)} held rigid, being no part of it")
        if not ours:
            return None
        try:
            jaw = find_jaw(self._model, self._data, ours)
        except Unguessed as why:
            has = "it" if len(ours) == 1 else "them"
            self._ask(f"arm.gripper: {self._named(ours)} held rigid as the model has {has}: {why}")
            return None
        return JawDraft(self._model, jaw, self._call[jaw.joint], self._ask)

    def _named(self, joints: list[int]) -> str:
        names = ", ".join(self._model.joint(joint).name for joint in joints)
        return f"{names} {'is' if len(joints) == 1 else 'are'}"

    def _tcp(self) -> Iterator[str]:
        model = self._model
        tip = int(model.jnt_bodyid[self._arm[-1]])
        sites = [model.site(number) for number in range(model.nsite)]
        own = [site.name for site in sites if site.name and below(model, int(site.bodyid[0]), tip)]
        usual = {name: re.split("[/:]", name)[-1].lower() for name in own}
        found = next((name for like in TCP for name in own if usual[name] == like), None)
        if found is not None:
            yield f"tcp = {quoted(found)}"
            self._ask(f"arm.tcp: {found} should have +z as approach and +x as opening direction")
            return
        end = model.body(rigid_end(model, tip)).name
        yield f'tcp = "tcp"{GUESS}'
        yield f"frame = {{ body = {quoted(end)} }}{GUESS}"
        listed = f" (it has {', '.join(own)})" if own else ""
        self._ask(f"arm.frame: no site says where the TCP is{listed}; it is put at {end}'s origin")

    def _home(self) -> dict[str, float]:
        model = self._model
        moved = self._moved()
        if model.nkey:
            at = [float(self._data.qpos[model.jnt_qposadr[joint]]) for joint in moved]
        else:
            at = [sum(self._range(joint)) / 2 for joint in moved]
        return {self._call[joint]: place for joint, place in zip(moved, at, strict=True)}

    def _range(self, joint: int) -> tuple[float, float]:
        if not self._model.jnt_limited[joint]:
            return -math.pi, math.pi
        low, high = self._model.jnt_range[joint].tolist()
        return low, high

    def _limits(self) -> Iterator[str]:
        yield "\n[arm.limits]" + GUESS.replace("guessed", "velocity, acceleration and jerk guessed")
        for joint in self._arm:
            low, high = self._range(joint)
            name = self._call[joint]
            limits = {"low": low, "high": high, **SLOW, "effort": self._effort(joint)}
            yield f"{name} = {table(limits)}"
            if not self._model.jnt_limited[joint]:
                self._ask(f"arm.limits.{name}: the model does not limit it; half a turn each way")
        if self._jaw is not None:
            yield self._jaw.limits()
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
        self._ask(f"arm.limits.{self._call[joint]}.effort: no limit in the model; guessed")
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
            name = self._call[joint]
            yield f"{name} = {table(servo)}{'' if known else GUESS}"
            if not known:
                self._ask(
                    f"arm.servo.{name}: driven by torque, so its controller's gain is guessed"
                )

        if self._jaw is not None:
            yield self._jaw.servo()

    def _gains(self, joint: int, inertia: float) -> tuple[float, float, bool]:
        """Return stiffness [N.m/rad], derivative [N.m.s/rad], and whether the model says so."""
        model = self._model
        for number in _actuators(model, joint):
            gain, bias = model.actuator_gainprm[number], model.actuator_biasprm[number]
            if bias[1] < 0 and math.isclose(gain[0], -bias[1]):
                return float(gain[0]), -float(bias[2]), True
        stiffness = self._effort(joint) / LAG
        return stiffness, max(2 * math.sqrt(stiffness * inertia), SLUGGISH * stiffness), False


def _actuators(model: mujoco.MjModel, joint: int) -> list[int]:
    transmits = model.actuator_trntype == int(mujoco.mjtTrn.mjTRN_JOINT)
    found: list[int] = np.flatnonzero(transmits & (model.actuator_trnid[:, 0] == joint)).tolist()
    return found
