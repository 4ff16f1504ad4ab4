"""What our pipeline takes for a picture, beside the same model run by hand; and how late it tells.

Pictures of ours and of the reference are looked at in turn, in one process and on one thread.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from handrail_drivers.camera.driver import Frame
from handrail_drivers.errors import StaleReading
from handrail_sim.camera import Camera
from handrail_sim.cell import Cell
from handrail_sim.cell_file import cell_path
from numpy.typing import NDArray

from handrail_bridge.bench.reference.bare_onnx import BareOnnx
from handrail_bridge.loop.control import Control
from handrail_bridge.perception.eyes import Eyes, sight_configs
from handrail_bridge.perception.pipeline import Pipeline
from handrail_bridge.vision import imaging
from handrail_bridge.vision.imaging import Image
from handrail_bridge.vision.pinhole import Pinhole

EYES = "eyes"
WARM = 10  # looks that do not count
SMALL = (320, 240)  # px
RATE = 30.0  # Hz
LATE = 0.2  # s, after which no result comes any more
Times = NDArray[np.float64]  # s


def in_turn(cell: Cell, pictures: Sequence[Image], count: int) -> tuple[Times, Times]:
    """Return the times [s] of ``count`` looks, ours and the reference's."""
    settings = cell.perception[EYES]
    path = cell_path(cell.folder, settings.model)
    camera = cell.cameras[settings.camera]
    ours = Pipeline(EYES, settings, camera, path)
    bare = BareOnnx(path, table(camera))
    times = []
    for number, image in zip(range(count + WARM), itertools.cycle(pictures), strict=False):
        began = time.perf_counter()
        ours.look(image, number, time.monotonic_ns())
        middle = time.perf_counter()
        bare.look(image)
        times.append((middle - began, time.perf_counter() - middle))
    found = np.array(times[WARM:])
    return found[:, 0], found[:, 1]


def at_rate(cell: Cell, pictures: Sequence[Image], seconds: float) -> tuple[Times, int]:
    """Show small pictures at 30 Hz; return from capture to result [s], and how many had none.

    A picture is captured when it is handed over, as it is when a camera's driver has it; a result
    is there when the bridge has read it.
    """
    small = [imaging.resized(image, SMALL) for image in pictures]
    count, control = int(seconds * RATE), Control.create()
    try:
        (config,) = sight_configs(smaller(cell))
        with Eyes(config, control) as eyes, ThreadPoolExecutor(1) as reader:
            over = threading.Event()
            times = reader.submit(_arrivals, eyes, over)
            try:
                _show(eyes, small, count)
            finally:
                over.set()
            found = np.array(times.result())
    finally:
        control.close()
    return found, count - len(found)


def _show(eyes: Eyes, pictures: Sequence[Image], count: int) -> None:
    due = time.monotonic()
    for number in range(1, count + 1):
        eyes.show(Frame(pictures[number % len(pictures)], number, time.monotonic_ns()))
        due += 1 / RATE
        time.sleep(max(0.0, due - time.monotonic()))


def _arrivals(eyes: Eyes, over: threading.Event) -> list[float]:
    """Return how old [s] each result is when it can be read, until nothing more comes."""
    times: list[float] = []
    last = 0
    while True:
        ending = over.is_set()
        try:
            last = eyes.newest(last, timeout_s=LATE).time_ns
        except StaleReading:
            if ending:
                return times
        else:
            times.append((time.monotonic_ns() - last) * 1e-9)


def table(camera: Camera) -> NDArray[np.float64]:
    """Return the homography (3, 3) from a camera's pixels to metres on the table."""
    wide, high = camera.width, camera.height
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], float)
    there = Pinhole(camera).on_plane(corners, 0.0)[:, :2]
    rows = [
        row
        for (x, y), (u, v) in zip(corners.tolist(), there.tolist(), strict=True)
        for row in ([x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y])
    ]
    found = np.linalg.solve(np.array(rows), there.ravel())
    return np.append(found, 1.0).reshape(3, 3)


def smaller(cell: Cell) -> Cell:
    """Return the cell with a camera of small pictures."""
    camera = cell.cameras[cell.perception[EYES].camera]
    small = camera.model_copy(update={"width": SMALL[0], "height": SMALL[1]})
    return cell.model_copy(update={"cameras": {cell.perception[EYES].camera: small}})
