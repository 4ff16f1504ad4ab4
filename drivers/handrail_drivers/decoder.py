"""The decoder API: what turns a model's output tensors into finds.

A decoder is one plain class, found by the entry point group ``handrail.decoders``. Its ``Settings``
is what stands in a cell file under ``[perception.NAME.heads.HEAD.settings]``; it is made with them,
and ``decode`` gets the outputs that the head names, in that order, batch first. It runs in the
perception process, outside of every loop. All coordinates are pixels of the model's own picture:
x to the right, y down, a pixel's centre at .5.

Finds bear the ``labels`` that its settings have (a tuple of strings, with a default where they are
the decoder's own). A cell that watches for another is refused, a find that bears one is a fault.

Its outputs are floats, half, single or double. A decoder that reads others says so by ``kinds``:
numpy's letters, ``kinds = "fi"`` for floats and integers (u unsigned, b booleans).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Tensor = NDArray[Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom [px]
Spot = tuple[float, float, float]  # x, y [px], score


@dataclass(frozen=True, slots=True)
class Find:
    """One thing that a model has found.

    ``points`` are its keypoints, the first where it is; ``outline`` pixels that it covers; ``turn``
    [rad] the direction of its edge from +x to +y, modulo a turn by ``fold``.
    """

    label: str
    score: float
    box: Box
    points: tuple[Spot, ...] = ()
    outline: tuple[tuple[float, float], ...] = ()
    turn: float | None = None
    fold: int = 1


@dataclass(frozen=True, slots=True)
class Findings:
    """What one head says: finds, numbers that are no finds, and the depth of each pixel [m]."""

    finds: list[Find] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)  # as JSON
    depth: NDArray[np.float32] | None = None  # (height, width) over the model's picture


class DecoderSettings(BaseModel):
    """What every decoder's settings are made of: unknown keys and non-finite numbers are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Decoder(Protocol):
    """The shape of a decoder."""

    Settings: ClassVar[type[DecoderSettings]]

    def __init__(self, settings: Any, size: tuple[int, int]) -> None:
        """Make it for a picture of ``size`` (width, height) [px]."""

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return what the outputs say.

        Raises:
            InvalidValue: they are not of the shape that this decoder reads.
        """
