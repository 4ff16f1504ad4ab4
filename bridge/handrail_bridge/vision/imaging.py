"""Pictures: scaled, encoded, written on, saved, as a film. BGR, uint8, (h, w, 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import cv2
import numpy as np
from handrail_drivers.errors import HandrailError, InvalidValue
from numpy.typing import NDArray

Image = NDArray[np.uint8]
FORMATS = {"jpeg": ".jpg", "png": ".png"}
JPEG_QUALITY = 90


def resized(image: Image, size: tuple[int, int]) -> Image:
    """Return an image scaled to ``size`` (width, height) [px]; smaller by areas, else bilinear."""
    smaller = size[0] < image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    scaled: Image = cv2.resize(image, size, interpolation=how).astype(np.uint8, copy=False)
    return scaled


def planes(image: Image) -> list[Image]:
    """Return the channels (height, width) of an image by themselves."""
    return list(cv2.split(image))


def encode(image: Image, form: str, max_width: int = 0) -> tuple[bytes, int, int]:
    """Return an image as jpeg or png, scaled down to ``max_width`` [px]; 0 keeps its size.

    Returns:
        The bytes, and the width and height [px] of what they hold.

    Raises:
        InvalidValue: no such format, or a negative width.
    """
    form = form or "jpeg"
    if form not in FORMATS or max_width < 0:
        raise InvalidValue(
            "A frame comes as jpeg or png, with a width of 0 (as captured) or more.",
            field="format" if form not in FORMATS else "max_width",
            value=form if form not in FORMATS else max_width,
            choices=FORMATS,
        )
    height, width = image.shape[:2]
    if 0 < max_width < width:
        size = (max_width, max(1, round(height * max_width / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    quality = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY) if form == "jpeg" else ()
    _, data = cv2.imencode(FORMATS[form], image, quality)
    return data.tobytes(), image.shape[1], image.shape[0]


def decode(data: bytes) -> Image:
    """Return the image of encoded bytes.

    Raises:
        InvalidValue: they hold no picture.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InvalidValue("These bytes hold no picture.", field="image")
    decoded: Image = image.astype(np.uint8, copy=False)
    return decoded


class Film:
    """Writes frames to a video file (MPEG-4 part 2 in .mp4). Use as a context manager."""

    def __init__(self, path: Path, rate: float, size: tuple[int, int]) -> None:
        """Open the file; ``rate`` in frames a second, ``size`` (width, height) in px."""
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), codec, rate, size)
        if not self._writer.isOpened():
            raise HandrailError(f"The video {path} cannot be written.")

    def add(self, image: Image) -> None:
        """Append one frame."""
        self._writer.write(image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.release()


def written(image: Image, text: str) -> Image:
    """Return the image with text across it, a line a sentence."""
    marked = image.copy()
    for number, line in enumerate(text.split(". ")):
        place = 10, 30 + 24 * number
        cv2.putText(marked, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    return marked


def save(path: Path, image: Image) -> None:
    """Write an image file; its name's ending says the format."""
    if not cv2.imwrite(str(path), image):
        raise HandrailError(f"The picture {path} cannot be written.")
