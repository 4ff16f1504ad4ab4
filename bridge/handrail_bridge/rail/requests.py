"""The door: what a plan says is either meant or refused, before anything else happens."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from handrail_drivers.errors import InvalidRequest, InvalidValue
from handrail_sim.arm import JointLimits
from handrail_sim.cell import Cell
from handrail_sim.plan import GripperSet, MoveJoints, Plan, PolicyRun
from handrail_sim.predicates import Predicate, parts, timed

from handrail_bridge.devices.boards import streamed_names
from handrail_bridge.devices.modbus import polled_names
from handrail_bridge.loop.settings import sensor_names
from handrail_bridge.parsing import parse, require_name

Names = Mapping[str, Iterable[str]]


def parse_plan(text: str, cell: Cell) -> Plan:
    """Return the plan in ``text``, its names and joint limits held against the cell.

    Raises:
        InvalidRequest, InvalidValue, UnknownName: as :func:`parse`; a key that is there twice.
    """
    plan = parse(Plan, text, "plan")
    json.loads(text, object_pairs_hook=_once)
    names = names_of(cell)
    for index, step in enumerate(plan.steps):
        if isinstance(step, GripperSet) and cell.arm.gripper is None:
            raise InvalidValue(
                f"The arm of {cell.name!r} has no gripper.",
                field=f"steps[{index}].tool",
                value=step.tool,
                hint="leave the step out",
            )
        if isinstance(step, PolicyRun):
            require_name("policy", step.policy, cell.policies, f"steps[{index}].policy")
            if step.thing is not None:
                require_name("object", step.thing, cell.objects, f"steps[{index}].thing")
        if isinstance(step, MoveJoints):
            _require_joints(step, cell, f"steps[{index}].positions")
        for number, predicate in enumerate(step.expect):
            require_names(predicate, names, f"steps[{index}].expect[{number}]")
    for index, goal in enumerate(plan.goal):
        require_names(goal, names, f"goal[{index}]")
    return plan


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is there twice: whoever reads the first would see another plan."""
    read = dict(pairs)
    if len(read) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise InvalidRequest(f"The plan says {key!r} twice in one place.", field=key)
    return read


def _require_joints(step: MoveJoints, cell: Cell, field: str) -> None:
    for joint, position in step.positions.items():
        require_name("joint", joint, cell.arm.all_joints, f"{field}.{joint}")
        limits = cell.arm.limits[joint]
        if not limits.low <= position <= limits.high:
            raise InvalidValue(
                f"{joint} goes from {limits.low:.4f} {limits.unit} to "
                f"{limits.high:.4f} {limits.unit}.",
                field=f"{field}.{joint}",
                value=position,
                limit=limits.high if position > limits.high else limits.low,
                unit=limits.unit,
                hint=_otherwise_meant(position, limits),
            )


def _otherwise_meant(position: float, limits: JointLimits) -> str:
    """Return what to try instead: degrees or millimetres may have been meant."""
    radians = math.radians(position)
    if limits.unit == "m":
        if abs(position) >= 1 and limits.low <= position / 1000 <= limits.high:
            return f"lengths are in metres: {position:g} mm are {position / 1000:g} m"
    elif abs(position) > math.pi and limits.low <= radians <= limits.high:
        return f"angles are in radians: {position:g} degrees are {radians:.4f} rad"
    return "choose a position within the limits"


def names_of(cell: Cell) -> Names:
    """Return what predicates may name in a cell, by kind; reads the register maps."""
    return {
        "object": cell.objects,
        "region": cell.regions,
        "joint": cell.arm.all_joints,
        "support": (*cell.objects, *cell.obstacles),
        "sensor": (*sensor_names(cell), *polled_names(cell), *streamed_names(cell)),
    }


def require_names(predicate: Predicate, names: Names, field: str) -> None:
    """Refuse a predicate that names what the cell does not have.

    Raises:
        UnknownName: with the nearest name that exists.
    """
    for kind, choices in names.items():
        if (name := getattr(predicate, kind, None)) is not None:
            require_name(kind, name, choices, f"{field}.{kind}")
    for part in parts(predicate):
        require_names(part, names, f"{field}.of")


def require_timeless(predicate: Predicate, field: str) -> None:
    """Refuse a predicate with a time where nothing begins from which to count it.

    Raises:
        InvalidValue: it has one.
    """
    for within in timed(predicate):
        raise InvalidValue(
            "within counts from the beginning of a plan or a step, and here is neither.",
            field=field,
            value=within.seconds,
            limit="no within",
            unit="s",
            hint="ask for what it is of, now and again",
        )
