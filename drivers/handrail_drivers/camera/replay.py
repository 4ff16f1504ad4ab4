"""Recorded pictures in a camera's place: a video, or a folder of picture files."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from handrail_drivers.api import Unit
from handrail_drivers.camera import opencv
from handrail_drivers.camera.driver import CameraDriver, CameraSettings, Image, Source
from handrail_drivers.errors import DeviceFault

ENDINGS = (".bmp", ".jpeg", ".jpg", ".png")


class ReplaySettings(CameraSettings):
    """What is played, and how fast."""

    recording: Annotated[
        str, Field(min_length=1, description="path of a video, or of a folder of pictures")
    ]
    rate: Annotated[
        float | None, Unit("Hz"), Field(gt=0, le=240, description="none: the video's own, else 30")
    ] = None


class ReplayCamera(CameraDriver):
    """Plays a recording at its pace, again and again; each picture is as new as a camera's."""

    Settings: ClassVar[type[CameraSettings]] = ReplaySettings

    def _open(self) -> Source:
        path = Path(self._settings.recording)
        if path.is_dir():
            return Paced(_Pictures(path), self._settings.rate or 30.0)
        if not path.is_file():
            raise DeviceFault(f"There is no recording {path}.")
        film = opencv.video(path)
        return Paced(_Film(film), self._settings.rate or film.rate or 30.0)


class Paced:
    """Gives a source's pictures no faster than a rate [Hz]."""

    def __init__(self, source: Source, rate: float) -> None:
        self._source = source
        self._period = 1 / rate
        self._due = time.monotonic()

    def read(self) -> Image | None:
        """Return the next picture once it is due."""
        image = self._source.read()
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due, time.monotonic() - self._period) + self._period
        return image

    def release(self) -> None:
        """Close the source."""
        self._source.release()


class _Pictures:
    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
        if not paths:
            raise DeviceFault(f"There is no picture in {folder}.", choices=ENDINGS)
        self._paths: Iterator[Path] = itertools.cycle(paths)

    def read(self) -> Image | None:
        return opencv.picture(next(self._paths))

    def release(self) -> None:
        """There is nothing to close."""


class _Film:
    def __init__(self, film: opencv.Capture) -> None:
        self._film = film

    def read(self) -> Image | None:
        image = self._film.read()
        if image is None:
            self._film.rewind()
            image = self._film.read()
        return image

    def release(self) -> None:
        self._film.release()
