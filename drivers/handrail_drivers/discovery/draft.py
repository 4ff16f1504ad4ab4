"""The devices of a cell to begin with, from what was found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from handrail_drivers.discovery import Found
from handrail_drivers.plugins import drivers


def device_draft(found: Iterable[Found]) -> str:
    """Return a ``[devices.NAME]`` table for all that has a driver; what is missing is a comment."""
    lines: list[str] = []
    taken: set[str] = set()
    for one in found:
        if one.driver:
            name = _name(one.driver, taken)
            taken.add(name)
            lines += [*_table(name, one), ""]
    return "\n".join(lines)


def _table(name: str, one: Found) -> Iterator[str]:
    yield f"# {one_line(one.what)}, at {one_line(one.where)}"
    yield f"[devices.{name}]"
    yield f"driver = {json.dumps(one.driver)}"
    yield 'without_power = "holds"  # guessed: or falls, or coasts'
    yield ""
    yield f"[devices.{name}.settings]"
    for key, value in one.settings.items():
        yield f"{key} = {json.dumps(value)}"
    model: type[BaseModel] = drivers.one(one.driver).Settings
    for key, field in model.model_fields.items():
        if field.is_required() and key not in one.settings:
            yield f"# {key} = ...  # {field.description}"


def one_line(text: str) -> str:
    """Return what a device says of itself in one line: it ends no comment, and hides nothing."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _name(driver: str, taken: set[str]) -> str:
    base = re.sub(r"_(tcp|serial)$", "", driver)
    return next(
        name
        for n in range(1, len(taken) + 2)
        if (name := base if n == 1 else f"{base}_{n}") not in taken
    )
