"""What is wrong with a table of a cell file, in the words of its author."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from handrail_sim.toml_lines import KeyPath

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: which key, what is wrong, what is allowed."""

    path: KeyPath
    text: str

    def sentence(self) -> str:
        """Return the dotted key and the text."""
        return f"{dotted(self.path)}: {self.text}"


def dotted(path: KeyPath) -> str:
    """Return a key as people write it: ``arm.joints[2]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "(top level)"


def model_faults(model: type[BaseModel], data: Any, prefix: KeyPath = ()) -> list[Fault]:
    """Return what a pydantic model finds wrong with data, in the words of a cell's author."""
    try:
        model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        return [_from_pydantic(model, part, prefix) for part in error.errors(include_url=False)]
    return []


def _from_pydantic(model: type[BaseModel], error: Any, prefix: KeyPath) -> Fault:
    location: KeyPath = tuple(part for part in error["loc"] if part != "[key]")
    path = (*prefix, *location)
    if error["type"] == "missing":
        return Fault(path, f"is missing.{_description(model, location)}")
    if error["type"] == "extra_forbidden":
        names = _field_names(model, location[:-1])
        return Fault(path, f"there is no such key.{nearest(str(location[-1]), names)}")
    given = "" if isinstance(error["input"], dict) else f", not {error['input']!r}"
    allowed = error["msg"].replace("Input should", "must").replace("String should", "must")
    names = re.findall(r"'([^']+)'", str(error.get("ctx", {}).get("expected", "")))
    near = nearest(str(error["input"]), names) if names else _description(model, location)
    return Fault(path, f"{allowed}{given}.{near}")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the valid names, and which of them was probably meant."""
    valid = sorted(names)
    near = difflib.get_close_matches(name, valid, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f" Valid: {', '.join(valid) or 'none'}.{hint}"


def _model_at(model: type[BaseModel], location: KeyPath) -> type[BaseModel] | None:
    """Follow a location through fields, dicts and tuples to the model that stands there."""
    current: Any = model
    for part in location:
        if _is_model(current):
            field = current.model_fields.get(part)
            current = field.annotation if field else None
        elif get_origin(current) in (dict, tuple, list):
            current = get_args(current)[-1]
        if get_origin(current) in (Union, types.UnionType):
            current = next((part for part in get_args(current) if _is_model(part)), None)
    return current if _is_model(current) else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _field_names(model: type[BaseModel], location: KeyPath) -> list[str]:
    owner = _model_at(model, location)
    return [name for name in owner.model_fields if name != "folder"] if owner else []


def _description(model: type[BaseModel], location: KeyPath) -> str:
    owner = _model_at(model, location[:-1])
    field = owner.model_fields.get(str(location[-1])) if owner and location else None
    return f" It is: {field.description}." if field and field.description else ""


def table(data: Any, *path: str) -> Data:
    """Return the table at a path, or an empty one: its shape is judged by the models."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def tables(data: Data, *path: str) -> Iterator[tuple[str, Data]]:
    """Yield the tables within the table at a path, by name."""
    for name, part in table(data, *path).items():
        if isinstance(part, dict):
            yield name, part


def pinned_file(owner: Data, path: KeyPath, find_file: Callable[[str], Path]) -> Iterator[Fault]:
    """Yield what is wrong with the file that a table names as its ``model``, and pins."""
    model, pinned = owner.get("model"), owner.get("sha256")
    if not isinstance(model, str):
        return
    file = find_file(model)
    if not file.is_file():
        yield Fault((*path, "model"), f"there is no file {file}.")
        return
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if isinstance(pinned, str) and pinned != digest:
        yield Fault((*path, "sha256"), f"{file.name} has {digest}: it is another file.")


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether a value of a table is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
