"""A board's tools, made from what it says of itself: one that reads, one for each output."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NotRequired, Protocol

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from handrail_drivers.api import Effect, Unit
from handrail_drivers.board.description import BoardChannel
from handrail_drivers.made_tools import give, signed

NO_CHECK = "It moves something, and no check knows how: calling it is refused."


class Device(Protocol):
    """What the tools are made for."""

    name: str

    def read(self, names: list[str]) -> dict[str, Any]:
        """Return values by name, with their times."""

    async def write_on_loop(self, name: str, value: float) -> float:
        """Set an output; return the value that it has."""


class Written(BaseModel):
    """What a write has done."""

    name: Annotated[str, Field(description="of the output")]
    value: Annotated[float | bool, Field(description="as the board has acknowledged it")]


def add_tools(device: Device, channels: Mapping[str, BoardChannel]) -> tuple[str, ...]:
    """Give a device its tools as attributes; return their names."""
    made = {"read_values": (_reading(device, channels), Effect.OBSERVE)}
    for name, one in channels.items():
        if one.writable:
            made[f"set_{name}"] = (_writing(device, one), one.effect)
    for name, (function, effect) in made.items():
        give(device, name, function, effect)
    return tuple(made)


def _reading(device: Device, channels: Mapping[str, BoardChannel]) -> Callable[..., Any]:
    readable = {name: one for name, one in channels.items() if one.readable}
    fields: dict[str, Any] = {
        name: NotRequired[Annotated[_type(one), Field(description=one.text)]]
        for name, one in readable.items()
    }
    fields["time_ns"] = Annotated[int, Field(description="monotonic clock, of the oldest of them")]
    fields["error"] = Annotated[
        float, Unit("s"), Field(description="within which the time is right")
    ]
    result = TypedDict(f"{device.name}_values", fields)  # type: ignore[misc]  # only known here
    chosen: Any = Literal[tuple(readable)] if readable else str

    def read_values(names: Any = ()) -> Any:
        return device.read(list(names))

    listed = "; ".join(f"{name}: {one.text}" for name, one in readable.items())
    names = Annotated[list[chosen], Field(description="which to read; none: all")]
    return signed(read_values, {"names": (names, [])}, result, f"Read values. {listed}")


def _writing(device: Device, one: BoardChannel) -> Callable[..., Any]:
    async def write(value: Any) -> Written:
        done = await device.write_on_loop(one.name, float(value))
        return Written(name=one.name, value=bool(done) if one.is_level else done)

    kind = _type(one)
    if not one.is_level:
        kind = Annotated[kind, Field(ge=one.low, le=one.high)]
    said = f"Set {one.name}: {one.text}. Without the bridge it {one.by_itself} by itself."
    text = f"{said} {NO_CHECK}" if one.effect is Effect.MOVE else said
    return signed(write, {"value": (kind, inspect.Parameter.empty)}, Written, text)


def _type(one: BoardChannel) -> Any:
    if one.is_level:
        return bool
    return float if one.unit == "1" else Annotated[float, Unit(one.unit)]
