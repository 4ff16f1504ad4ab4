"""JSON from outside as models of ours, or an error that says which field is at fault."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

from handrail_drivers.errors import InvalidRequest, InvalidValue, UnknownName
from pydantic import BaseModel, ValidationError

LONGEST = 256 << 10  # bytes of one request's JSON
ANGLES, LENGTHS = ("tilt", "yaw"), ("gap",)

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
    validator = model.__pydantic_validator__  # model_validate_json takes half as long again
    try:
        valid: Model = validator.validate_json(text or "{}", strict=True)
        return valid
    except ValidationError as error:
        raise _invalid(error, field) from None


def require_name(kind: str, name: str, choices: Iterable[str], field: str) -> None:
    """Refuse a name that does not exist, with the nearest one that does."""
    valid = tuple(choices)
    if name not in valid:
        raise UnknownName(kind, name, valid, field)


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
        hint=_in_another_unit(field, first["input"], limit)
        or "see the tool's input schema: `handrail tools --json`",
    )


def _in_another_unit(field: str, given: object, limit: float | None) -> str:
    """Degrees and millimetres give themselves away by their size; "" where they do not."""
    name = field.rpartition(".")[2]
    if limit is None or not isinstance(given, (int, float)) or not math.isfinite(given):
        return ""
    if name in ANGLES and abs(math.radians(given)) <= abs(limit):
        return f"angles are in radians: {given:g} degrees are {math.radians(given):.4f} rad"
    if name in LENGTHS and 0 <= given / 1000 <= limit:
        return f"lengths are in metres: {given:g} mm are {given / 1000:g} m"
    return ""


def _shown(given: object) -> object:
    """A number that JSON has no name for is told by name; what is no value is not told."""
    if isinstance(given, float) and not math.isfinite(given):
        return repr(given)
    return given if isinstance(given, str | int | float) else None
