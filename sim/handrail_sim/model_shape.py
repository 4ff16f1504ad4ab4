"""What an ONNX file has, held against what the cell declares of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handrail_drivers.errors import InvalidModel

ANY = -1  # in a declaration: any length


def fits(given: Sequence[object], declared: Sequence[int]) -> bool:
    """Whether a model's shape, where names and None stand for any length, is the declared one."""
    return len(given) == len(declared) and all(
        not isinstance(one, int) or other in (ANY, one)
        for one, other in zip(given, declared, strict=True)
    )


def differs(path: Path, field: str, what: str, given: object, wanted: object) -> InvalidModel:
    """Return the error of a file that is not what the cell declares."""
    return InvalidModel(
        f"{path.name} {what}: {given}; the cell declares {wanted}.",
        field=field,
        value=given,
        limit=wanted,
        hint="correct the declaration in the cell, or export the model anew",
    )
