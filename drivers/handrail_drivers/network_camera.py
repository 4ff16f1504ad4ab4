"""A camera on the network (MJPEG over HTTP, RTSP), opened by OpenCV; the newest frame only."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

# FFMPEG prints to stderr by itself; our errors say what happened. Read at the first open.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.errors import DeviceFault, StaleReading

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

OPEN_TIMEOUT = 2.0  # s
READ_TIMEOUT = 1.0  # s
FIRST_PAUSE = 0.1  # s before the first new try to connect; doubles with each
LONGEST_PAUSE = 2.0  # s
BOUNDS = [
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT * 1000)),
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(READ_TIMEOUT * 1000)),
]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. ``time_ns``: monotonic, when it arrived; ``sequence`` counts from 1."""

    image: NDArray[np.uint8]  # (height, width, 3), BGR
    sequence: int
    time_ns: int


class CameraSettings(BaseModel):
    """A camera that streams over the network."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    url: Annotated[
        str, Field(pattern=r"^(http|https|rtsp)://", description="address of the stream")
    ]
    maximum_age: Annotated[
        float, Field(gt=0, le=60, description="s after which a picture is no longer the present")
    ] = 0.5


class NetworkCamera:
    """Captures in a thread of its own, keeps the newest frame, reconnects by itself.

    Use as a context manager, or call :meth:`start` and :meth:`close`.
    """

    Settings: ClassVar[type[CameraSettings]] = CameraSettings
    transport: ClassVar[str] = "none"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: CameraSettings, transport: None = None) -> None:  # noqa: ARG002  every driver is given one
        self.name = name
        self._settings = settings
        self._changed = threading.Condition()  # guards everything below
        self._frame: Frame | None = None
        self._new_picture_ns = 0  # when a picture last differed from the one before
        self._trouble = "has not connected yet"
        self._listeners: list[Callable[[Frame], None]] = []
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to capture; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"camera {self.name}")
            self._thread.daemon = True  # a hung decoder must not keep the process alive
            self._thread.start()

    def newest(self, after_ns: int = 0, *, timeout_s: float) -> Frame:
        """Return the newest frame, waiting for one that is young enough.

        Args:
            after_ns: the frame must have arrived after this monotonic time [ns].
            timeout_s: longest wait [s].

        Raises:
            StaleReading: no such frame came in time.
            DeviceFault: frames come, but the picture has been frozen beyond the maximum age.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not self._is_fresh(after_ns):
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise self._fault()
            assert self._frame is not None  # noqa: S101  _is_fresh has seen it
            return self._frame

    def listen(self, listener: Callable[[Frame], None]) -> None:
        """Have every new picture handed over as it arrives; one that is frozen is none.

        ``listener`` runs in the capture's thread: it must not wait.
        """
        self._listeners.append(listener)

    @property
    def new_picture_ns(self) -> int:
        """Monotonic time [ns] of the newest picture that differs from the one before; 0: none."""
        return self._new_picture_ns

    def close(self) -> None:
        """End the capture; safe to call twice."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(OPEN_TIMEOUT + READ_TIMEOUT + 1)

    def __enter__(self) -> NetworkCamera:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_fresh(self, after_ns: int) -> bool:
        frame = self._frame
        if frame is None or frame.time_ns <= after_ns or self._is_frozen(frame):
            return False
        return time.monotonic_ns() - frame.time_ns <= self._maximum_age_ns

    @property
    def _maximum_age_ns(self) -> int:
        return int(self._settings.maximum_age * 1e9)

    def _is_frozen(self, frame: Frame) -> bool:
        return frame.time_ns - self._new_picture_ns > self._maximum_age_ns

    def _fault(self) -> DeviceFault:
        frame = self._frame
        if frame is None:
            sentence = f"{self.name} has no picture: it {self._trouble}."
            return StaleReading(sentence, subject=self.name, hint="check its power and its url")
        if self._is_frozen(frame):
            frozen = (frame.time_ns - self._new_picture_ns) * 1e-9
            return DeviceFault(
                f"{self.name} has sent the same picture for {frozen:.1f} s: it is frozen.",
                subject=self.name,
                value=round(frozen, 3),
                limit=self._settings.maximum_age,
                unit="s",
                hint="restart the camera",
            )
        age = (time.monotonic_ns() - frame.time_ns) * 1e-9
        return StaleReading(
            f"The newest picture of {self.name} is {age:.2f} s old: it {self._trouble}.",
            subject=self.name,
            value=round(age, 3),
            limit=self._settings.maximum_age,
            unit="s",
            hint="wait until it has reconnected, and look again",
        )

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closing.is_set():
            capture = cv2.VideoCapture(self._settings.url, cv2.CAP_FFMPEG, BOUNDS)
            try:
                pause = FIRST_PAUSE if self._pump(capture) else min(2 * pause, LONGEST_PAUSE)
            finally:
                capture.release()
            self._closing.wait(pause)

    def _pump(self, capture: Any) -> bool:
        """Take frames until the stream ends; return whether there was any."""
        if not capture.isOpened():
            self._note_trouble(f"cannot be opened at {self._settings.url}")
            return False
        count = 0
        while not self._closing.is_set():
            arrived, image = capture.read()
            if not arrived:
                break
            self._store(image, time.monotonic_ns())
            count += 1
        self._note_trouble("has stopped sending and is being reconnected")
        return count > 0

    def _store(self, image: NDArray[np.uint8], now: int) -> None:
        last = self._frame
        same = last is not None and np.array_equal(last.image, image)
        with self._changed:
            if not same:
                self._new_picture_ns = now
            frame = self._frame = Frame(image, last.sequence + 1 if last else 1, now)
            self._trouble = "sends nothing newer"
            self._changed.notify_all()
        if not same:
            for listener in self._listeners:
                listener(frame)

    def _note_trouble(self, text: str) -> None:
        with self._changed:
            self._trouble = text
