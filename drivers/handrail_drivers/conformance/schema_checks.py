"""Checks of what a driver declares: schemas, limits, numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from handrail_drivers.api import Effect
from handrail_drivers.conformance.bench import (
    Bench,
    Failed,
    NotApplicable,
    Operation,
    bench_of,
    spoken,
)
from handrail_drivers.conformance.subject import Conformance
from handrail_drivers.errors import HandrailError, InvalidRequest
from handrail_drivers.schema import ToolSchema, tool_schemas

Schema = dict[str, Any]
Path = tuple[str | int, ...]
REST = 60.0  # s after which every motion has ended
LOWEST, HIGHEST = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")


def schema_complete(subject: Conformance) -> None:
    """Tools and settings say all that an agent or a cell's author has to know."""
    faults = list(_class_faults(subject.driver))
    with bench_of(subject, connected=False) as bench:
        tools = tool_schemas(bench.driver)
        for tool in tools:
            faults += _tool_faults(tool)
        acts = any(one.effect is not Effect.OBSERVE for one in bench.operations.values())
        for name in ("stop", "close") if acts else ("close",):
            if not callable(getattr(bench.driver, name, None)):
                faults.append(f"it has no method {name}")
    if faults:
        raise Failed("; ".join(faults))


def limits_enforced(subject: Conformance) -> None:
    """What is beyond a limit is refused, and does nothing."""
    tried = 0
    with bench_of(subject) as bench:
        for operation, schema in _with_schemas(bench):
            for path, value, limits in leaves(schema, schema, operation.arguments):
                for wrong in _beyond(value, limits):
                    arguments = _replaced(operation.arguments, path, wrong)
                    _require_refusal(bench, operation, arguments, f"{_dotted(path)} = {wrong}")
                    tried += 1
        if subject.beyond is not None and "write" in bench.operations:
            write = bench.operations["write"]
            given = {"setpoints": subject.beyond}
            _require_refusal(bench, write, given, f"setpoints = {list(subject.beyond)}")
            tried += 1
    if not tried:
        raise NotApplicable("it takes no number that is limited")


def not_a_number_refused(subject: Conformance) -> None:
    """NaN and infinity are refused, and do nothing."""
    tried = 0
    with bench_of(subject) as bench:
        for operation, schema in _with_schemas(bench):
            for path, value, _ in leaves(schema, schema, operation.arguments):
                if isinstance(value, float):
                    for wrong in (math.nan, math.inf, -math.inf):
                        arguments = _replaced(operation.arguments, path, wrong)
                        _require_refusal(bench, operation, arguments, f"{_dotted(path)} = {wrong}")
                        tried += 1
        if subject.setpoints is not None:
            write = bench.operations["write"]
            for number in range(len(subject.setpoints)):
                wrong_way = [*subject.setpoints]
                wrong_way[number] = math.nan
                _require_refusal(bench, write, {"setpoints": wrong_way}, f"setpoints = {wrong_way}")
                tried += 1
    if not tried:
        raise NotApplicable("it takes no number")


def unreachable_moves_nothing(subject: Conformance) -> None:
    """What the device cannot reach is an error, and does nothing."""
    given = {name: call.unreachable for name, call in subject.calls.items() if call.unreachable}
    if not given:
        raise NotApplicable("no call is said to be unreachable")
    with bench_of(subject) as bench:
        for name, arguments in given.items():
            operation = bench.operations[name]
            before = bench.outputs()
            done = bench.do(operation, arguments)
            shown = f"{name}({dict(arguments)})"
            if done.error is None:
                raise Failed(f"{shown} cannot be reached, and returns {done.result!r}")
            if not isinstance(done.error, HandrailError):
                raise Failed(f"{shown} raises {spoken(done.error)}, which is no HandrailError")
            _require_same(bench, before, shown)


# --- schemas ------------------------------------------------------------------------------------


def _class_faults(driver: Any) -> Iterator[str]:
    if not driver.__doc__:
        yield "the class has no docstring"
    for name, field in driver.Settings.model_fields.items():
        if not field.description:
            yield f"the setting {name} has no description"


def _tool_faults(tool: ToolSchema) -> Iterator[str]:
    acts = tool.effect is not Effect.OBSERVE
    for path, part in _numbers(tool.input_schema, tool.input_schema):
        where = f"{tool.name}, argument {path}"
        if "unit" not in part and part.get("type") == "number":
            yield f"{where}: has no unit"
        if acts and not (
            any(key in part for key in LOWEST) and any(key in part for key in HIGHEST)
        ):
            yield f"{where}: has no limits on both sides"
    for path, part in _numbers(tool.output_schema, tool.output_schema):
        if "unit" not in part and part.get("type") == "number":
            yield f"{tool.name}, result{f' {path}' if path else ''}: has no unit"


def _numbers(root: Schema, part: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield every number that a schema has, with its path."""
    part = _resolved(root, part)
    if part.get("type") in ("number", "integer") and "enum" not in part and "const" not in part:
        yield path, part
    for name, inner in part.get("properties", {}).items():
        yield from _numbers(root, inner, f"{path}.{name}".lstrip("."))
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), dict):
            yield from _numbers(root, part[key], f"{path}[]")
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in part.get(key, ()):
            yield from _numbers(root, {**_unit(part), **inner}, path)


def _unit(part: Schema) -> Schema:
    return {"unit": part["unit"]} if "unit" in part else {}


def _resolved(root: Schema, part: Schema) -> Schema:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return {
            **root.get("$defs", {}).get(name, {}),
            **{k: v for k, v in part.items() if k != "$ref"},
        }
    return part


# --- arguments ----------------------------------------------------------------------------------


def leaves(
    root: Schema, part: Schema, value: Any, path: Path = ()
) -> Iterator[tuple[Path, float, Schema]]:
    """Yield every number in arguments, with its path and what the schema says of it."""
    part = _resolved(root, part)
    if isinstance(value, bool):
        return
    if isinstance(value, (int, float)):
        choices = [part, *part.get("anyOf", ())]
        yield path, value, next((one for one in choices if one.get("type") != "null"), part)
    elif isinstance(value, Mapping):
        extra = part.get("additionalProperties")
        for name, inner in value.items():
            known = part.get("properties", {}).get(name, extra if isinstance(extra, dict) else {})
            yield from leaves(root, known, inner, (*path, name))
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for number, inner in enumerate(value):
            yield from leaves(root, part.get("items", {}), inner, (*path, number))


def _with_schemas(bench: Bench) -> Iterator[tuple[Operation, Schema]]:
    for schema in tool_schemas(bench.driver):
        yield bench.operations[schema.name], schema.input_schema


def _beyond(value: float, limits: Schema) -> Iterator[float]:
    for keys, sign in ((LOWEST, -1), (HIGHEST, 1)):
        for key in keys:
            if key in limits:
                limit = limits[key]
                yield limit + sign * (1 if isinstance(value, int) else 0.01 * abs(limit) + 1e-3)


def _replaced(arguments: Mapping[str, Any], path: Path, value: Any) -> Mapping[str, Any]:
    changed: Any = copy.deepcopy(dict(arguments))
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return dict(changed)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _require_refusal(
    bench: Bench, operation: Operation, arguments: Mapping[str, Any], shown: str
) -> None:
    if bench.emulator is not None:
        bench.emulator.advance(REST)
    before = bench.outputs()
    done = bench.do(operation, arguments)
    if done.error is None:
        raise Failed(f"{operation.name} takes {shown}")
    if not isinstance(done.error, (ValidationError, InvalidRequest)):
        raise Failed(
            f"{operation.name} answers {shown} with {spoken(done.error)}, no InvalidRequest"
        )
    _require_same(bench, before, f"{operation.name} with {shown}")


def _require_same(bench: Bench, before: Mapping[str, float], what: str) -> None:
    if bench.emulator is not None:
        bench.emulator.advance(0.1)
    if bench.outputs() != before:
        raise Failed(
            f"{what} was refused, and yet the device went from {before} to {bench.outputs()}"
        )
