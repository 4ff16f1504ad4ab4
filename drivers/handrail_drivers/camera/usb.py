"""A USB camera of this machine (V4L2). Not tried on hardware: opening and settings are OpenCV's."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.camera import opencv
from handrail_drivers.camera.driver import CameraDriver, CameraSettings, Source
from handrail_drivers.camera.video_nodes import video_nodes
from handrail_drivers.errors import DeviceFault

Pixels = Annotated[int, Unit("{pixel}"), Field(ge=64, le=4096, description="of each picture")]
Exposure = Annotated[
    float | None,
    Unit("s"),
    Field(ge=1e-4, le=1, description="of each picture; none: the camera chooses by itself"),
]


class UsbSettings(CameraSettings):
    """What a USB camera is set to when it is opened; what it does not take is a fault."""

    device: Annotated[
        str, Field(min_length=1, description="path, or the name that `handrail discover` tells")
    ]
    width: Pixels = 640
    height: Pixels = 480
    rate: Annotated[float, Unit("Hz"), Field(gt=0, le=240, description="of pictures")] = 30.0
    format: Annotated[
        Literal["MJPG", "YUYV"], Field(description="on the wire; MJPG needs less of it")
    ] = "MJPG"
    exposure: Exposure = None
    white_balance: Annotated[
        float | None,
        Unit("K"),
        Field(ge=1000, le=12000, description="none: the camera chooses by itself"),
    ] = None


class ExposureReport(BaseModel):
    """What the camera says of its exposure."""

    exposure: Annotated[float, Unit("s")]


class UsbCamera(CameraDriver):
    """Found by its path or its name; a camera that was unplugged is opened again."""

    Settings: ClassVar[type[CameraSettings]] = UsbSettings

    def _open(self) -> Source:
        given = self._settings
        capture = opencv.usb(self._path())
        try:
            capture.shape(given.format, given.width, given.height, given.rate)
            capture.expose(given.exposure)
            capture.balance(given.white_balance)
        except DeviceFault:
            capture.release()
            raise
        return capture

    def stop(self) -> None:
        """Nothing moves: there is nothing to stop."""

    @tool(Effect.CONFIGURE)
    def set_exposure(self, exposure: Exposure = None) -> ExposureReport:
        """Set how long each picture is exposed, until the camera is opened again.

        Raises:
            DeviceFault: the camera does something else.
            StaleReading: it gives no pictures.
        """

        def set_(capture: opencv.Capture) -> float:
            return capture.expose(exposure)

        return ExposureReport(exposure=self._between_frames(set_))

    def _path(self) -> str:
        wanted: str = self._settings.device
        if wanted.startswith("/"):
            return wanted
        nodes = video_nodes()
        paths = [path for path, name in nodes if name == wanted]
        if not paths:
            raise DeviceFault(
                f"There is no camera {wanted!r}.", value=wanted, choices=[name for _, name in nodes]
            )
        if len(paths) > 1:
            raise DeviceFault(
                f"{len(paths)} cameras have the name {wanted!r}: {', '.join(paths)}.",
                value=wanted,
                choices=paths,
                hint="name it by where it is plugged in: /dev/v4l/by-path/...",
            )
        return paths[0]
