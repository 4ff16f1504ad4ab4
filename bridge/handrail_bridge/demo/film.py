"""Films the twin's spectator camera while the demo runs."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

from handrail_drivers.camera.network import NetworkCamera, NetworkSettings
from handrail_drivers.errors import DeviceFault

from handrail_bridge.vision import imaging

RATE = 10.0  # frames a second
PATIENCE = 5.0  # s for the first frame


class Filming:
    """Writes ``video`` while the block runs, and ``still`` at its end."""

    def __init__(self, url: str, video: Path, still: Path) -> None:
        settings = NetworkSettings(url=url, maximum_age=60.0)  # a still scene is no fault
        self._camera = NetworkCamera("view", settings)
        self._video = video
        self._still = still
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)

    def __enter__(self) -> Filming:
        self._camera.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        with contextlib.suppress(DeviceFault):
            imaging.save(self._still, self._camera.newest(timeout_s=PATIENCE).image)
        self._camera.close()

    def _run(self) -> None:
        """Take the newest picture at each moment of the film, so that it runs in real time."""
        try:
            image = self._camera.newest(timeout_s=PATIENCE).image
        except DeviceFault:
            return  # no camera, no film; the demo does not depend on it
        size = (image.shape[1], image.shape[0])
        due = time.monotonic()
        with imaging.Film(self._video, RATE, size) as film:
            while not self._over.wait(max(0.0, due - time.monotonic())):
                due += 1 / RATE
                with contextlib.suppress(DeviceFault):
                    image = self._camera.newest(timeout_s=1 / RATE).image
                film.add(image)
