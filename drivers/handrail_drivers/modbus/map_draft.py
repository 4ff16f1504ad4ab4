"""A first draft of a register map as TOML, lines that nobody is sure of marked as guessed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail_drivers.errors import InvalidCell
from handrail_drivers.modbus.map_file import read_map
from handrail_drivers.modbus.register_map import Register

GUESSED = "  # guessed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One register: the keys that stand in the map, and which of them are guessed."""

    name: str
    parts: Mapping[str, Any]
    guessed: frozenset[str] = frozenset()
    before: str = ""  # a comment above it


@dataclass
class MapDraft:
    """A map's text, and what a person has to look at: a sentence each."""

    text: str = ""
    unknown: list[str] = field(default_factory=list)
    registers: int = 0


def fits(name: str, parts: Mapping[str, Any]) -> Register:
    """Return the register that these keys make.

    Raises:
        InvalidCell: they contradict each other.
    """
    return read_map({"registers": {name: dict(parts)}}, name).registers[name]


def as_toml(
    head: Iterable[str], keys: Mapping[str, Any], guessed: Iterable[str], entries: Iterable[Entry]
) -> str:
    """Return a map's text; it loads.

    Args:
        head: comments at its top.
        keys: of the whole map.
        guessed: those of them that are.
        entries: its registers.
    """
    lines = [f"# {printable(line)}" for line in head]
    lines += _pairs(keys, frozenset(guessed))
    for entry in entries:
        above = [f"# {printable(entry.before)}"] if entry.before else []
        lines += ["", *above, f"[registers.{entry.name}]", *_pairs(entry.parts, entry.guessed)]
    text = "\n".join(lines) + "\n"
    read_map(tomllib.loads(text), "the draft")
    return text


def printable(text: str) -> str:
    """Return text in one line without what cannot be seen."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()


def nothing(why: str, faults: Iterable[str] = ()) -> InvalidCell:
    """The error of a map that would be empty."""
    return InvalidCell(why, faults)


def _pairs(parts: Mapping[str, Any], guessed: frozenset[str]) -> Iterator[str]:
    for key, value in parts.items():
        yield f"{key} = {_value(value)}{GUESSED if key in guessed else ''}"


def _value(value: Any) -> str:
    """Return a value as TOML has it: strings as JSON, which for printable text is the same."""
    if isinstance(value, str):
        return json.dumps(printable(value), ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(part)}' for key, part in value.items())} }}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
