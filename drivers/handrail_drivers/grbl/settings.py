"""What a cell says of a Grbl controller, and what the controller's own settings have to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.errors import DeviceFault, InvalidValue
from handrail_drivers.grbl import words
from handrail_drivers.setpoints import require_finite

NEAR = 0.000005  # m: half of what a report tells

# By number: what a setting has to be, as a test and in words.
NEEDED: dict[int, tuple[Callable[[int], bool], str]] = {
    words.INCHES: (lambda value: value == 0, "0, so that it reports millimetres"),
    words.REPORTS: (lambda value: bool(value & 1), "1, so that it reports machine coordinates"),
    words.HOMING: (lambda value: bool(value & 1), "1, so that it is locked until it is homed"),
    words.SOFT_LIMITS: (lambda value: value == 1, "1, so that it refuses what is beyond its way"),
    words.IDLE_DELAY: (lambda value: value == 255, "255, so that its steppers hold at rest"),
}


class AxisSettings(BaseModel):
    """One axis of the machine, which a joint of the world's model stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    axis: Literal["X", "Y", "Z"]
    zero: float = Field(
        description="m: machine coordinate where the joint is at 0; homed, Grbl is at 0 or below"
    )


class GrblSettings(BaseModel):
    """A Grbl 1.1 controller."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    port: str = Field(description="serial port, such as /dev/ttyUSB0")
    baud: Annotated[int, Field(gt=0, description="bit/s")] = 115_200
    joints: Annotated[
        dict[str, AxisSettings], Field(min_length=1, max_length=3, description="by joint")
    ]
    timeout: Annotated[float, Field(gt=0, le=1, description="s, one answer")] = 0.1
    boot: Annotated[float, Field(ge=0, le=5)] = Field(
        default=0.0, description="s until it greets, where opening its port resets it; an Uno: 2"
    )
    gain: Annotated[float, Field(gt=0, le=20)] = Field(
        default=4.0, description="1/s: share of the missing way that is made up in a second"
    )
    homing: Literal["refuse", "when armed"] = Field(
        default="refuse",
        description="homing drives to the limit switches, which no plan has checked: it is "
        "refused, or begun when armed",
    )


@dataclass(frozen=True, slots=True)
class Travel:
    """What the controller says of itself: its axes' ranges by joint [m], what it can do."""

    ranges: Mapping[str, tuple[float, float]]
    acceleration: float  # m/s2, of its weakest axis

    def require(self, setpoints: Sequence[float]) -> tuple[float, ...]:
        """Return setpoints [m] that it can go to.

        Raises:
            InvalidValue: not one finite number a joint, within its travel.
        """
        require_finite(setpoints)
        if len(setpoints) != len(self.ranges):
            raise InvalidValue(
                f"The machine has {len(self.ranges)} joints, not {len(setpoints)}.",
                value=len(setpoints),
                limit=len(self.ranges),
            )
        for (joint, (low, high)), value in zip(self.ranges.items(), setpoints, strict=True):
            if not low - NEAR <= value <= high + NEAR:
                raise InvalidValue(
                    f"The goal {value:g} m of {joint} is beyond the machine's travel, {low:g} to "
                    f"{high:g} m.",
                    field=joint,
                    value=value,
                    limit=[low, high],
                    unit="m",
                )
        return tuple(setpoints)


def travel_of(name: str, given: GrblSettings, found: Mapping[int, float]) -> Travel:
    """Return what the controller's settings, by number, say.

    Raises:
        DeviceFault: with these it would move otherwise than it is told; names the setting.
    """
    for number, (is_right, wanted) in NEEDED.items():
        if number not in found or not is_right(int(found[number])):
            raise DeviceFault(
                f"{name} has ${number}={found.get(number, 0):g}; it has to be {wanted}.",
                subject=name,
                field=f"${number}",
                value=found.get(number),
                hint="change it with a terminal, as Grbl's settings are",
            )
    axes = {joint: (words.AXES.index(one.axis), one.zero) for joint, one in given.joints.items()}
    accelerations = [_found(name, found, words.ACCELERATION + axis) for axis, _ in axes.values()]
    ranges = {
        joint: (-_found(name, found, words.TRAVEL + axis) - zero, -zero)
        for joint, (axis, zero) in axes.items()
    }
    return Travel(ranges, min(accelerations))


def _found(name: str, found: Mapping[int, float], number: int) -> float:
    """Return a length [m] that has to be told, and more than nothing."""
    value = found.get(number, 0.0) / words.MM
    if value <= 0:
        raise DeviceFault(f"{name} does not tell ${number}.", subject=name, field=f"${number}")
    return value
