"""The root of all errors: a sentence for a person or a model, and its parts for a program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self


class HandrailError(Exception):
    """Root of the tree.

    Args:
        message: one sentence for a person or a model.
        field: path of the offending field, such as ``steps[1].positions.elbow_flex``.
        value: what was given.
        limit: what is allowed at most (or at least).
        unit: UCUM code of value and limit.
        hint: what to try instead.
        choices: the valid names, where the fault is a name.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        value: object = None,
        limit: object = None,
        unit: str = "",
        hint: str = "",
        choices: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value
        self.limit = limit
        self.unit = unit
        self.hint = hint
        self.choices = tuple(choices)

    def detail(self) -> dict[str, Any]:
        """Return the machine-readable part, empty fields left out."""
        names = ("code", "message", "field", "value", "limit", "unit", "hint")
        parts = {name: getattr(self, name) for name in names} | {"choices": list(self.choices)}
        return {key: part for key, part in parts.items() if part not in (None, "", [])}

    @classmethod
    def restore(cls, parts: Mapping[str, Any]) -> Self:
        """Return an error with these attributes: how it crosses to another process."""
        error = cls.__new__(cls, parts["message"])
        error.__dict__.update(parts)
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).restore, (self.__dict__,)

    def __str__(self) -> str:
        tail = f" Try: {self.hint}" if self.hint else ""
        names = f" Valid: {', '.join(self.choices)}." if self.choices else ""
        return f"{self.message}{names}{tail}"
