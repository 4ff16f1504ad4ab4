"""A camera's picture as the input of a model, and the way back for what is found in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from handrail_sim.sight import Picture
from numpy.typing import NDArray

from handrail_bridge.vision import imaging

GRAY = (0.114, 0.587, 0.299)  # of blue, green, red: ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a camera's picture lies in the model's: model = camera * scale + shift [px]."""

    scale: tuple[float, float]
    shift: tuple[float, float]

    def back(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the model's picture is in the camera's; pixel centres at .5."""
        return (x - self.shift[0]) / self.scale[0], (y - self.shift[1]) / self.scale[1]


class Preparation:
    """Fills a model's input from pictures of one size, always the same way."""

    def __init__(self, picture: Picture, width: int, height: int) -> None:
        self._picture = picture
        crop = picture.crop or (0, 0, width, height)
        self._shown = slice(crop[1], crop[3]), slice(crop[0], crop[2])
        width, height = crop[2] - crop[0], crop[3] - crop[1]
        wide, high = picture.size
        if picture.fit == "stretch":
            self._inner, left, top = (wide, high), 0, 0
        else:
            ratio = min(wide / width, high / height)
            self._inner = (max(1, round(width * ratio)), max(1, round(height * ratio)))
            left, top = (wide - self._inner[0]) // 2, (high - self._inner[1]) // 2
        scale = (self._inner[0] / width, self._inner[1] / height)
        self.fit = Fit(scale, (left - crop[0] * scale[0], top - crop[1] * scale[1]))
        self._place = slice(top, top + self._inner[1]), slice(left, left + self._inner[0])
        self._canvas = np.full((high, wide, 3), picture.pad, np.uint8)
        deviation, mean = np.array(picture.deviation), np.array(picture.mean)
        self._plain = picture.type == "uint8"
        self._factor = (picture.scale / deviation).astype(np.float32)
        self._offset = (-mean / deviation).astype(np.float32)

    def fill(self, image: imaging.Image, tensor: NDArray[Any]) -> None:
        """Write a picture (height, width, 3) BGR into the model's input."""
        self._canvas[self._place] = imaging.resized(image[self._shown], self._inner)
        planes = tensor[0] if self._picture.layout == "nchw" else tensor[0].transpose(2, 0, 1)
        for plane, color, factor, offset in zip(
            planes, self._colors(), self._factor, self._offset, strict=False
        ):
            if self._plain:
                plane[:] = color
                continue
            np.multiply(color, factor, out=plane, casting="same_kind")
            if offset:
                plane += offset

    def _colors(self) -> list[NDArray[Any]]:
        """Return the canvas as planes, which lie in one piece: strides cost a tenth of a ms."""
        if self._picture.order == "gray":
            return [self._canvas @ np.array(GRAY, np.float32)]
        planes = imaging.planes(self._canvas)
        return planes[:: -1 if self._picture.order == "rgb" else 1]
