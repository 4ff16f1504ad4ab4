"""Perception as a cell file says it: a model, what it is given, what becomes of its answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from handrail_drivers.reflex import Box
from pydantic import Field

from handrail_sim.section import Name, Positive, Section, Vector

Dimension = Annotated[int, Field(ge=-1)]  # -1: any
Three = tuple[float, float, float]
Edge = Annotated[int, Field(ge=0)]
Crop = tuple[Edge, Edge, Edge, Edge]


class Picture(Section):
    """How a camera's picture becomes the model's input: (value * scale - mean) / deviation."""

    name: str = Field(description="of the model's input")
    size: tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]] = Field(
        description="width, height [px]"
    )
    crop: Crop | None = Field(
        default=None, description="left, top, right, bottom [px] of what it is shown; none: all"
    )
    fit: Literal["stretch", "letterbox"] = Field(
        default="letterbox", description="letterbox: keep the proportions, pad the rest"
    )
    pad: Annotated[int, Field(ge=0, le=255)] = Field(default=114, description="of a letterbox")
    layout: Literal["nchw", "nhwc"] = "nchw"
    order: Literal["rgb", "bgr", "gray"] = "rgb"
    type: Literal["float32", "float16", "uint8"] = "float32"
    scale: Positive = Field(default=1 / 255, description="of a colour's value, 0 to 255")
    mean: Three = Field(default=(0.0, 0.0, 0.0), description="in the order of the colours")
    deviation: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input tensor, a batch of one."""
        colors = 1 if self.order == "gray" else 3
        width, height = self.size
        return (1, colors, height, width) if self.layout == "nchw" else (1, height, width, colors)


class Head(Section):
    """Which decoder reads which of the model's outputs."""

    decoder: str = Field(description="entry point name in the group handrail.decoders")
    outputs: Annotated[tuple[str, ...], Field(min_length=1)]
    settings: dict[str, Any] = Field(default_factory=dict, description="the decoder's own")


class Place(Section):
    """How a find becomes a place in the world."""

    by: Literal["plane", "depth"] = Field(
        default="plane", description="plane: at a known height; depth: a head tells it"
    )
    heights: dict[str, float] = Field(
        default_factory=dict, description="m above z = 0 of a thing's middle, by label; else 0"
    )
    square: tuple[str, ...] = Field(
        default=(), description="labels of square things: their direction is read off their edges"
    )
    sigma: Positive = Field(
        default=1.0, description="px of the camera's picture, standard deviation of where a find is"
    )
    depth_sigma: Annotated[float, Field(ge=0)] = Field(
        default=0.01, description="m, standard deviation of a depth that a head tells"
    )
    turn_sigma: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="rad, standard deviation of a square thing's direction; 0: unsaid"
    )
    camera_sigma: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="m on the table, by which the camera's pose may be wrong"
    )


class Track(Section):
    """When a find is the same as one before."""

    reach: Positive = Field(default=1.5, description="of its size, that it may move between two")
    linger: Annotated[float, Field(ge=0)] = Field(
        default=0.2, description="s for which a thing that is no more seen is taken to be there"
    )


class Watch(Section):
    """A zone that is watched: its signal is the distance [m] of the nearest thing, 0 inside."""

    labels: Annotated[tuple[str, ...], Field(min_length=1)] = Field(description="what counts")
    center: Vector = Field(description="m")
    size: tuple[Positive, Positive, Positive] = Field(description="full edge lengths [m]")
    yaw: float = Field(default=0.0, description="rad about world z")
    heights: tuple[float, float] = Field(
        default=(0.0, 0.15), description="m, lowest and highest at which such a thing may be"
    )
    score: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="least score that counts; 1 would be no thing's"
    )
    confirm: Annotated[int, Field(ge=1, le=10)] = Field(
        default=1, description="pictures that must have shown it"
    )

    @property
    def box(self) -> Box:
        """Centre, size and yaw."""
        return self.center, self.size, self.yaw


class Perception(Section):
    """One pipeline: camera, model, decoders, places, watched zones."""

    camera: Name
    model: str = Field(description="ONNX file, beside the cell file or shipped with Handrail")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="of the file")
    opset: Annotated[int, Field(ge=7)] | None = Field(
        default=None, description="of the model; none: any that the runtime knows"
    )
    input: Picture
    outputs: dict[str, tuple[Dimension, ...]] = Field(description="shapes by name; -1: any")
    heads: Annotated[dict[Name, Head], Field(min_length=1)]
    providers: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default=("CPUExecutionProvider",),
        description="of onnxruntime; the first must start, the others do what it cannot",
    )
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    place: Place = Place()
    track: Track = Track()
    colors: dict[str, Literal["red", "green", "blue", "yellow"]] = Field(
        default_factory=dict,
        description="labels that are the cell's objects: `look` finds them by this pipeline",
    )
    watch: dict[Name, Watch] = Field(
        default_factory=dict, description="signals PIPELINE.WATCH for reflexes"
    )
