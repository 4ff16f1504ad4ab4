"""What a person is shown of a plan that waits: from the checked plan, in the bridge's own words.

Nothing that a model wrote freely is on a card: its note is left out.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping

import numpy as np
from handrail_sim.cell import Cell
from handrail_sim.plan import (
    GripperSet,
    Home,
    MoveJoints,
    MoveToPose,
    PolicyRun,
    Rest,
    Step,
    Wait,
)
from handrail_sim.verdict import ObjectBelief, Verdict

from handrail_bridge.permits import Grant
from handrail_bridge.picture import picture
from handrail_bridge.reports import Card

LONGEST = 200  # characters of a sentence about the goal: predicates in predicates fill pages


def card(cell: Cell, grant: Grant, objects: Mapping[str, ObjectBelief], now: float) -> Card:
    """Return the card of a permit that waits; ``objects`` are where they are believed to be."""
    verdict = grant.verdict
    return Card(
        number=grant.number,
        steps=tuple(f"{index}: {told(step, cell)}" for index, step in enumerate(grant.plan.steps)),
        asks=verdict.asks,
        margins=tuple(_margins(verdict)),
        goal=tuple(textwrap.shorten(result.sentence, LONGEST) for result in verdict.goal),
        trajectory_digest=grant.trajectory_digest,
        picture=picture(cell, objects, verdict),
        remaining=grant.expires - now,
    )


def told(step: Step, cell: Cell) -> str:
    """Return a step as a sentence."""
    match step:
        case MoveJoints():
            joints = ", ".join(
                f"{name} to {at:.3f} {cell.arm.limits[name].unit}"
                for name, at in step.positions.items()
            )
            return f"move {joints}{_pace(step.speed)}"
        case MoveToPose():
            where = ", ".join(f"{1000 * part:.0f}" for part in step.position)
            yaw = "" if step.yaw is None else f", turned to {math.degrees(step.yaw):.0f} deg"
            way = ", round what is in the way" if step.avoid else ""
            tilt = f"tilted by {math.degrees(step.tilt):.0f} deg"
            return f"move the TCP to ({where}) mm, {tilt}{yaw}{way}{_pace(step.speed)}"
        case GripperSet(gap=0):
            return f"close the gripper{_pace(step.speed)}"
        case GripperSet():
            return f"open or close the gripper to {1000 * step.gap:.0f} mm{_pace(step.speed)}"
        case Home():
            return f"go home{_pace(step.speed)}"
        case Rest():
            return f"go home, then lower the arm to its rest{_pace(step.speed)}"
        case Wait():
            return f"wait for {step.seconds:g} s"
        case PolicyRun():
            where = ", ".join(f"{1000 * part:.0f}" for part in step.target)
            whence = f" from {step.thing}" if step.thing else ""
            what = f"let the policy {step.policy} bring the TCP to ({where}) mm{whence}"
            return f"{what}, for {step.duration:g} s{_pace(step.speed)}"


def _pace(speed: float) -> str:
    return f", at {speed:.0%} of full speed"


def _margins(verdict: Verdict) -> Iterator[str]:
    yield f"It lasts {verdict.duration:.1f} s."
    if verdict.path is not None and verdict.trajectory is not None:
        steps = np.linalg.norm(np.diff(verdict.path, axis=0), axis=1)
        fastest = float(steps.max()) * verdict.trajectory.rate
        highest = float(verdict.path[:, 2].max())
        yield f"The TCP moves at {fastest:.2f} m/s at most, and {highest:.2f} m high."
    if verdict.trajectory is not None and (part := verdict.trajectory.policy) is not None:
        ends = (", ".join(f"{1000 * one:.0f}" for one in end) for end in (part.low, part.high))
        yield (
            f"The policy (SHA-256 {part.sha256[:12]}) may bring the TCP from ({next(ends)}) to "
            f"({next(ends)}) mm, and push with {max(part.effort):.1f} N.m at most."
        )
    if verdict.clearance is not None:
        near = f"{1000 * verdict.clearance:.1f} mm ({verdict.clearance_pair})"
        yield f"The closest to an obstacle: {near}."
    if verdict.robustness is not None:
        found = verdict.robustness
        yield f"It passes in {found.passed} of {found.worlds} worlds a little other than believed."
        if found.worst:
            yield f"The worst: {found.worst}"
