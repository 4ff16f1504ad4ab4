"""The settings of a board."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Rate = Annotated[float, Field(ge=1, le=50_000)]


class LineSettings(BaseModel):
    """A board's line."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    port: str = Field(description="device file")
    baud: Annotated[int, Field(gt=0)] = Field(default=115_200, description="bit/s")
    timeout: Annotated[float, Field(gt=0, le=1)] = Field(default=0.1, description="s, one answer")
    wait: Annotated[float, Field(gt=0, le=60)] = Field(
        default=4.0, description="s to its hello; a board may start anew when its port is opened"
    )


class BoardSettings(LineSettings):
    """One board, and what it is to stream."""

    streams: dict[str, Rate] = Field(
        default_factory=dict, description="Hz by channel, of what is sampled by the board's clock"
    )
