"""A device's tools, made from its register map: one that reads, one for each that is written."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, NotRequired, Protocol

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.modbus.codec import Value
from handrail_drivers.modbus.register_map import Kind, Register, RegisterMap


class Device(Protocol):
    """What the tools are made for."""

    name: str

    def read(self, names: Iterable[str] = ()) -> dict[str, Value]:
        """Return values by name."""

    def read_promptly(self, names: Iterable[str] = ()) -> dict[str, Value] | None:
        """Return values by name; None where that may keep an event loop waiting."""

    def write(self, name: str, value: Value) -> bool:
        """Write a value; tell whether it was confirmed."""


class Written(BaseModel):
    """What a write has done."""

    name: Annotated[str, Field(description="of the register")]
    confirmed: Annotated[bool, Field(description="it was read back, and is as asked")]


def add_tools(device: Device, found: RegisterMap) -> None:
    """Give a device its tools as attributes: ``read_values``, and ``set_<register>`` for each."""
    _add(device, "read_values", _reading(device, found), Effect.OBSERVE)
    for name, one in found.registers.items():
        if one.writable:
            _add(device, f"set_{name}", _writing(device, name, one), one.effect)


def _add(device: Device, name: str, function: Callable[..., Any], effect: Effect) -> None:
    function.__name__ = name
    function.__qualname__ = f"{device.name}.{name}"
    setattr(device, name, tool(effect)(function))


def _reading(device: Device, found: RegisterMap) -> Callable[..., Any]:
    fields: dict[str, Any] = {
        name: NotRequired[
            Annotated[_with_unit(_type(one), one), Field(description=one.description)]
        ]
        for name, one in found.registers.items()
    }
    fields["time_ns"] = Annotated[int, Field(description="monotonic clock, when the last was read")]
    result = TypedDict(f"{device.name}_values", fields)  # type: ignore[misc]  # only known here
    names = Literal[tuple(found.registers)]  # type: ignore[valid-type]  # only known here

    async def read_values(names: Any = ()) -> Any:
        values = device.read_promptly(names)
        if values is None:
            values = await asyncio.to_thread(device.read, names)
        return {**values, "time_ns": time.monotonic_ns()}

    chosen = Annotated[list[names], Field(description="which to read; none: all")]  # type: ignore[valid-type]
    listed = "; ".join(f"{name}: {one.description}" for name, one in found.registers.items())
    return _typed(read_values, {"names": (chosen, [])}, result, f"Read values. {listed}")


def _writing(device: Device, name: str, one: Register) -> Callable[..., Any]:
    def write(value: Any) -> Written:
        return Written(name=name, confirmed=device.write(name, value))

    kind: Any = _type(one)
    if one.choices is not None:
        kind = Literal[tuple(one.choices)]
    elif one.low is not None or one.high is not None:
        kind = Annotated[kind, Field(ge=one.low, le=one.high)]
    kind = _with_unit(kind, one)
    text = f"Set {name}: {one.description}"
    return _typed(write, {"value": (kind, inspect.Parameter.empty)}, Written, text)


def _typed(
    function: Callable[..., Any], arguments: dict[str, tuple[Any, Any]], result: Any, text: str
) -> Callable[..., Any]:
    """Give a function the signature from which its schema is made."""
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


def _with_unit(kind: Any, one: Register) -> Any:
    return kind if one.unit == "1" else Annotated[kind, Unit(one.unit)]


def _type(one: Register) -> Any:
    if one.type is Kind.BOOL:
        return bool
    return str if one.type is Kind.STRING or one.choices is not None else float
