"""The USB camera over a stand-in for cv2.VideoCapture: nobody has tried it on hardware.

What OpenCV and the kernel make of the settings is therefore not tried here; that they are set, read
back and refused where the camera does something else, is.
"""

from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest
from handrail_drivers.camera import opencv, usb
from handrail_drivers.camera.usb import UsbCamera, UsbSettings
from handrail_drivers.errors import DeviceFault, StaleReading
from pydantic import ValidationError

WAIT = 20.0  # s, longest wait of a test
SIZE = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)


class Plugged:
    """What is plugged in: a camera that takes its settings, but for those in ``stubborn``."""

    def __init__(self) -> None:
        self.there = True
        self.opened: list[str] = []
        self.released = 0
        self.stubborn: dict[int, float] = {}
        self.said: dict[int, float] = {}

    def open(self, path: str, how: int, bounds: list[int]) -> Fake:
        assert how == cv2.CAP_V4L2
        self.opened.append(path)
        return Fake(self)


class Fake:
    def __init__(self, plugged: Plugged) -> None:
        self.plugged = plugged
        self.count = 0

    def isOpened(self) -> bool:
        return self.plugged.there

    def set(self, number: int, value: float) -> bool:
        self.plugged.said[number] = self.plugged.stubborn.get(number, float(value))
        return True

    def get(self, number: int) -> float:
        return self.plugged.said.get(number, 0.0)

    def read(self):
        time.sleep(0.005)  # the camera's own pace
        self.count += 1
        width, height = (int(self.plugged.said[part]) for part in SIZE)
        return self.plugged.there, np.full((height, width, 3), self.count % 256, np.uint8)

    def release(self) -> None:
        self.plugged.released += 1


@pytest.fixture
def plugged(monkeypatch):
    found = Plugged()
    monkeypatch.setattr(opencv.cv2, "VideoCapture", found.open)
    nodes = [("/dev/video0", "Good"), ("/dev/video2", "Twin"), ("/dev/video4", "Twin")]
    monkeypatch.setattr(usb, "video_nodes", lambda: nodes)
    return found


def camera(**settings):
    given = {"device": "/dev/video0", "maximum_age": 0.2, "width": 96, "height": 64}
    return UsbCamera("overhead", UsbSettings(**{**given, **settings}))


def test_it_is_set_as_the_cell_says_and_gives_pictures(plugged):
    with camera(rate=60, exposure=0.005, white_balance=4600, format="YUYV") as started:
        first = started.newest(timeout_s=WAIT)
        second = started.newest(time.monotonic_ns(), timeout_s=WAIT)
    assert first.image.shape == (64, 96, 3)
    assert second.sequence > first.sequence
    assert plugged.said[cv2.CAP_PROP_FPS] == 60
    assert plugged.said[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"YUYV")
    assert plugged.said[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
    assert plugged.said[cv2.CAP_PROP_EXPOSURE] == 50  # in 0.1 ms
    assert plugged.said[cv2.CAP_PROP_AUTO_WB] == 0
    assert plugged.said[cv2.CAP_PROP_WB_TEMPERATURE] == 4600
    assert plugged.opened == ["/dev/video0"]
    assert plugged.released == 1


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (cv2.CAP_PROP_FOURCC, "no format"),
        (cv2.CAP_PROP_FRAME_WIDTH, "no width of 96: it stays at 7"),
        (cv2.CAP_PROP_FRAME_HEIGHT, "no height"),
        (cv2.CAP_PROP_FPS, "no rate"),
        (cv2.CAP_PROP_AUTO_EXPOSURE, "no exposure mode"),
        (cv2.CAP_PROP_AUTO_WB, "no automatic white balance"),
    ],
)
def test_a_camera_that_does_not_take_a_setting_is_no_camera(plugged, number, says):
    plugged.stubborn[number] = 7.0
    with camera() as started, pytest.raises(StaleReading, match=says):
        started.newest(timeout_s=0.2)
    assert plugged.released == len(plugged.opened)


def test_it_is_found_by_name_and_two_of_one_name_are_refused(plugged):
    with camera(device="Good") as started:
        started.newest(timeout_s=WAIT)
    assert plugged.opened == ["/dev/video0"]
    with (
        camera(device="Twin") as started,
        pytest.raises(StaleReading, match=r"2 cameras have the name 'Twin': /dev/video2, /dev/v"),
    ):
        started.newest(timeout_s=0.1)
    with camera(device="Gone") as started, pytest.raises(StaleReading, match="no camera 'Gone'"):
        started.newest(timeout_s=0.1)


def test_one_that_is_unplugged_is_stale_and_comes_back(plugged):
    with camera() as started:
        last = started.newest(timeout_s=WAIT)
        plugged.there = False
        with pytest.raises(StaleReading):
            started.newest(time.monotonic_ns(), timeout_s=0.3)
        plugged.there = True
        assert started.newest(last.time_ns, timeout_s=WAIT).sequence > last.sequence


def test_exposure_is_set_between_two_pictures_and_told_as_the_camera_has_it(plugged):
    with camera() as started:
        started.newest(timeout_s=WAIT)
        assert started.set_exposure(0.02).exposure == pytest.approx(0.02)
        plugged.stubborn[cv2.CAP_PROP_EXPOSURE] = 333.0
        with pytest.raises(DeviceFault, match=r"no exposure in 0\.1 ms of 100: it stays at 333"):
            started.set_exposure(0.01)
        started.set_exposure(None)
        assert plugged.said[cv2.CAP_PROP_AUTO_EXPOSURE] == 3


def test_exposure_of_a_camera_that_is_gone_is_refused_and_not_set_later(plugged):
    plugged.there = False
    with camera() as started:
        with pytest.raises(StaleReading):
            started.set_exposure(0.02)
        plugged.there = True
        started.newest(timeout_s=WAIT)
        assert plugged.said[cv2.CAP_PROP_AUTO_EXPOSURE] == 3
    assert "camera overhead" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    "wrong", [{"rate": 0}, {"exposure": 0}, {"format": "H264"}, {"width": 10}, {"device": ""}]
)
def test_settings_that_no_camera_has_are_refused(wrong):
    with pytest.raises(ValidationError):
        UsbSettings(**{"device": "/dev/video0", **wrong})
