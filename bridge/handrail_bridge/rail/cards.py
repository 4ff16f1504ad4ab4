"""What a person is shown of what waits: from the checked plan or the call, in the bridge's words.

Nothing that a model wrote freely is on a plan's card: its note is left out. A call's card has the
call's values, as JSON in ASCII: what a text hides in Unicode shows.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping

import numpy as np
from handrail_drivers.errors import InvalidRequest
from handrail_sim.arm import Arm
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

from handrail_bridge.rail.grants import CallGrant, Grant, ToolCall
from handrail_bridge.rail.picture import picture
from handrail_bridge.reports import Card

LONGEST = 200  # characters of a sentence about the goal: predicates in predicates fill pages
READABLE = 1000  # characters of a call's arguments: a person has to read all of them


def card(
    cell: Cell, grant: Grant | CallGrant, objects: Mapping[str, ObjectBelief], now: float
) -> Card:
    """Return the card of a permit that waits; ``objects`` are where they are believed to be."""
    if isinstance(grant, CallGrant):
        return _of_call(cell, grant, now)
    verdict = grant.verdict
    return Card(
        number=grant.number,
        steps=tuple(f"{index}: {told(step, cell)}" for index, step in enumerate(grant.plan.steps)),
        asks=verdict.asks,
        margins=tuple(_margins(verdict, cell.arm)),
        goal=tuple(textwrap.shorten(result.sentence, LONGEST) for result in verdict.goal),
        trajectory_digest=grant.trajectory_digest,
        picture=picture(cell, objects, verdict),
        remaining=grant.expires - now,
        question=f"May the arm of the cell {cell.name!r} make this motion?",
    )


def require_readable(call: ToolCall) -> None:
    """Refuse a call that is too long to be approved: nobody reads on, and its end would pass.

    Raises:
        InvalidRequest: it is.
    """
    if len(call.arguments) > READABLE:
        raise InvalidRequest(
            f"A person has to approve {call.tool.name}, and nobody reads so much.",
            field="arguments",
            value=len(call.arguments),
            limit=READABLE,
            unit="{character}",
            hint="make it several calls",
        )


def _of_call(cell: Cell, grant: CallGrant, now: float) -> Card:
    tool, values = grant.call.tool, json.loads(grant.call.arguments)
    asked = tool.input_schema.get("properties", {})
    told = [f"{name} = {_value(value, asked.get(name, {}))}" for name, value in values.items()]
    says = json.dumps(tool.description.partition("\n")[0])
    return Card(
        number=grant.number,
        steps=(f"call {tool.name} of the device {tool.device!r}", *told),
        asks=grant.asks,
        margins=(
            f"Its driver says of it: {textwrap.shorten(says, LONGEST)}",
            "No check has tried it: the twin does not know what a device does by itself.",
        ),
        goal=(),
        trajectory_digest=grant.trajectory_digest,
        picture="",
        remaining=grant.expires - now,
        question=f"May the device {tool.device!r} of the cell {cell.name!r} do this?",
    )


def _value(value: object, schema: Mapping[str, object]) -> str:
    unit = schema.get("unit", "")
    return f"{json.dumps(value)} {unit}".rstrip()


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


def _margins(verdict: Verdict, arm: Arm) -> Iterator[str]:
    yield f"It lasts {verdict.duration:.1f} s."
    if verdict.path is not None and verdict.trajectory is not None:
        steps = np.linalg.norm(np.diff(verdict.path, axis=0), axis=1)
        fastest = float(steps.max()) * verdict.trajectory.rate
        highest = float(verdict.path[:, 2].max())
        yield f"The TCP moves at {fastest:.2f} m/s at most, and {highest:.2f} m high."
    if verdict.trajectory is not None and (part := verdict.trajectory.policy) is not None:
        ends = (", ".join(f"{1000 * one:.0f}" for one in end) for end in (part.low, part.high))
        units = dict.fromkeys(arm.limits[joint].effort_unit for joint in arm.joints)
        yield (
            f"The policy (SHA-256 {part.sha256[:12]}) may bring the TCP from ({next(ends)}) to "
            f"({next(ends)}) mm, and push with {max(part.effort):.1f} "
            f"{' or '.join(units)} at most."
        )
    if verdict.clearance is not None:
        near = f"{1000 * verdict.clearance:.1f} mm ({verdict.clearance_pair})"
        yield f"The closest to an obstacle: {near}."
    if verdict.robustness is not None:
        found = verdict.robustness
        yield f"It passes in {found.passed} of {found.worlds} worlds a little other than believed."
        if found.worst:
            yield f"The worst: {found.worst}"
