"""The plugin API as lines of text, and what a difference between two of them means.

A compatible change (a new minor version) adds names, optional fields, or methods that a base class
already does for its plugins. Anything that is taken away or means something else, and anything that
plugins have to have from now on, is a new major version.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Protocol

from handrail_drivers import api, decoder, emulator, errors, plugins, reflex, schema, transport
from pydantic import BaseModel

MODULES = (api, decoder, emulator, errors, reflex, schema, transport)
MUST = "a plugin must have "


GIVEN = ("reflex.Geometry",)  # protocols that a plugin is given, and does not write


def surface() -> list[str]:
    """Return what plugin authors build on, sorted."""
    lines = {line for module in MODULES for line in _module(module)}
    lines |= {f"group {kind.group}" for kind in plugins.KINDS}
    return sorted(lines)


def change(before: list[str], after: list[str]) -> str:
    """Return which part of the version a change needs: major, minor or nothing."""
    added, gone = set(after) - set(before), set(before) - set(after)
    if gone or any(line.startswith(MUST) for line in added):
        return "major"
    return "minor" if added else ""


def _module(module: ModuleType) -> Iterator[str]:
    prefix = module.__name__.rpartition(".")[2]
    for name, part in vars(module).items():
        if name.startswith("_") or inspect.ismodule(part):
            continue
        home = getattr(part, "__module__", "")
        if home != module.__name__ and not home.startswith(f"{module.__name__}."):
            continue
        if inspect.isclass(part):
            yield from _class(f"{prefix}.{name}", part)
        elif inspect.isfunction(part):
            yield f"{prefix}.{name}{inspect.signature(part)}"


def _class(name: str, kind: type) -> Iterator[str]:
    must = MUST if Protocol in kind.__bases__ and name not in GIVEN else ""
    yield f"{name} is a {', '.join(base.__name__ for base in kind.__bases__)}"
    if issubclass(kind, enum.Enum):
        yield from (f"{name}.{one.name} = {one.value!r}" for one in kind)
        return
    if issubclass(kind, errors.HandrailError):
        yield f"{name}: {kind.code} {kind.status}"
        return
    if issubclass(kind, BaseModel):
        for key, field in kind.model_fields.items():
            optional = "" if field.is_required() else " (optional)"
            yield f"{name}.{key}: {inspect.formatannotation(field.annotation)}{optional}"
    elif dataclasses.is_dataclass(kind) or issubclass(kind, tuple):
        yield f"{name}{inspect.signature(kind)}"
    else:
        for key, hint in inspect.get_annotations(kind).items():
            yield f"{must}{name}.{key}: {hint}"
    yield from _methods(must, name, kind)


def _methods(must: str, name: str, kind: type) -> Iterator[str]:
    for key, member in vars(kind).items():
        method: Any = member.fget if isinstance(member, property) else member
        method = method.__func__ if isinstance(method, (classmethod, staticmethod)) else method
        if inspect.isfunction(method) and not key.startswith("_"):
            yield f"{must}{name}.{key}{inspect.signature(method)}"
