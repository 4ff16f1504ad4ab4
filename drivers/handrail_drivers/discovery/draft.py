"""A cell to begin with, or its devices alone, from what was found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from handrail_drivers.discovery import Found
from handrail_drivers.plugins import drivers

LIMITS = {
    "low": -0.1,
    "high": 0.1,
    "velocity": 0.2,
    "acceleration": 1.0,
    "jerk": 10.0,
    "effort": 0.5,
}
SERVO = {"stiffness": 17.8, "damping": 0.6, "friction": 0.05}
HEAD = """\
# A cell to begin with: the hardware as `handrail discover` found it. What it could not know is a
# comment, or narrow: `handrail cell validate` tells what is missing still.
name = "mine"
description = "what was found here"

[world]
model = "world.xml"  # yours, of the cell; `handrail cell import` reads an arm from a model

"""
NO_ARM = """\
# [arm]  # nothing that moves joints was found; a cell needs one
"""


def cell_draft(found: Iterable[Found]) -> str:
    """Return a whole cell: devices, and an arm of the first bus whose joints were found."""
    named = _named(found)
    arm = next((pair for pair in named.items() if "joints" in pair[1].settings), None)
    parts = [HEAD, *("\n".join(_table(*pair)) + "\n\n" for pair in named.items())]
    return "".join([*parts, NO_ARM if arm is None else "\n".join(_arm(*arm)) + "\n"])


def device_draft(found: Iterable[Found]) -> str:
    """Return a ``[devices.NAME]`` table for all that has a driver; what is missing is a comment."""
    return "\n".join("\n".join(_table(*pair)) + "\n" for pair in _named(found).items())


def _named(found: Iterable[Found]) -> dict[str, Found]:
    """Return what has a driver, by a name for its device."""
    named: dict[str, Found] = {}
    for one in found:
        if one.driver:
            named[_name(one.driver, set(named))] = one
    return named


def _table(name: str, one: Found) -> Iterator[str]:
    yield f"# {one_line(one.what)}, at {one_line(one.where)}"
    yield f"[devices.{name}]"
    yield f"driver = {json.dumps(one.driver)}"
    yield 'without_power = "holds"  # guessed: or falls, or coasts'
    yield ""
    yield f"[devices.{name}.settings]"
    for key, value in one.settings.items():
        yield f"{key} = {_toml(value)}"
    model: type[BaseModel] = drivers.one(one.driver).Settings
    for key, field in model.model_fields.items():
        if field.is_required() and key not in one.settings:
            yield f"# {key} = ...  # {field.description}"


def _arm(device: str, one: Found) -> Iterator[str]:
    """An arm that hardly moves: a person says what it may do."""
    joints = list(one.settings["joints"])
    yield "[arm]"
    yield f"device = {json.dumps(device)}"
    yield f"joints = {json.dumps(joints)}  # base to tip, by their names in the world's model"
    yield '# gripper = "..."  # the jaw, where one is: then it is not among the joints'
    yield "axis = [0.0, 0.0]  # m: x y of the first joint's axis"
    yield 'tcp = "tcp"  # a site of the world\'s model'
    for pose in ("home", "rest"):
        yield f"{pose} = {_toml(dict.fromkeys(joints, 0.0))}"
    yield "\n[arm.limits]  # narrow and slow: say what each may"
    yield from (f"{joint} = {_toml(LIMITS)}" for joint in joints)
    yield "\n[arm.servo]  # as the check believes them to be: from the data sheet, or identified"
    yield from (f"{joint} = {_toml(SERVO)}" for joint in joints)


def _toml(value: Any) -> str:
    """Return a value in TOML, in one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + " }"
    return json.dumps(value)


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
