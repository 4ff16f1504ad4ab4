"""Pictures of the desk's twin, alone and with a hand in its zone, as its camera sends them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from handrail_drivers.camera.network import NetworkCamera, NetworkSettings
from handrail_sim.twin.launch import Twin

from handrail_bridge.vision.imaging import Image

CAMERA = "overhead"
COUNT = 8  # of each kind: they differ in their noise
FIRST = 30.0  # s, on a loaded machine
HAND = (0.2, 0.15, 0.08, -1.57)  # m and rad


@dataclass(frozen=True)
class Pictures:
    """So many of each kind, (height, width, 3) BGR."""

    alone: list[Image]
    reached: list[Image]


def taken(twin: Twin) -> Pictures:
    """Return pictures of a running twin; its hand is away again afterwards.

    Raises:
        StaleReading: it sends none.
    """
    settings = NetworkSettings(url=twin.urls[CAMERA], maximum_age=FIRST)
    with NetworkCamera(CAMERA, settings) as camera:
        alone = _some(camera)
        twin.truth.reach(*HAND)
        reached = _some(camera)
        twin.truth.withdraw()
    return Pictures(alone, reached)


def _some(camera: NetworkCamera) -> list[Image]:
    """Return pictures captured from now on; the first two may be of before."""
    found, last = [], time.monotonic_ns()
    for _ in range(COUNT + 2):
        frame = camera.newest(last, timeout_s=FIRST)
        last = frame.time_ns
        found.append(frame.image)
    return found[2:]
