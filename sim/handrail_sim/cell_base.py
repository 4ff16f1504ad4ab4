"""A cell's text as data: what it says itself, over what the cell says that it is based on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail_drivers.errors import InvalidCell

from handrail_sim.model_faults import Fault
from handrail_sim.toml_lines import key_lines, nearest_key

BASE = "base"
FILE = {"type": "string"}
SCHEMA = {
    "anyOf": [FILE, {"type": "array", "items": FILE}],
    "description": "another cell's file, beside this one or shipped with Handrail: all that this "
    "one does not say is as there; tables are merged key by key, lists are replaced. Of several, "
    "a later one has the say over those before it",
}
FindFile = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class CellText:
    """One file of a cell."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path, hint: str) -> CellText:
        """Read a file.

        Raises:
            InvalidCell: it cannot be read.
        """
        try:
            return cls(path, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InvalidCell(
                f"The cell file {path} cannot be read: {reason}.",
                faults=[f"{path}: {reason}"],
                hint=hint,
            ) from error

    def parsed(self) -> dict[str, Any]:
        """Return what it says.

        Raises:
            InvalidCell: it is no TOML.
        """
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"at line (\d+)", str(error))
            line = int(at.group(1)) if at else self.text.count("\n") + 1
            fault = f"{self.path.name}:{line}: not TOML: {error}"
            sentence = f"The cell file {self.path} has a syntax error."
            raise InvalidCell(sentence, faults=[fault]) from error


def on_its_base(own: CellText, find_file: FindFile) -> tuple[dict[str, Any], list[CellText]]:
    """Return a cell's data, its bases' under it, and the texts that it came from, its own first.

    Args:
        own: the cell's file.
        find_file: where a file that the cell names is looked for.

    Raises:
        InvalidCell: a base cannot be read, or has this cell for its own base.
    """
    texts = _with_bases(own, find_file, [])
    last = {one.path.resolve(): number for number, one in enumerate(texts)}
    texts = [one for number, one in enumerate(texts) if last[one.path.resolve()] == number]
    data: dict[str, Any] = {}
    for one in reversed(texts):  # what bases have in common lies under all of them
        data = _over(data, one.parsed())
    data.pop(BASE, None)
    return data, texts


def _with_bases(own: CellText, find_file: FindFile, above: list[CellText]) -> list[CellText]:
    """Return a file and those that it stands on, the one that has the say first."""
    line, said = [own, *above], own.parsed().get(BASE, [])
    texts = [own]
    for name in reversed(said if isinstance(said, list) else [said]):
        texts += _with_bases(_read_base(name, line, find_file), find_file, line)
    return texts


def _read_base(name: object, line: list[CellText], find_file: FindFile) -> CellText:
    if not isinstance(name, str):
        raise invalid(line, [Fault((BASE,), f"must be a file's name, not {name!r}.")])
    path = find_file(name)
    if any(path == one.path.resolve() for one in line):
        raise invalid(line, [Fault((BASE,), f"{name} is based on this one.")])
    return CellText.read(path, hint=f"{BASE} names a file beside this one, or a shipped one")


def invalid(texts: list[CellText], faults: list[Fault]) -> InvalidCell:
    """Return the error that lists faults, each with the file and line where it is to be mended."""
    lines = [key_lines(one.text) for one in texts]
    placed = sorted((*nearest_key(lines, fault.path), fault.sentence()) for fault in faults)
    listed = [f"{texts[n].path.name}:{line}: {sentence}" for n, line, sentence in placed]
    count = "1 fault" if len(listed) == 1 else f"{len(listed)} faults"
    return InvalidCell(
        f"The cell file {texts[0].path} has {count}:\n  " + "\n  ".join(listed),
        faults=listed,
        hint="`handrail cell schema` prints what is allowed",
    )


def _over(under: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return tables merged key by key; anything else is the own one's."""
    return under | {
        key: _over(under[key], part)
        if isinstance(part, dict) and isinstance(under.get(key), dict)
        else part
        for key, part in own.items()
    }
