"""The network camera on a stream of GStreamer's RTSP server, which none of us wrote."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from handrail_drivers.camera.network import NetworkCamera, NetworkSettings
from handrail_drivers.errors import StaleReading

WAIT = 30.0  # s, longest wait of a test
PYTHON = "/usr/bin/python3"  # Debian's, which the bindings are built for
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0')"


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    found = subprocess.run([PYTHON, "-c", BINDINGS], check=False, capture_output=True)
    if found.returncode and "CI" not in os.environ:
        pytest.skip("no GStreamer: apt-get install gir1.2-gst-rtsp-server-1.0")


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


@contextlib.contextmanager
def serving(port: int) -> Iterator[None]:
    command = [PYTHON, str(Path(__file__).with_name("rtsp_peer.py")), str(port), "120"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            assert select.select([server.stdout], [], [], WAIT)[0]
            assert server.stdout.readline() == b"ready\n"
            yield
        finally:
            server.kill()


def look_for_ever(camera: NetworkCamera) -> None:
    last = 0
    while True:
        last = camera.newest(last, timeout_s=1.0).time_ns


def test_its_pictures_are_new_and_an_end_is_said_and_it_comes_back(port: int) -> None:
    settings = NetworkSettings(url=f"rtsp://127.0.0.1:{port}/desk", maximum_age=0.5)
    with NetworkCamera("overhead", settings) as camera:
        with serving(port):
            first = camera.newest(timeout_s=WAIT)
            assert first.image.shape == (120, 160, 3)
            second = camera.newest(time.monotonic_ns(), timeout_s=WAIT)
            assert second.sequence > first.sequence
            assert not np.array_equal(first.image, second.image)
        with pytest.raises(StaleReading):
            look_for_ever(camera)
        with serving(port):
            assert camera.newest(time.monotonic_ns(), timeout_s=WAIT).sequence > second.sequence
