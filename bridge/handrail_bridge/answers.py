"""What a tool's method returned, as everybody reads it: JSON that the strictest reader takes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pydantic_core
from handrail_drivers.errors import DeviceFault


class Answer(NamedTuple):
    """A tool's answer as JSON, and the monotonic time [ns] at which it was true."""

    text: str
    time_ns: int


def answer(tool: str, result: Any) -> Answer:
    """Return what a tool's method returned as its answer: now, where it does not say when.

    Raises:
        DeviceFault: a number in it is none; names the field. Null would break the tool's output
            schema, and whoever calculates with it would not know why.
    """
    text = pydantic_core.to_json(result, inf_nan_mode="null")
    if b"null" in text:  # no value, or no number
        _require_numbers(tool, result)
    given = result.get("time_ns") if isinstance(result, dict) else getattr(result, "time_ns", None)
    return Answer(text.decode(), time.monotonic_ns() if given is None else int(given))


def _require_numbers(tool: str, result: Any) -> None:
    for field, value in _floats(pydantic_core.to_jsonable_python(result), ""):
        if not math.isfinite(value):
            raise DeviceFault(
                f"{tool} was called, and its answer has no number for {field or 'its result'}: "
                f"{value!r}.",
                field=field,
                value=repr(value),
                hint="a driver that has no value raises an error, or returns None where its type "
                "allows that",
            )


def _floats(part: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(part, float):
        yield path, part
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from _floats(value, f"{path}.{key}" if path else key)
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from _floats(value, f"{path}[{index}]")
