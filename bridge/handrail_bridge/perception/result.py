"""What a pipeline says of one picture: typed, with poses, uncertainty, capture time and age."""

from __future__ import annotations

import time
from typing import Annotated, Any

from handrail_drivers.api import Unit
from handrail_drivers.errors import HandrailError
from pydantic import BaseModel, ConfigDict, Field

Metres = Annotated[float, Unit("m")]
Point = tuple[Metres, Metres, Metres]
Pixels = Annotated[float, Unit("{pixel}")]
Row = tuple[float, float, float]
LONGEST = 300  # characters of an exception of somebody else's


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Sighting(_Part):
    """One thing that is seen, in the camera's picture and in the world."""

    label: str
    score: float
    track: Annotated[int, Field(description="the same thing has the same number in every picture")]
    box: Annotated[
        tuple[Pixels, Pixels, Pixels, Pixels], Field(description="left, top, right, bottom")
    ]
    points: Annotated[tuple[Row, ...], Field(description="keypoints: x, y [px], score")] = ()
    position: Annotated[Point | None, Field(description="world frame")] = None
    yaw: Annotated[float | None, Unit("rad"), Field(description="about world z")] = None
    turn_sigma: Annotated[
        float | None, Unit("rad"), Field(description="standard deviation of the yaw")
    ] = None
    covariance: Annotated[
        tuple[Row, Row, Row] | None, Field(description="of the position [m2], world frame")
    ] = None


class Seen(_Part):
    """The answer to one picture. ``fault`` says why there is none; then nothing else counts."""

    pipeline: str
    sequence: int
    time_ns: int  # monotonic, of capture
    done_ns: int  # monotonic, when this was known
    sightings: tuple[Sighting, ...] = ()
    distances: Annotated[
        dict[str, float | None], Field(description="m, nearest thing by watch; none: nothing seen")
    ] = {}
    values: dict[str, Any] = {}
    fault: str = ""

    def blind(self, fault: str) -> Seen:
        """Return the answer that says why there is none."""
        return Seen(
            pipeline=self.pipeline,
            sequence=self.sequence,
            time_ns=self.time_ns,
            done_ns=time.monotonic_ns(),
            fault=fault,
        )


def told(error: Exception) -> str:
    """Return what an exception says: a sentence of ours as it is, of others kind and first line."""
    if isinstance(error, HandrailError):
        return error.message
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first[:LONGEST]}"
