"""A calibrated camera as a cell file says it: where it hangs, and what its lens does."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from handrail_sim.section import Name, Positive, Section, Vector


class Lens(Section):
    """What `handrail calibrate camera` found: a pinhole with Brown's distortion, as OpenCV has it.

    In pixels of the camera's picture, whose first pixel has its middle at (0, 0).
    """

    focal: tuple[Positive, Positive] = Field(description="px, across and down")
    center: tuple[float, float] = Field(description="px, where the optical axis meets the picture")
    distortion: tuple[float, float, float, float, float] = Field(
        default=(0.0, 0.0, 0.0, 0.0, 0.0), description="k1 k2 p1 p2 k3"
    )


class Camera(Section):
    """A calibrated camera that looks at the scene."""

    device: Name
    position: Vector = Field(description="m, world frame")
    quaternion: tuple[float, float, float, float] = Field(
        description="w x y z, MuJoCo camera frame (looks along -z, +y up)"
    )
    fovy: Positive = Field(description="vertical field of view [deg]; the twin's, without a lens")
    lens: Lens | None = Field(
        default=None, description="as calibrated; none: a pinhole of that field of view"
    )
    width: Annotated[int, Field(ge=64, le=4096)]
    height: Annotated[int, Field(ge=64, le=4096)]
    rate: Annotated[float, Field(ge=1, le=60)] = Field(
        default=15, description="Hz, frames that the twin renders while somebody looks"
    )
    search: tuple[float, float, float, float] = Field(
        description="x_min x_max y_min y_max [m] of the table where objects are looked for"
    )
