"""Which bodies press on which: contact sensors of MuJoCo's own, put into the belief's model.

MuJoCo 3.17, XML reference, "sensor/contact": data ``force``, reduction ``netforce``, which is the
sum of all contact forces between two bodies, in the world's frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.coupling import in_spec

MARK = "/presses"
FORCE = 1 << int(mujoco.mjtConDataField.mjCONDATA_FORCE)  # a bit of intprm[0]
NET_FORCE = 3  # intprm[1]: none, mindist, maxforce, netforce
ONE = 1  # intprm[2]: of results


@dataclass(frozen=True, slots=True)
class Press:
    """Two bodies whose force is sensed; ``columns`` of the sensors' data hold it (3,) [N]."""

    one: str
    other: str
    columns: slice


def add_force_sensors(spec: mujoco.MjSpec, cell: Cell) -> None:
    """Sense the force between every object and what it can be pressed on or gripped by."""
    for one, other in _pairs(spec, cell):
        sensor = spec.add_sensor(
            name=f"{MARK}/{one}/{other}",
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_BODY,
            objname=one,
            reftype=mujoco.mjtObj.mjOBJ_BODY,
            refname=other,
        )
        sensor.intprm[:3] = np.array([FORCE, NET_FORCE, ONE])


def presses(model: mujoco.MjModel) -> list[Press]:
    """Return what a model with force sensors senses."""
    found = []
    for number in range(model.nsensor):
        sensor = model.sensor(number)
        if sensor.name.startswith(MARK):
            one, other = (model.body(int(part[0])).name for part in (sensor.objid, sensor.refid))
            start = int(sensor.adr[0])
            found.append(Press(one, other, slice(start, start + 3)))
    return found


def _pairs(spec: mujoco.MjSpec, cell: Cell) -> Iterator[tuple[str, str]]:
    # One that the world lacks is refused by who looks for all that the cell names.
    objects = [thing.body for thing in cell.objects.values() if spec.body(thing.body) is not None]
    external = set(cell.arm.external)
    fixed = [body.name for body in spec.bodies if body.geoms and stands(body, external)]
    if cell.arm.gripper is not None:
        jaw = spec.joint(cell.arm.gripper).parent
        others = [spec.joint(name).parent.name for _, name in in_spec(spec, cell.arm.jaw)]
        fixed = [jaw.parent.name, jaw.name, *others, *fixed]
    yield from itertools.product(objects, fixed)
    yield from itertools.combinations(objects, 2)


def stands(body: mujoco.MjsBody, external: Collection[str] = ()) -> bool:
    """Tell whether nothing moves a body, but for external axes: a belt is a table that moves."""
    while body.name != "world":
        if any(joint.name not in external for joint in body.joints):
            return False
        body = body.parent
    return True
