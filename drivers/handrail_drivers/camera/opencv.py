"""Sources that OpenCV opens: streams, USB cameras, videos, picture files. The only OpenCV here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Read at the first open. FFMPEG prints to stderr by itself; our errors say what happened. A USB
# camera that is silent for so many seconds is opened again.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")

import cv2
import numpy as np

from handrail_drivers.camera.driver import Image
from handrail_drivers.errors import DeviceFault

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

OPEN_TIMEOUT, READ_TIMEOUT = 2000, 1000  # ms
BOUNDS = [
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT),
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT),
]
START_OF_JPEG, END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
PADDING = b"\0\r\n"  # after it
TICK = 1e-4  # s, in which V4L2 counts exposure (V4L2_CID_EXPOSURE_ABSOLUTE)
BY_HAND, BY_ITSELF = 1, 3  # V4L2_CID_EXPOSURE_AUTO: manual, aperture priority
ROUGHLY = 0.1  # of an exposure or a colour temperature, to which a camera may round


class Capture:
    """A cv2.VideoCapture that is open."""

    def __init__(self, capture: Any) -> None:
        self._capture = capture

    def read(self) -> Image | None:
        """Return the next picture (height, width, 3) BGR; None: there is none any more."""
        arrived, image = self._capture.read()
        return image if arrived else None

    def release(self) -> None:
        """Close it."""
        self._capture.release()

    def rewind(self) -> None:
        """Go back to the first picture of a video."""
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)

    @property
    def rate(self) -> float:
        """Pictures a second, as it says itself; 0: it does not."""
        return float(self._capture.get(cv2.CAP_PROP_FPS))

    def expose(self, exposure: float | None) -> float:
        """Set the exposure [s], None: by itself; return what the camera then says of it [s].

        Raises:
            DeviceFault: it does something else.
        """
        self._set("exposure mode", cv2.CAP_PROP_AUTO_EXPOSURE, BY_HAND if exposure else BY_ITSELF)
        if exposure:
            ticks = max(1, round(exposure / TICK))
            self._set("exposure in 0.1 ms", cv2.CAP_PROP_EXPOSURE, ticks, ROUGHLY * ticks)
        return float(self._capture.get(cv2.CAP_PROP_EXPOSURE)) * TICK

    def balance(self, temperature: float | None) -> None:
        """Set the white balance [K]; None: by itself.

        Raises:
            DeviceFault: the camera does something else.
        """
        self._set("automatic white balance", cv2.CAP_PROP_AUTO_WB, temperature is None)
        if temperature is not None:
            near = ROUGHLY * temperature
            self._set("white balance", cv2.CAP_PROP_WB_TEMPERATURE, temperature, near)

    def shape(self, code: str, width: int, height: int, rate: float) -> None:
        """Set format (a FOURCC), size [px] and rate [Hz].

        Raises:
            DeviceFault: the camera does something else.
        """
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what waits in a queue is no newest frame
        self._set("format", cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*code))
        self._set("width", cv2.CAP_PROP_FRAME_WIDTH, width)
        self._set("height", cv2.CAP_PROP_FRAME_HEIGHT, height)
        self._set("rate", cv2.CAP_PROP_FPS, rate, 0.5)

    def _set(self, what: str, number: int, value: float, near: float = 0.0) -> None:
        """Set a property and read it back: a camera takes what it likes, and says nothing."""
        self._capture.set(number, value)
        given = self._capture.get(number)
        if not abs(given - value) <= near:
            raise DeviceFault(
                f"The camera takes no {what} of {value:g}: it stays at {given:g}.",
                value=value,
                limit=given,
                hint="`v4l2-ctl --list-formats-ext --list-ctrls` tells what a USB camera takes",
            )


def stream(url: str) -> Capture:
    """Open an RTSP stream.

    Raises:
        DeviceFault: nobody answers there.
    """
    return _opened(url, cv2.CAP_FFMPEG, BOUNDS, f"It cannot be opened at {shown(url)}.")


def shown(url: str) -> str:
    """Return an address without what may be a password in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def usb(path: str) -> Capture:
    """Open a camera of this machine by its path, such as /dev/video0.

    Raises:
        DeviceFault: there is none, or somebody else holds it.
    """
    return _opened(path, cv2.CAP_V4L2, [], f"It cannot be opened at {path}.")


def video(path: Path) -> Capture:
    """Open a video file.

    Raises:
        DeviceFault: it is none.
    """
    return _opened(str(path), cv2.CAP_FFMPEG, [], f"{path.name} is no video.")


def picture(path: Path) -> Image:
    """Return a picture file's image (height, width, 3) BGR.

    Raises:
        DeviceFault: it is none, or only a part of one.
    """
    image = decoded(path.read_bytes())
    if image is None:
        raise DeviceFault(f"{path.name} is no whole picture.", hint="remove it, or record it again")
    return image


AS_IT_IS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION  # a lens is calibrated that way


def decoded(data: bytes) -> Image | None:
    """Return a picture's image (height, width, 3) BGR; None: it is none, or only a part of one."""
    is_jpeg = data.startswith(START_OF_JPEG)
    if not data or (is_jpeg and not data.rstrip(PADDING).endswith(END_OF_JPEG)):
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), AS_IT_IS)
    except cv2.error:  # larger than any picture
        return None
    return None if image is None else image.astype(np.uint8, copy=False)


def _opened(where: str, how: int, bounds: Sequence[int], failed: str) -> Capture:
    capture = cv2.VideoCapture(where, how, bounds)
    if not capture.isOpened():
        capture.release()
        raise DeviceFault(failed)
    return Capture(capture)
