"""The door: what a request says is either meant or refused, before anything else happens."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

from handrail_drivers.errors import InvalidRequest, InvalidValue, UnknownName
from handrail_sim.cell import Cell
from handrail_sim.plan import GripperSet, MoveJoints, Plan
from handrail_sim.predicates import Predicate, Within, parts
from pydantic import BaseModel, ValidationError

from handrail_bridge.loop.settings import sensor_names
from handrail_bridge.modbus_devices import polled_names

LONGEST = 256 << 10  # bytes of one request's JSON

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], text: str, field: str) -> Model:
    """Return the JSON object in ``text`` as ``model``: "1" and true are no numbers here.

    Raises:
        InvalidRequest: no JSON, or too long.
        InvalidValue: the first offending field, with its value and what is allowed.
        UnknownName: a tool or predicate that does not exist.
    """
    if len(text) > LONGEST:
        raise InvalidRequest(
            f"{field} is longer than {LONGEST} bytes.", field=field, value=len(text), limit=LONGEST
        )
    try:
        return model.model_validate_json(text or "{}", strict=True)
    except ValidationError as error:
        raise _invalid(error, field) from None


def parse_plan(text: str, cell: Cell) -> Plan:
    """Return the plan in ``text``, its names and joint limits held against the cell.

    Raises:
        InvalidRequest, InvalidValue, UnknownName: as :func:`parse`.
    """
    plan = parse(Plan, text, "plan")
    for index, step in enumerate(plan.steps):
        if isinstance(step, GripperSet) and cell.arm.gripper is None:
            raise InvalidValue(
                f"The arm of {cell.name!r} has no gripper.",
                field=f"steps[{index}].tool",
                value=step.tool,
                hint="leave the step out",
            )
        if isinstance(step, MoveJoints):
            _require_joints(step, cell, f"steps[{index}].positions")
        for number, predicate in enumerate(step.expect):
            require_names(predicate, cell, f"steps[{index}].expect[{number}]")
    for index, goal in enumerate(plan.goal):
        require_names(goal, cell, f"goal[{index}]")
    return plan


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
                f"{joint} goes from {limits.low:.4f} {limits.unit} to "
                f"{limits.high:.4f} {limits.unit}.",
                field=f"{field}.{joint}",
                value=position,
                limit=limits.high if position > limits.high else limits.low,
                unit=limits.unit,
                hint=_degrees(position, limits.low, limits.high),
            )


def _degrees(position: float, low: float, high: float) -> str:
    radians = math.radians(position)
    if abs(position) > math.pi and low <= radians <= high:
        return f"angles are in radians: {position:g} degrees are {radians:.4f} rad"
    return "choose a position within the limits"


def require_names(predicate: Predicate | Within, cell: Cell, field: str) -> None:
    """Refuse a predicate that names what the cell does not have.

    Raises:
        UnknownName: with the nearest name that exists.
    """
    names: dict[str, Iterable[str]] = {
        "object": cell.objects,
        "region": cell.regions,
        "joint": cell.arm.all_joints,
        "support": (*cell.objects, *cell.obstacles),
        "sensor": (*sensor_names(cell), *polled_names(cell)),
    }
    for kind, choices in names.items():
        if (name := getattr(predicate, kind, None)) is not None:
            require_name(kind, name, choices, f"{field}.{kind}")
    for part in parts(predicate):
        require_names(part, cell, f"{field}.of")


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
    return path


def _invalid(error: ValidationError, whole: str) -> InvalidRequest:
    first, *others = error.errors(include_url=False)
    field = _path(first["loc"]) or whole
    context = first.get("ctx", {})
    if first["type"] == "json_invalid":
        return InvalidRequest(f"{whole} is no valid JSON: {context['error']}.", field=whole)
    if first["type"] == "union_tag_invalid":
        choices = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        kind = "tool" if field.startswith("steps") else "predicate"
        return UnknownName(kind, str(context["tag"]), choices, field)
    limit = next((context[key] for key in ("le", "lt", "ge", "gt") if key in context), None)
    more = f" ({len(others)} more such)" if others else ""
    return InvalidValue(
        f"{field}: {first['msg'][:1].lower()}{first['msg'][1:]}{more}.",
        field=field,
        value=_shown(first["input"]),
        limit=limit,
        hint="see the tool's input schema: `handrail tools --json`",
    )


def _shown(given: object) -> object:
    """A number that JSON has no name for is told by name; what is no value is not told."""
    if isinstance(given, float) and not math.isfinite(given):
        return repr(given)
    return given if isinstance(given, str | int | float) else None
