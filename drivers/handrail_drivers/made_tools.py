"""Tools that nobody has written: functions made of what a device says that it has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from handrail_drivers.api import Effect, tool


def signed(
    function: Callable[..., Any], arguments: dict[str, tuple[Any, Any]], result: Any, text: str
) -> Callable[..., Any]:
    """Give a function the signature from which its schema is made, and its text.

    ``arguments``: type and default by name; ``inspect.Parameter.empty``: it must be given.
    """
    function.__annotations__ = {name: kind for name, (kind, _) in arguments.items()}
    function.__annotations__["return"] = result
    function.__doc__ = text
    parameters = [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind
        )
        for name, (kind, default) in arguments.items()
    ]
    signature = inspect.Signature(parameters, return_annotation=result)
    function.__signature__ = signature  # type: ignore[attr-defined]  # what inspect looks for
    return function


def give(device: Any, name: str, function: Callable[..., Any], effect: Effect) -> None:
    """Give a device a tool as an attribute."""
    function.__name__ = name
    function.__qualname__ = f"{device.name}.{name}"
    setattr(device, name, tool(effect)(function))
