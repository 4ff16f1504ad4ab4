"""A camera on the network: MJPEG over HTTP, or RTSP."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from handrail_drivers.camera import mjpeg, opencv
from handrail_drivers.camera.driver import CameraDriver, CameraSettings, Source


class NetworkSettings(CameraSettings):
    """A camera that streams over the network."""

    url: Annotated[
        str, Field(pattern=r"^(http|https|rtsp)://", description="address of the stream")
    ]


class NetworkCamera(CameraDriver):
    """Opens the stream again where it ends, with pauses of 0.1 to 2 s."""

    Settings: ClassVar[type[CameraSettings]] = NetworkSettings

    def _open(self) -> Source:
        url: str = self._settings.url
        return opencv.stream(url) if url.startswith("rtsp://") else mjpeg.stream(url)
