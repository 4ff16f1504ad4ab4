"""The network camera against a stream of the test's own: newest, fresh, moving, coming back."""

from __future__ import annotations

import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from handrail_drivers.camera.network import NetworkCamera, NetworkSettings
from handrail_drivers.errors import DeviceFault, StaleReading
from pydantic import ValidationError

WAIT = 20.0  # s, longest wait of a test
PAUSE = 0.02  # s between frames
NOISE = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
SCENE = cv2.GaussianBlur(NOISE, (15, 15), 0)  # which fills many bytes, as a real one does
LOWER = slice(440, None)  # rows


class Stream:
    """An MJPEG server.

    ``frozen``: the same picture for ever; ``dead``: answers nobody; ``share``: sent of each.
    """

    def __init__(self) -> None:
        self.frozen = self.dead = self.silent = False
        self.share = 1.0
        self.pause = PAUSE
        self.count = 0
        stream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if stream.dead:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while not stream.dead:
                    if not stream.silent:
                        self.send_picture()
                    time.sleep(stream.pause)  # the camera's own pace

            def send_picture(self) -> None:
                picture = stream.picture()
                head = (
                    f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                )
                self.wfile.write(head.encode() + picture + b"\r\n")

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    return  # the client has gone

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/stream.mjpg"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def picture(self) -> bytes:
        if not self.frozen:
            self.count += 1
        image = SCENE.copy()
        image[:20] = (self.count * 7) % 256
        image[LOWER] = 255 if self.share < 1.0 else 0  # a hand comes in with the fault
        whole = cv2.imencode(".jpg", image)[1].tobytes()
        return whole[: int(self.share * len(whole))]

    def close(self) -> None:
        self.dead = True
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def stream():
    opened = Stream()
    yield opened
    opened.close()


@pytest.fixture
def camera(stream):
    settings = NetworkSettings(url=stream.url, maximum_age=0.3)
    with NetworkCamera("overhead", settings) as started:
        yield started


def look_for_ever(camera):
    last = 0
    while True:
        last = camera.newest(last, timeout_s=1.0).time_ns


def look_again(camera, times):
    """Look at frames that are just coming in: each is young then."""
    for _ in range(times):
        camera.newest(time.monotonic_ns(), timeout_s=1.0)


def look_until(camera, deadline):
    while time.monotonic() < deadline:
        camera.newest(timeout_s=0.05)


def test_frames_are_new_and_in_order(camera):
    first = camera.newest(timeout_s=WAIT)
    now = time.monotonic_ns()
    second = camera.newest(now, timeout_s=WAIT)
    assert first.image.shape == SCENE.shape
    assert first.image.dtype == np.uint8
    assert second.sequence > first.sequence
    assert second.time_ns > now


def test_a_stream_that_ends_comes_back(stream, camera):
    last = camera.newest(timeout_s=WAIT)
    stream.dead = True
    with pytest.raises(StaleReading, match=r"opened|503"):
        look_for_ever(camera)
    stream.dead = False
    assert camera.newest(last.time_ns, timeout_s=WAIT).sequence > last.sequence


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_pictures_that_are_cut_off_are_none(stream, camera, share):
    heard = []
    camera.listen(heard.append)
    whole = camera.newest(timeout_s=WAIT)
    stream.share = share
    with pytest.raises(StaleReading, match="no whole JPEG"):
        look_for_ever(camera)
    assert all(frame.image[LOWER].mean() < 10 for frame in heard)
    stream.share = 1.0
    assert camera.newest(time.monotonic_ns(), timeout_s=WAIT).sequence > whole.sequence


def test_who_listens_gets_every_new_picture_and_none_that_is_frozen(stream, camera):
    heard = []
    camera.listen(lambda frame: heard.append(frame.image))
    first = camera.newest(timeout_s=WAIT).sequence
    while camera.newest(timeout_s=WAIT).sequence < first + 10:
        pass
    stream.frozen = True
    with pytest.raises(DeviceFault, match="frozen"):
        look_for_ever(camera)
    assert len(heard) > 5
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(heard))


def test_a_frozen_picture_is_a_fault(stream, camera):
    last = camera.newest(timeout_s=WAIT)
    stream.frozen = True
    with pytest.raises(DeviceFault, match="frozen") as caught:
        look_for_ever(camera)
    assert caught.value.unit == "s"
    stream.frozen = False
    assert camera.newest(last.time_ns, timeout_s=WAIT)


def test_silence_is_stale(stream, camera):
    camera.newest(timeout_s=WAIT)
    stream.silent = True
    with pytest.raises(StaleReading, match="old"):
        look_for_ever(camera)


def test_a_camera_that_is_too_slow_is_told_so(stream, camera):
    heard = []
    camera.listen(heard.append)
    stream.pause = 2 * 0.3  # of the maximum age
    first = camera.newest(timeout_s=WAIT).sequence
    with pytest.raises(StaleReading, match="sends one every") as caught:
        look_again(camera, 4)
    assert caught.value.value > caught.value.limit == 0.3
    assert "maximum_age" in caught.value.hint
    assert not [frame for frame in heard if frame.sequence > first + 3]


def test_an_old_frame_is_not_given_out(stream, camera):
    camera.newest(timeout_s=WAIT)
    stream.silent = True
    deadline = time.monotonic() + WAIT
    with pytest.raises(StaleReading, match="old"):
        look_until(camera, deadline)


def test_nobody_there():
    settings = NetworkSettings(url="http://127.0.0.1:1/x")
    with (
        NetworkCamera("overhead", settings) as camera,
        pytest.raises(StaleReading, match="overhead"),
    ):
        camera.newest(timeout_s=0.3)


def test_close_ends_the_thread(stream):
    camera = NetworkCamera("overhead", NetworkSettings(url=stream.url))
    camera.close()
    camera.start()
    camera.start()
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("camera overhead") <= 1
    camera.close()
    camera.close()
    assert "camera overhead" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("url", ["", "/dev/video0", "file:///etc/passwd", "ftp://x"])
def test_only_network_urls(url):
    with pytest.raises(ValidationError):
        NetworkSettings(url=url)
