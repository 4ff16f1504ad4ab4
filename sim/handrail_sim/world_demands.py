"""What a world's model has to bring, or no check would find anything in it."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
from handrail_drivers.errors import InvalidCell

NEEDED = (
    mujoco.mjtDisableBit.mjDSBL_CONSTRAINT,
    mujoco.mjtDisableBit.mjDSBL_CONTACT,
    mujoco.mjtDisableBit.mjDSBL_LIMIT,
    mujoco.mjtDisableBit.mjDSBL_FRICTIONLOSS,
    mujoco.mjtDisableBit.mjDSBL_GRAVITY,
    mujoco.mjtDisableBit.mjDSBL_CLAMPCTRL,
    mujoco.mjtDisableBit.mjDSBL_ACTUATION,
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


def name_bodies(spec: mujoco.MjSpec) -> None:
    """Name what the file does not: bodies are told apart by their names."""
    for number, body in enumerate(spec.bodies):
        body.name = body.name or f"/body {number}"


def require_shapes(model: mujoco.MjModel, dofs: Sequence[int]) -> None:
    """Refuse an arm (its joints' dofs) of which a link has shapes, and none that collides.

    Raises:
        InvalidCell: it has such a link.
    """
    arm = set(model.dof_bodyid[list(dofs)].tolist())
    for body in sorted(arm):
        first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
        own = slice(first, first + count)
        if count and not (model.geom_contype[own] | model.geom_conaffinity[own]).any():
            raise InvalidCell(
                f"world.model: no shape of {model.body(body).name!r} collides with anything.",
                field="world.model",
                hint="give its collision shapes a contype and a conaffinity",
            )
