"""What was asked cannot be meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from handrail_drivers.errors.root import HandrailError


class InvalidRequest(HandrailError):
    """What was asked cannot be meant."""

    code = "invalid_request"
    status = "INVALID_ARGUMENT"


class InvalidValue(InvalidRequest):
    """One field is out of range, not a number, or of the wrong type."""

    code = "invalid_value"


class InvalidCell(InvalidRequest):
    """A cell file with faults; ``faults`` lists every one of them."""

    code = "invalid_cell"
    faults: tuple[str, ...] = ()

    def __init__(self, message: str, faults: Iterable[str] = (), **parts: Any) -> None:
        super().__init__(message, **parts)
        self.faults = tuple(faults)


class InvalidModel(InvalidRequest):
    """A perception model that cannot be loaded, or is not what the cell declares."""

    code = "invalid_model"


class UnknownName(InvalidRequest):
    """A name that does not exist; the nearest valid one becomes the hint."""

    code = "unknown_name"
    status = "NOT_FOUND"

    def __init__(self, kind: str, name: str, choices: Iterable[str], field: str = "") -> None:
        valid = sorted(choices)
        near = difflib.get_close_matches(name, valid, n=1)
        super().__init__(
            f"There is no {kind} named {name!r}.",
            field=field,
            value=name,
            hint=f"use {near[0]!r}" if near else "",
            choices=valid,
        )
