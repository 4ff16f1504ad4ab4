"""Tool schemas, generated from the typed methods that a driver marks with ``@tool``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pydantic.fields import FieldInfo

from handrail_drivers.api import Effect, ToolMark


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """One tool: JSON Schemas of its arguments and result, units as UCUM codes under ``unit``."""

    name: str
    description: str
    effect: Effect
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


def tool_schemas(subject: object) -> list[ToolSchema]:
    """Return the schema of every tool of a driver (class or instance), by name.

    Raises:
        TypeError: a tool without a docstring, or with a part that has no type.
    """
    return [_schema(name, method) for name, method in tool_methods(subject).items()]


def tool_methods(subject: object) -> dict[str, Callable[..., Any]]:
    """Return the methods of a driver that are tools, by name."""
    members = inspect.getmembers(subject, callable)
    return {name: method for name, method in members if hasattr(method, "__handrail_tool__")}


def arguments_model(method: Callable[..., Any]) -> type[BaseModel]:
    """Return the model that validates a tool's arguments: no unknown names, no NaN.

    Raises:
        TypeError: an argument has no type.
    """
    hints = get_type_hints(method, include_extras=True)
    fields: dict[str, tuple[Any, FieldInfo | Any]] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name == "self":
            continue
        if name not in hints:
            raise TypeError(f"argument {name} of {method.__qualname__} has no type")
        has_default = parameter.default is not inspect.Parameter.empty
        fields[name] = (hints[name], parameter.default if has_default else ...)
    config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)
    model: type[BaseModel] = create_model(method.__name__, __config__=config, **fields)  # type: ignore[call-overload]  # the fields are only known here
    return model


def _schema(name: str, method: Callable[..., Any]) -> ToolSchema:
    mark: ToolMark = method.__handrail_tool__  # type: ignore[attr-defined]  # tool_methods has looked
    hints = get_type_hints(method, include_extras=True)
    if not method.__doc__ or "return" not in hints:
        raise TypeError(f"tool {name} needs a docstring and a type of its result")
    arguments = arguments_model(method).model_json_schema()
    return ToolSchema(
        name=name,
        description=inspect.cleandoc(method.__doc__),
        effect=mark.effect,
        input_schema={key: part for key, part in arguments.items() if key != "title"},
        output_schema=TypeAdapter(hints["return"]).json_schema(mode="serialization"),
    )
