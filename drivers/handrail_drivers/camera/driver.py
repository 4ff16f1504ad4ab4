"""What every camera does: one thread that keeps the newest frame, and finds a lost camera again."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Annotated, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.api import Unit
from handrail_drivers.errors import DeviceFault, HandrailError, StaleReading

FIRST_PAUSE = 0.1  # s before the first new try to open it; doubles with each
LONGEST_PAUSE = 2.0  # s
CLOSE = 4.0  # s: longer than any source takes to open or to give a picture up

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. ``time_ns``: monotonic, when it arrived; ``sequence`` counts from 1."""

    image: Image  # (height, width, 3), BGR
    sequence: int
    time_ns: int


class CameraSettings(BaseModel):
    """What every camera has."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    maximum_age: Annotated[
        float,
        Unit("s"),
        Field(gt=0, le=60, description="after which a picture is no longer the present"),
    ] = 0.5


class Source(Protocol):
    """An open camera. Belongs to the capture's thread."""

    def read(self) -> Image | None:
        """Return the next picture, waiting for it; None: there is none any more.

        Raises:
            DeviceFault: what came is no picture.
        """

    def release(self) -> None:
        """Let it go."""


class CameraDriver(ABC):
    """Captures in a thread of its own, keeps the newest frame, opens its source again by itself.

    Use as a context manager, or call :meth:`start` and :meth:`close`.
    """

    Settings: ClassVar[type[CameraSettings]]
    transport: ClassVar[str] = "none"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: Any, transport: None = None) -> None:  # noqa: ARG002  every driver is given one
        self.name = name
        self._settings = settings
        self._changed = threading.Condition()  # guards everything below
        self._frame: Frame | None = None
        self._between_ns = 0  # from the frame before to the newest
        self._new_picture_ns = 0  # when a picture last differed from the one before
        self._trouble = "It has not been opened yet."
        self._listeners: list[Callable[[Frame], None]] = []
        self._asked: SimpleQueue[tuple[Callable[[Any], Any], Future[Any]]] = SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _open(self) -> Source:
        """Open it; called in the capture's thread.

        Raises:
            DeviceFault: it cannot be opened; the message says why.
        """

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
            StaleReading: no such frame came in time, or they come too seldom to be the present.
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
        """Have every new picture handed over as it arrives; one frozen or too seldom is none.

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
            self._thread.join(CLOSE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _between_frames(self, action: Callable[[Any], Any]) -> Any:
        """Have the capture's thread do something with its source, and return what that gives.

        Raises:
            StaleReading: the camera gave no picture meanwhile.
        """
        answer: Future[Any] = Future()
        self._asked.put((action, answer))
        try:
            return answer.result(2 * self._settings.maximum_age)
        except TimeoutError:
            answer.cancel()
            raise self._fault() from None

    def _is_fresh(self, after_ns: int) -> bool:
        frame = self._frame
        if frame is None or frame.time_ns <= after_ns:
            return False
        if self._is_frozen(frame) or self._is_too_slow():
            return False
        return time.monotonic_ns() - frame.time_ns <= self._maximum_age_ns

    @property
    def _maximum_age_ns(self) -> int:
        return int(self._settings.maximum_age * 1e9)

    def _is_frozen(self, frame: Frame) -> bool:
        return frame.time_ns - self._new_picture_ns > self._maximum_age_ns

    def _is_too_slow(self) -> bool:
        """Whether a frame is too old before the next one comes, however young it is now."""
        return self._between_ns > self._maximum_age_ns

    def _fault(self) -> DeviceFault:
        frame = self._frame
        if frame is None:
            sentence = f"{self.name} has no picture. {self._trouble}"
            hint = "check its power, its cable and its settings"
            return StaleReading(sentence, subject=self.name, hint=hint)
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
        return self._too_old(frame)

    def _too_old(self, frame: Frame) -> StaleReading:
        age = (time.monotonic_ns() - frame.time_ns) * 1e-9
        value, why, hint = age, self._trouble, "wait until it is found again, and look again"
        if self._is_too_slow():
            value = self._between_ns * 1e-9
            why = f"It sends one every {value:.1f} s."
            hint = "set its rate higher, or allow an older picture in the cell (maximum_age)"
        return StaleReading(
            f"The newest picture of {self.name} is {age:.2f} s old. {why}",
            subject=self.name,
            value=round(value, 3),
            limit=self._settings.maximum_age,
            unit="s",
            hint=hint,
        )

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closing.is_set():
            before = self._frame
            try:
                self._pump()
            except HandrailError as error:
                self._note_trouble(error.message)
            except Exception as error:  # noqa: BLE001  a camera whose thread has died is lost for good
                self._note_trouble(_sentence(error))
            gave_any = self._frame is not before
            pause = FIRST_PAUSE if gave_any else min(2 * pause, LONGEST_PAUSE)
            self._closing.wait(pause)

    def _pump(self) -> None:
        """Take pictures until there are no more, or one that is none."""
        source = self._open()
        try:
            while not self._closing.is_set():
                self._serve(source)
                image = source.read()
                if image is None:
                    break
                self._store(image, time.monotonic_ns())
        finally:
            source.release()
        self._note_trouble("It has stopped sending and is being opened again.")

    def _serve(self, source: Source) -> None:
        with contextlib.suppress(Empty):
            while True:
                action, answer = self._asked.get_nowait()
                if not answer.set_running_or_notify_cancel():  # who asked waits no more
                    continue
                try:
                    answer.set_result(action(source))
                except HandrailError as error:
                    answer.set_exception(error)
                except Exception as error:  # noqa: BLE001  who asked is told, and the pictures go on
                    answer.set_exception(DeviceFault(_sentence(error), subject=self.name))

    def _store(self, image: Image, now: int) -> None:
        last = self._frame
        same = last is not None and np.array_equal(last.image, image)
        with self._changed:
            if not same:
                self._new_picture_ns = now
            if last is not None:
                self._between_ns = now - last.time_ns
            frame = self._frame = Frame(image, last.sequence + 1 if last else 1, now)
            self._trouble = "It sends nothing newer."
            self._changed.notify_all()
        if not same and not self._is_too_slow():
            for listener in self._listeners:
                listener(frame)

    def _note_trouble(self, text: str) -> None:
        with self._changed:
            self._trouble = text


def _sentence(error: Exception) -> str:
    return f"It has failed: {type(error).__name__}: {error}."
