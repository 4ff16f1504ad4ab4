"""What of a foreign model is the arm: its longest chain of hinges, up to the hand."""

from __future__ import annotations

import re

import mujoco
from handrail_drivers.errors import InvalidCell

HINGE, SLIDE, FREE = (
    int(mujoco.mjtJoint.mjJNT_HINGE),
    int(mujoco.mjtJoint.mjJNT_SLIDE),
    int(mujoco.mjtJoint.mjJNT_FREE),
)
GRIPPER = re.compile("grip|finger|jaw|claw|knuckle")
HAND = 3  # joints at most of a hand's branch: what forks with more beyond is a torso


def arm_and_others(model: mujoco.MjModel) -> tuple[list[int], list[int]]:
    """Return the longest chain of hinges up to the hand, and the other joints.

    The hand begins with a joint that slides or is called like one of a gripper, or where the chain
    forks near its end.

    Raises:
        InvalidCell: there is no hinge.
    """
    chains = [_chain(model, body) for body in range(model.nbody)]
    chain = max(chains, key=len, default=[])
    arm = chain[: next((n for n in range(len(chain)) if _begins_hand(model, chain, n)), None)]
    if not arm:
        first = f": its longest chain begins with {model.joint(chain[0]).name!r}" if chain else ""
        raise InvalidCell(
            f"The model has no chain of hinges{first}: there is no arm in it.",
            hint="an arm begins with a hinge: fix in the model what carries it",
        )
    moving = [joint for joint in range(model.njnt) if int(model.jnt_type[joint]) in (HINGE, SLIDE)]
    return arm, [joint for joint in moving if joint not in arm]


def _begins_hand(model: mujoco.MjModel, chain: list[int], place: int) -> bool:
    joint = chain[place]
    if int(model.jnt_type[joint]) != HINGE or GRIPPER.search(model.joint(joint).name.lower()):
        return True
    if place == 0 or len(chain) - place > HAND:
        return False
    carrier = int(model.jnt_bodyid[chain[place - 1]])
    return len(_branches(model, carrier)) > 1


def _branches(model: mujoco.MjModel, carrier: int) -> list[int]:
    """Return the jointed bodies that hang on a body by rigid ones alone."""
    found = []
    for body in range(carrier + 1, model.nbody):
        parent = int(model.body_parentid[body])
        while parent > carrier and not model.body_jntnum[parent]:
            parent = int(model.body_parentid[parent])
        if model.body_jntnum[body] and parent == carrier:
            found.append(body)
    return found


def _chain(model: mujoco.MjModel, body: int) -> list[int]:
    """Return the joints from the world to a body; what moves freely begins no arm."""
    joints: list[int] = []
    while body:
        first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
        joints = [*range(first, first + count), *joints]
        body = int(model.body_parentid[body])
    free = any(int(model.jnt_type[joint]) == FREE for joint in joints)
    return [] if free else joints


def below(model: mujoco.MjModel, body: int, top: int) -> bool:
    """Tell whether a body is another one, or hangs on it."""
    while body and body != top:
        body = int(model.body_parentid[body])
    return body == top


def rigid_end(model: mujoco.MjModel, body: int) -> int:
    """Return the end of the chain of single, rigid bodies that begins with one."""
    while True:
        children = [
            child
            for child in range(body + 1, model.nbody)
            if int(model.body_parentid[child]) == body and not model.body_jntnum[child]
        ]
        if len(children) != 1:
            return body
        body = children[0]
