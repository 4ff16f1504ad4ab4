"""The axes of a machine that G-code moves: what a cell says of them, and how far they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.errors import InvalidValue
from handrail_drivers.setpoints import require_finite

AXES = "XYZ"
MM = 1000.0  # of a metre
MINUTE = 60.0  # s
NEAR = 0.000005  # m: half of what a report tells


class AxisSettings(BaseModel):
    """One axis of the machine, which a joint of the world's model stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    axis: Literal["X", "Y", "Z"]
    zero: float = Field(description="m: machine coordinate where the joint is at 0")


class GantrySettings(BaseModel):
    """A controller of one to three axes, on a serial line."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    port: str = Field(description="serial port, such as /dev/ttyUSB0")
    baud: Annotated[int, Field(gt=0, description="bit/s")] = 115_200
    joints: Annotated[
        dict[str, AxisSettings], Field(min_length=1, max_length=3, description="by joint")
    ]
    timeout: Annotated[float, Field(gt=0, le=1, description="s, one answer")] = 0.1
    boot: Annotated[float, Field(ge=0, le=20)] = Field(
        default=0.0, description="s until it greets, where opening its port resets it"
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


def axis_words(target: Mapping[str, float]) -> str:
    """Return a place [m], by axis, as words of G-code [mm]."""
    return "".join(f"{axis}{target[axis] * MM:.3f}" for axis in AXES if axis in target)
