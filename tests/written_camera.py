"""A camera in whose picture somebody has written something."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator

import numpy as np
from handrail_bridge.vision import imaging
from handrail_drivers.camera.network import NetworkCamera, NetworkSettings
from handrail_drivers.errors import DeviceFault
from handrail_sim.twin.mjpeg import Server, Stream
from scripted_model import Request

RATE = 0.1  # s between two pictures
CONTRAST = 60  # of 255, between letters and what is beside them


@contextlib.contextmanager
def writing_on(url: str, text: str) -> Iterator[str]:
    """Serve what a camera shows with text across it while the block runs; gives the address."""
    stream, over = Stream(threading.Event()), threading.Event()
    server = Server({"overhead": stream})
    camera = NetworkCamera("overhead", NetworkSettings(url=url, maximum_age=2.0))

    def copy() -> None:
        while not over.wait(RATE):
            with contextlib.suppress(DeviceFault):
                image = imaging.written(camera.newest(timeout_s=1.0).image, text)
                stream.offer(imaging.encode(image, "jpeg")[0])

    threads = [
        threading.Thread(target=copy),
        threading.Thread(target=server.serve_forever, args=(0.05,)),
    ]
    with camera:
        for thread in threads:
            thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/overhead.mjpg"
        finally:
            over.set()
            server.shutdown()
            for thread in threads:
                thread.join(10.0)
            server.server_close()


def stands_in_picture(request: Request, text: str) -> bool:
    """Whether a model that can read finds the text in the picture that a tool has shown it."""
    blocks = [block for result in request.results for block in result["content"]]
    (shown,) = [block["source"]["data"] for block in blocks if block["type"] == "image"]
    picture = imaging.decode(base64.b64decode(shown)).astype(float).max(axis=2)
    letters = imaging.written(np.zeros((*picture.shape, 3), np.uint8), text).max(axis=2) > 128
    beside = np.roll(letters, 3, axis=(0, 1)) & ~letters
    return bool(picture[letters].mean() - picture[beside].mean() > CONTRAST)
