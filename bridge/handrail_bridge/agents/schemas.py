"""Schemas of the agents' own tools, as short as they can be, and arguments held against them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from handrail_drivers.errors import InvalidRequest
from handrail_sim.strict import Strict
from pydantic import BaseModel

from handrail_bridge.parsing import parse

Model = TypeVar("Model", bound=BaseModel)


class NoArguments(Strict):
    """Takes nothing."""


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a model without what a reader of it does not need."""
    schema: dict[str, Any] = _slim(model.model_json_schema(mode="serialization"))
    return schema


def arguments_of(model: type[Model], arguments: Mapping[str, Any]) -> Model:
    """Return what an agent gave as a model.

    Raises:
        InvalidRequest, InvalidValue: it does not fit; names the field.
    """
    return parse(model, as_text(arguments), "arguments")


def as_text(arguments: Mapping[str, Any]) -> str:
    """Return arguments as JSON.

    Raises:
        InvalidRequest: they have no JSON.
    """
    try:
        return json.dumps(dict(arguments))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"The arguments are no JSON: {error}.", field="arguments") from None


def _slim(part: Any, names: bool = False) -> Any:
    """Leave out titles and discriminators; ``names``: the keys of this part are names."""
    if isinstance(part, list):
        return [_slim(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _slim(item, key in ("properties", "$defs") and not names)
        for key, item in part.items()
        if names or key not in ("title", "discriminator")
    }
