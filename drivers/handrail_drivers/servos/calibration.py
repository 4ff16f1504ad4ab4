"""Calibration of a servo arm: LeRobot's file, read and written without loss.

One JSON object, by joint: ``id``, ``drive_mode`` (1: turns the other way), ``homing_offset``
[counts], ``range_min`` and ``range_max`` [counts]. Counts are what the servo reports, its
homing offset applied already. Joint position [rad] = sign * (count - 2048) * 2 pi / 4096.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from handrail_drivers.errors import InvalidValue

COUNTS_PER_TURN = 4096
CENTRE = 2048  # count at joint position zero
RAD_PER_COUNT = 2 * math.pi / COUNTS_PER_TURN
Count = Annotated[int, Field(ge=0, lt=COUNTS_PER_TURN)]


class JointCalibration(BaseModel):
    """LeRobot's five numbers of one joint."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[int, Field(ge=0, le=253)]
    drive_mode: Annotated[int, Field(ge=0, le=1)]
    homing_offset: Annotated[int, Field(ge=-2047, le=2047)]
    range_min: Count
    range_max: Count

    @model_validator(mode="after")
    def _in_order(self) -> JointCalibration:
        if self.range_min >= self.range_max:
            raise ValueError(f"range_min {self.range_min} is not below range_max {self.range_max}")
        return self

    @property
    def scale(self) -> float:
        """Signed radian per count."""
        return -RAD_PER_COUNT if self.drive_mode else RAD_PER_COUNT

    def to_rad(self, count: int) -> float:
        """Return the joint position [rad] of a count."""
        return (count - CENTRE) * self.scale

    def to_count(self, position: float) -> int:
        """Return the count nearest to a joint position [rad]."""
        return CENTRE + round(position / self.scale)

    @property
    def low(self) -> float:
        """Lower end of the range [rad]."""
        return min(self.to_rad(self.range_min), self.to_rad(self.range_max))

    @property
    def high(self) -> float:
        """Upper end of the range [rad]."""
        return max(self.to_rad(self.range_min), self.to_rad(self.range_max))


_FILE = TypeAdapter(dict[str, JointCalibration])


@dataclass(frozen=True)
class Calibration:
    """A calibration file's content, by joint in the file's order."""

    joints: Mapping[str, JointCalibration]

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read a calibration file.

        Raises:
            InvalidValue: it cannot be read; every fault is named with joint and field.
        """
        try:
            return cls(_FILE.validate_json(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidValue(
                f"The calibration file {path} cannot be read: {error}.",
                field="calibration",
                hint="give the path of a file as LeRobot's calibration writes it",
            ) from error
        except ValidationError as error:
            parts = error.errors(include_url=False)
            faults = "; ".join(
                f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in parts
            )
            raise InvalidValue(
                f"The calibration file {path} has faults: {faults}.",
                field="calibration",
                hint=f"every joint needs {', '.join(JointCalibration.model_fields)}",
            ) from error

    def save(self, path: Path) -> None:
        """Write the file as LeRobot does, whole or not at all."""
        data = {name: joint.model_dump() for name, joint in self.joints.items()}
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(json.dumps(data, indent=4) + "\n", encoding="utf-8")
        fresh.replace(path)


def require_reachable(
    names: Sequence[str], joints: Sequence[JointCalibration], setpoints: Sequence[float]
) -> None:
    """Refuse setpoints [rad] that no servo should be sent.

    Raises:
        InvalidValue: not one finite number a joint, within its calibrated range.
    """
    if len(setpoints) != len(joints):
        raise InvalidValue(
            f"The bus has {len(joints)} joints, not {len(setpoints)}.",
            value=len(setpoints),
            limit=len(joints),
        )
    for name, joint, position in zip(names, joints, setpoints, strict=True):
        if not joint.low <= position <= joint.high:  # NaN is not within anything
            raise out_of_range(name, position, joint.low, joint.high)


def out_of_range(name: str, position: float, low: float, high: float) -> InvalidValue:
    """Return the error of a goal [rad] that is not within a joint's range."""
    return InvalidValue(
        f"The goal {position} rad of {name} is not within its calibrated range, "
        f"{low:.4f} to {high:.4f} rad.",
        field=name,
        value=position,
        limit=[low, high],
        unit="rad",
    )
