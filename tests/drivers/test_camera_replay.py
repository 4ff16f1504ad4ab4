"""Recordings in a camera's place: at their pace, again and again; a broken one is told."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from handrail_drivers.camera.replay import ReplayCamera, ReplaySettings
from handrail_drivers.errors import DeviceFault, StaleReading
from waiting import until

WAIT = 20.0  # s
COUNT = 4  # pictures of a recording
RATE = 50.0  # Hz


def pictures():
    return [np.full((64, 96, 3), 40 * number + 20, np.uint8) for number in range(COUNT)]


@pytest.fixture(params=["folder", "video"])
def recording(request, tmp_path):
    if request.param == "folder":
        for number, image in enumerate(pictures()):
            cv2.imwrite(str(tmp_path / f"{number}.png"), image)
        (tmp_path / "notes.txt").write_text("no picture")
        return tmp_path
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (96, 64))
    for image in pictures():
        writer.write(image)
    writer.release()
    return path


def camera(path, **settings):
    return ReplayCamera("overhead", ReplaySettings(recording=str(path), **settings))


def test_it_plays_every_picture_in_order_at_its_pace_again_and_again(recording):
    heard = []
    playing = camera(recording, rate=RATE, maximum_age=WAIT)
    playing.listen(heard.append)
    with playing:
        while len(heard) < 2 * COUNT + 1:
            playing.newest(heard[-1].time_ns if heard else 0, timeout_s=WAIT)
    shades = [int(frame.image.mean()) for frame in heard[: COUNT + 1]]
    assert shades == pytest.approx([20, 60, 100, 140, 20], abs=3)
    assert [frame.sequence for frame in heard] == list(range(1, len(heard) + 1))
    took = (heard[-1].time_ns - heard[0].time_ns) * 1e-9
    assert took > 0.9 * (len(heard) - 1) / RATE, "faster than its rate"


def test_a_truncated_jpeg_is_told_by_its_name(tmp_path):
    whole = cv2.imencode(".jpg", pictures()[0])[1].tobytes()
    (tmp_path / "0.jpg").write_bytes(whole[: len(whole) // 2])
    with camera(tmp_path) as playing, pytest.raises(StaleReading, match=r"0\.jpg is no whole"):
        playing.newest(timeout_s=0.2)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xd8\xff\xd9"])
def test_a_file_that_is_no_picture_is_told(tmp_path, content):
    (tmp_path / "0.jpg").write_bytes(content)
    with camera(tmp_path) as playing, pytest.raises(StaleReading, match="no whole picture"):
        playing.newest(timeout_s=0.2)


def test_what_is_not_there_is_told(tmp_path):
    with camera(tmp_path) as playing, pytest.raises(StaleReading, match="no picture in"):
        playing.newest(timeout_s=0.2)
    with camera(tmp_path / "gone") as playing, pytest.raises(StaleReading, match="no recording"):
        playing.newest(timeout_s=0.2)
    (tmp_path / "film.avi").write_bytes(b"hello")
    with camera(tmp_path / "film.avi") as playing, pytest.raises(StaleReading, match="no video"):
        playing.newest(timeout_s=0.2)


def test_a_file_that_goes_and_comes_back_does_not_end_the_capture(tmp_path):
    for number, image in enumerate(pictures()):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    with camera(tmp_path, rate=RATE, maximum_age=WAIT) as playing:
        playing.newest(timeout_s=WAIT)
        (tmp_path / "2.png").rename(tmp_path / "2.txt")
        until(lambda: "FileNotFoundError" in playing._trouble)
        (tmp_path / "2.txt").rename(tmp_path / "2.png")
        assert playing.newest(time.monotonic_ns(), timeout_s=WAIT)
        with pytest.raises(DeviceFault, match="ZeroDivisionError"):
            playing._between_frames(lambda _: 1 / 0)
        assert playing.newest(time.monotonic_ns(), timeout_s=WAIT)
