"""A device's tools, made from a list of its values: one that reads, one for each that is set."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Protocol

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from handrail_drivers.api import Effect, Unit
from handrail_drivers.made_tools import give, signed

Value = bool | float | str


@dataclass(frozen=True, slots=True)
class Shape:
    """What an agent has to know of one value. ``effect`` is that of setting it."""

    kind: type[bool] | type[int] | type[float] | type[str]
    description: str
    unit: str = "1"
    effect: Effect = Effect.OBSERVE
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None
    readable: bool = True


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

    name: Annotated[str, Field(description="of the value")]
    confirmed: Annotated[bool, Field(description="it was read back, and is as asked")]


def add_tools(
    device: Device, shapes: Mapping[str, Shape], look: Callable[[Any], dict[str, Any]] | None = None
) -> None:
    """Give a device its tools as attributes: ``read_values``, and ``set_<value>`` for each.

    ``look``: reads values as the device does, and says under ``faults`` why some are missing.
    """
    readable = {name: one for name, one in shapes.items() if one.readable}
    give(device, "read_values", _reading(device, readable, look), Effect.OBSERVE)
    for name, one in shapes.items():
        if one.effect is not Effect.OBSERVE:
            give(device, f"set_{name}", _writing(device, name, one), one.effect)


def _reading(
    device: Device, shapes: Mapping[str, Shape], look: Callable[[Any], dict[str, Any]] | None
) -> Callable[..., Any]:
    fields: dict[str, Any] = {
        name: NotRequired[Annotated[_with_unit(one.kind, one), Field(description=one.description)]]
        for name, one in shapes.items()
    }
    if look is not None:
        fields["faults"] = NotRequired[
            Annotated[dict[str, str], Field(description="why a value is missing, by its name")]
        ]
    fields["time_ns"] = Annotated[int, Field(description="monotonic clock, when the last was read")]
    result = TypedDict(f"{device.name}_values", fields)  # type: ignore[misc]  # only known here
    names = Literal[tuple(shapes)]  # type: ignore[valid-type]  # only known here

    async def read_values(names: Any = ()) -> Any:
        values: dict[str, Any] | None = device.read_promptly(names)
        if values is None:
            values = await asyncio.to_thread(look or device.read, names)
        return {**values, "time_ns": time.monotonic_ns()}

    chosen = Annotated[list[names], Field(description="which to read; none: all")]  # type: ignore[valid-type]
    listed = "; ".join(f"{name}: {one.description}" for name, one in shapes.items())
    return signed(read_values, {"names": (chosen, [])}, result, f"Read values. {listed}")


def _writing(device: Device, name: str, one: Shape) -> Callable[..., Any]:
    def write(value: Any) -> Written:
        return Written(name=name, confirmed=device.write(name, value))

    kind: Any = one.kind
    if one.choices is not None:
        kind = Literal[one.choices]
    elif one.low is not None or one.high is not None:
        kind = Annotated[kind, Field(ge=one.low, le=one.high)]
    kind = _with_unit(kind, one)
    text = f"Set {name}: {one.description}"
    return signed(write, {"value": (kind, inspect.Parameter.empty)}, Written, text)


def _with_unit(kind: Any, one: Shape) -> Any:
    return kind if one.kind in (bool, str) else Annotated[kind, Unit(one.unit)]
