"""What a cell says of a bus of servos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ServoSettings(BaseModel):
    """One servo on the bus; a family says how much effort it has."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: Annotated[int, Field(ge=0, le=253, description="servo id")]
    effort: Annotated[float, Field(ge=0.01, description="N.m, the servo's torque limit")]


class ServoBusSettings(BaseModel):
    """A bus of servos."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    port: str = Field(description="serial port, such as /dev/ttyACM0")
    baud: Annotated[int, Field(ge=38_400, le=1_000_000, description="bit/s")] = 1_000_000
    calibration: Path = Field(description="calibration file (LeRobot's fields)")
    joints: Mapping[str, ServoSettings] = Field(description="base to tip")
    margin: Annotated[
        float, Field(gt=0, le=0.1, description="s that a reply may take beyond its wire time")
    ] = 0.004
    retries: Annotated[
        int, Field(ge=0, le=5, description="repeats of a failed exchange outside of the cycle")
    ] = 2
