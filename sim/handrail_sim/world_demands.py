"""What a world's model has to bring, or no check would find anything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import mujoco
from handrail_drivers.errors import InvalidCell

from handrail_sim.arm import Arm
from handrail_sim.coupling import couplings
from handrail_sim.demands import ForceLimit
from handrail_sim.forces import presses
from handrail_sim.kinematic_chain import below

NEEDED = (
    mujoco.mjtDisableBit.mjDSBL_CONSTRAINT,
    mujoco.mjtDisableBit.mjDSBL_CONTACT,
    mujoco.mjtDisableBit.mjDSBL_LIMIT,
    mujoco.mjtDisableBit.mjDSBL_FRICTIONLOSS,
    mujoco.mjtDisableBit.mjDSBL_GRAVITY,
    mujoco.mjtDisableBit.mjDSBL_CLAMPCTRL,
    mujoco.mjtDisableBit.mjDSBL_ACTUATION,
    mujoco.mjtDisableBit.mjDSBL_SENSOR,  # by which forces are told
    mujoco.mjtDisableBit.mjDSBL_EQUALITY,
    mujoco.mjtDisableBit.mjDSBL_DAMPER,
    mujoco.mjtDisableBit.mjDSBL_SPRING,
)


def require_physics(spec: mujoco.MjSpec) -> None:
    """Refuse a model that switches off what the check looks at: it would find nothing.

    Raises:
        InvalidCell: it does.
    """
    off = [bit.name for bit in NEEDED if spec.option.disableflags & int(bit)]
    if spec.option.enableflags & int(mujoco.mjtEnableBit.mjENBL_OVERRIDE):
        off.append("the contacts' own parameters (override)")
    if off:
        raise InvalidCell(
            f"world.model: the model switches off {', '.join(off)}: no check finds anything.",
            field="world.model",
            hint="remove the flags from its <option>",
        )


def require_units(model: mujoco.MjModel, arm: Arm) -> None:
    """Refuse a joint that slides and is told in radians, or turns and is told in metres.

    Raises:
        InvalidCell: its tolerances would be of the other unit.
    """
    for name in arm.all_joints:
        slides = model.joint(name).type[0] == mujoco.mjtJoint.mjJNT_SLIDE
        if slides != (arm.limits[name].unit == "m"):
            raise InvalidCell(
                f"arm.limits.{name}.unit: {name} {'slides' if slides else 'turns'} in the world.",
                field=f"arm.limits.{name}.unit",
                value=arm.limits[name].unit,
                limit="m" if slides else "rad",
            )


def require_fingers(model: mujoco.MjModel, arm: Arm) -> None:
    """Refuse a gripper of which not as many fingers move as the cell file says.

    Raises:
        InvalidCell: others do.
    """
    both = "both move" if couplings(model, arm.jaw) else "one moves"
    if arm.fingers != both:
        raise InvalidCell(
            f"arm.fingers: of those in the world {both}.",
            field="arm.fingers",
            value=arm.fingers,
            choices=[both],
        )


def require_solid(model: mujoco.MjModel, bodies: Mapping[str, str]) -> None:
    """Refuse what the cell names (bodies of the world, by what names them) and nothing can hit.

    Raises:
        InvalidCell: there is no such body, or none of its shapes collides with anything.
    """
    for field, name in bodies.items():
        body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
        if body < 0:
            known = sorted(model.body(one).name for one in range(1, model.nbody))
            raise InvalidCell(
                f"{field}: the world has no body {name!r}.", field=field, value=name, choices=known
            )
        if not _collides(model, body):
            raise InvalidCell(
                f"{field}: no shape of {name!r} collides with anything.",
                field=field,
                value=name,
                hint="give its collision shapes a contype and a conaffinity",
            )


def require_pressed(model: mujoco.MjModel, limits: Sequence[ForceLimit]) -> None:
    """Refuse a force's limit for two bodies between which no force is sensed: it would not count.

    Raises:
        InvalidCell: there is one, with the bodies for which there can be one.
    """
    pairs = [{press.one, press.other} for press in presses(model)]
    known = set(chain.from_iterable(pairs))
    for number, limit in enumerate(limits):
        if {limit.one, limit.other} in pairs:
            continue
        wrong, partner = ("other", limit.one) if limit.one in known else ("one", limit.other)
        beside = set(chain.from_iterable(pair for pair in pairs if partner in pair)) - {partner}
        field = f"check.forces[{number}]"
        raise InvalidCell(
            f"{field}: no force between {limit.one!r} and {limit.other!r} is looked at.",
            field=f"{field}.{wrong}",
            value=getattr(limit, wrong),
            choices=sorted(beside or known),
            hint="one has to be an object's body, the other what it can be pressed on or held by",
        )


def name_bodies(spec: mujoco.MjSpec) -> None:
    """Name what the file does not: bodies are told apart by their names."""
    for number, body in enumerate(spec.bodies):
        body.name = body.name or f"/body {number}"


def require_shapes(model: mujoco.MjModel, arm: Arm, shown_only: Sequence[str]) -> None:
    """Refuse a robot of which a body has shapes, and none that collides.

    ``shown_only`` are bodies of which the cell says that this is meant; no link of the arm can be.

    Raises:
        InvalidCell: it has such a body, or none of a name in ``shown_only``.
    """
    known = sorted(model.body(body).name for body in range(1, model.nbody))
    for number, name in enumerate(shown_only):
        if name not in known:
            field = f"world.shown_only.{number}"
            raise InvalidCell(
                f"{field}: the world has no body {name!r}.", field=field, value=name, choices=known
            )
    joints = [model.joint(name).id for name in arm.joints]
    links = set(model.jnt_bodyid[joints].tolist())
    for body in untouchable(model, joints[0]):
        name = model.body(body).name
        if body in links or name not in shown_only:
            also = "" if body in links else "; or name it in world.shown_only"
            raise InvalidCell(
                f"world.model: no shape of {name!r} collides with anything.",
                field="world.model",
                hint=f"give its collision shapes a contype and a conaffinity{also}",
            )


def untouchable(model: mujoco.MjModel, joint: int) -> list[int]:
    """Return the bodies of a robot, by its first joint, that have shapes, and none that collides.

    Looked at are what carries that joint, and all that it moves: hand and fingers as well.
    """
    body = first = int(model.jnt_bodyid[joint])
    robot = [one for one in range(first, model.nbody) if below(model, one, first)]
    while body := int(model.body_parentid[body]):
        robot.append(body)
    return [one for one in sorted(robot) if model.body_geomnum[one] and not _collides(model, one)]


def _collides(model: mujoco.MjModel, body: int) -> bool:
    """Tell whether any shape of a body collides with anything."""
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    own = slice(first, first + count)
    return bool((model.geom_contype[own] | model.geom_conaffinity[own]).any())
