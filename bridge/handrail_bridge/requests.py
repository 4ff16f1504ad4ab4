"""The door: what a request says is either meant or refused, before anything else happens."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from handrail_drivers.errors import InvalidRequest, InvalidValue, UnknownName
from handrail_sim.cell import Cell
from handrail_sim.plan import Holding, JointInRange, MoveJoints, ObjectInRegion, Plan, Predicate
from pydantic import BaseModel, ValidationError

LONGEST = 256 << 10  # bytes of one request's JSON


def parse_json(text: str, field: str) -> dict[str, Any]:
    """Return a JSON object. Raises InvalidRequest where it is none, or too long."""
    if len(text) > LONGEST:
        raise InvalidRequest(
            f"{field} is longer than {LONGEST} bytes.", field=field, value=len(text), limit=LONGEST
        )
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{field} is no valid JSON: {error}.", field=field) from None
    if not isinstance(value, dict):
        raise InvalidRequest(f"{field} must be a JSON object.", field=field, value=value)
    return value


def parse_plan(text: str, cell: Cell) -> Plan:
    """Return the plan that ``text`` describes, its names and joint limits held against the cell.

    Raises:
        InvalidValue: the first offending field, with its value and what is allowed.
        UnknownName: a tool, joint, object or region that does not exist.
    """
    value = parse_json(text, "plan")
    try:
        plan = Plan.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None
    for index, step in enumerate(plan.steps):
        if isinstance(step, MoveJoints):
            _require_joints(step, cell, f"steps[{index}].positions")
    for index, predicate in enumerate(plan.goal):
        _require_names(predicate, cell, f"goal[{index}]")
    return plan


def invalid(error: ValidationError) -> InvalidRequest:
    """Return the first fault of a pydantic validation as an error of ours."""
    first = error.errors(include_url=False)[0]
    field = _path(first["loc"])
    context = first.get("ctx", {})
    if first["type"] == "union_tag_invalid":
        choices = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        kind = "tool" if field.startswith("steps") else "predicate"
        return UnknownName(kind, str(context["tag"]), choices, field)
    limit = next((context[key] for key in ("le", "lt", "ge", "gt") if key in context), None)
    given = first["input"]
    shown = given if isinstance(given, str | int | bool | float) else None
    more = error.error_count() - 1
    return InvalidValue(
        f"{field}: {first['msg'][:1].lower()}{first['msg'][1:]}."
        + (f" ({more} more faults.)" if more else ""),
        field=field,
        value=repr(shown) if isinstance(shown, float) and not math.isfinite(shown) else shown,
        limit=limit,
        hint="see the tool's input schema: `handrail tools`",
    )


def validate(model: type[BaseModel], arguments: dict[str, Any]) -> BaseModel:
    """Return the arguments as ``model``, or raise as :func:`invalid` says."""
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        raise invalid(error) from None


def require_name(kind: str, name: str, choices: Iterable[str], field: str) -> None:
    """Refuse a name that does not exist, with the nearest one that does."""
    valid = tuple(choices)
    if name not in valid:
        raise UnknownName(kind, name, valid, field)


def _require_joints(step: MoveJoints, cell: Cell, field: str) -> None:
    for joint, position in step.positions.items():
        require_name("joint", joint, cell.arm.all_joints, f"{field}.{joint}")
        limits = cell.arm.limits[joint]
        if not limits.low <= position <= limits.high:
            raise InvalidValue(
                f"{joint} goes from {limits.low:.4f} rad to {limits.high:.4f} rad.",
                field=f"{field}.{joint}",
                value=position,
                limit=limits.high if position > limits.high else limits.low,
                unit="rad",
                hint=_degrees(position, limits.low, limits.high),
            )


def _degrees(position: float, low: float, high: float) -> str:
    radians = math.radians(position)
    if abs(position) > math.pi and low <= radians <= high:
        return f"angles are in radians: {position:g} degrees are {radians:.4f} rad"
    return "choose a position within the limits"


def _require_names(predicate: Predicate, cell: Cell, field: str) -> None:
    if isinstance(predicate, Holding) and predicate.object is not None:
        require_name("object", predicate.object, cell.objects, f"{field}.object")
    if isinstance(predicate, ObjectInRegion):
        require_name("object", predicate.object, cell.objects, f"{field}.object")
        require_name("region", predicate.region, cell.regions, f"{field}.region")
    if isinstance(predicate, JointInRange):
        require_name("joint", predicate.joint, cell.arm.all_joints, f"{field}.joint")


def _path(location: tuple[int | str, ...]) -> str:
    """``("steps", 1, "arm_move_joints", "speed")`` -> ``steps[1].speed``."""
    path = ""
    tagged = False
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            tagged = path.count("[") == 1  # the union's tag follows the index
        elif tagged:
            tagged = False
        else:
            path += f".{part}" if path else part
    return path or "plan"
