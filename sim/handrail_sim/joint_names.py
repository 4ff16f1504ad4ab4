"""Joints of somebody's own model by names that can stand in a cell file, and back.

Attached models have names such as ``panda/joint1``, others have capitals, spaces or none at all.
A cell calls them otherwise and says so once, in ``world.joints``; whoever loads the cell's world
gets it with the cell's names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import mujoco
from handrail_drivers.errors import InvalidCell

NAME = re.compile(r"^[a-z][a-z0-9_]*$")
OF_TENDONS = (
    "stiffness",
    "springlength",
    "damping",
    "frictionloss",
    "armature",
    "limited",
    "range",
    "margin",
    "actfrclimited",
    "actfrcrange",
    "solref_limit",
    "solimp_limit",
    "solref_friction",
    "solimp_friction",
)


class LegalNames:
    """Gives names that can stand in a cell file, each of them once."""

    def __init__(self, kind: str, taken: Iterable[str] = ()) -> None:
        """Begin with the names that are ``taken``; ``kind`` goes before what is no name alone."""
        self._kind = kind
        self._taken = set(taken)

    def of(self, name: str) -> str:
        """Return a name like another one that nobody has yet."""
        plain = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
        like = plain if plain[:1].isalpha() else f"{self._kind}_{plain}".rstrip("_")
        found, number = like, 2
        while found in self._taken:
            found, number = f"{like}_{number}", number + 1
        self._taken.add(found)
        return found


def name_joints(spec: mujoco.MjSpec) -> None:
    """Name what the file does not: the cell tells joints apart by their names."""
    for number, joint in enumerate(spec.joints):
        joint.name = joint.name or f"/joint {number}"


def joint_names(model: mujoco.MjModel) -> list[str]:
    """Return what a cell calls each joint of a model, which has named them all."""
    names = [model.joint(joint).name for joint in range(model.njnt)]
    legal = LegalNames("joint", names)
    return [name if NAME.match(name) else legal.of(name) for name in names]


def rename_joints(spec: mujoco.MjSpec, called: Mapping[str, str]) -> None:
    """Give joints the cell's names, and tell couplings and tendons.

    ``called``: the model's name by the cell's. Actuators and sensors are not told: no cell's world
    has the model's own.

    Raises:
        InvalidCell: the model has no such joint, or another one has the cell's name there.
    """
    ours = {model: cell for cell, model in called.items()}
    tendons = [tendon for tendon in spec.tendons if _joints(tendon) & set(ours)]
    wraps = [_wraps(tendon, ours) for tendon in tendons]
    for cell, model in called.items():
        _named(spec, model, f"world.joints.{cell}").name = _free(spec, cell)
    for tendon, over in zip(tendons, wraps, strict=True):
        _made_again(spec, tendon, over)
    for equality in spec.equalities:
        if equality.type == mujoco.mjtEq.mjEQ_JOINT:
            equality.name1 = ours.get(equality.name1, equality.name1)
            equality.name2 = ours.get(equality.name2, equality.name2)


def _named(spec: mujoco.MjSpec, name: str, key: str) -> mujoco.MjsJoint:
    joint = spec.joint(name)
    if joint is None:
        raise InvalidCell(
            f"{key}: the world has no joint named {name!r}.",
            field=key,
            value=name,
            choices=sorted(joint.name for joint in spec.joints),
        )
    return joint


def _free(spec: mujoco.MjSpec, name: str) -> str:
    if spec.joint(name) is not None:
        raise InvalidCell(
            f"world.joints.{name}: another joint of the world has that name.",
            field=f"world.joints.{name}",
            hint="call it otherwise, here and wherever the cell names it",
        )
    return name


def _joints(tendon: mujoco.MjsTendon) -> set[str]:
    return {w.target.name for w in tendon.path if w.type == mujoco.mjtWrap.mjWRAP_JOINT}


def _wraps(tendon: mujoco.MjsTendon, ours: Mapping[str, str]) -> list[tuple[str, float]]:
    return [(ours.get(w.target.name, w.target.name), w.coef) for w in tendon.path]


def _made_again(
    spec: mujoco.MjSpec, tendon: mujoco.MjsTendon, wraps: Iterable[tuple[str, float]]
) -> None:
    """A tendon over joints knows them by name, and cannot be told another one."""
    name, again = tendon.name, spec.add_tendon()
    for part in OF_TENDONS:
        setattr(again, part, getattr(tendon, part))
    for joint, share in wraps:
        again.wrap_joint(joint, share)
    spec.delete(tendon)
    again.name = name
