"""Joints that follow one of the cell's by a gear: the second finger of a parallel gripper.

In a world's file each is an ``equality/joint`` with a straight line (MuJoCo 3, XML reference,
"equality/joint": y - y0 = a0 + a1 (x - x0), the other coefficients 0).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import mujoco


@dataclass(frozen=True, slots=True)
class Coupling:
    """A joint that stands at ``offset + ratio * leader``."""

    joint: str
    leader: str  # one of the cell's
    offset: float
    ratio: float


def couplings(model: mujoco.MjModel, leaders: Collection[str]) -> list[Coupling]:
    """Return the joints of a model that follow one of ``leaders``."""
    found: list[Coupling] = []
    for number in range(model.neq):
        if model.eq_type[number] != mujoco.mjtEq.mjEQ_JOINT or not model.eq_active0[number]:
            continue
        one, other = (int(ids[number]) for ids in (model.eq_obj1id, model.eq_obj2id))
        if other >= 0:
            names = model.joint(one).name, model.joint(other).name
            zeros = [float(model.qpos0[model.jnt_qposadr[joint]]) for joint in (one, other)]
            found += _coupling(names, zeros, model.eq_data[number, :5].tolist(), leaders)
    return found


def fingers(model: mujoco.MjModel, gripper: str) -> tuple[str, str]:
    """Return the bodies between which a gripper's joint holds things.

    The second moves with the joint; the first follows it, or else is what carries the second.
    """
    jaw = model.body(int(model.joint(gripper).bodyid[0]))
    followers = [one.joint for one in couplings(model, (gripper,))]
    other = model.joint(followers[0]).bodyid if followers else jaw.parentid
    return model.body(int(other[0])).name, jaw.name


def in_spec(
    spec: mujoco.MjSpec, leaders: Collection[str]
) -> Iterator[tuple[mujoco.MjsEquality, str]]:
    """Yield the equalities of an editable model that couple a joint to one of ``leaders``."""
    for equality in spec.equalities:
        if equality.type != mujoco.mjtEq.mjEQ_JOINT or not equality.active or not equality.name2:
            continue
        zeros = [float(spec.joint(name).ref) for name in (equality.name1, equality.name2)]
        names = equality.name1, equality.name2
        for one in _coupling(names, zeros, list(equality.data[:5]), leaders):
            yield equality, one.joint


def _coupling(
    names: tuple[str, str],
    zeros: Sequence[float],
    line: Sequence[float],
    leaders: Collection[str],
) -> Iterator[Coupling]:
    (joint, other), (y0, x0), (a0, a1, *bent) = names, zeros, line
    if any(bent) or a1 == 0:
        return
    if other in leaders and joint not in leaders:
        yield Coupling(joint, other, y0 + a0 - a1 * x0, a1)
    elif joint in leaders and other not in leaders:
        yield Coupling(other, joint, x0 - (y0 + a0) / a1, 1 / a1)
