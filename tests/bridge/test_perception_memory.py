"""A pipeline's process holds no more after a hundred thousand pictures than after a few."""

from __future__ import annotations

import time

import numpy as np
import psutil
import pytest
from handrail_bridge.loop.control import Control
from handrail_bridge.perception.eyes import Eyes, sight_configs
from handrail_drivers.camera.driver import Frame
from handrail_sim.cell_file import load_cell

COUNT = 100_000
SETTLED = 5_000  # pictures after which nothing is new to it
GROWTH = 4 * 2**20  # bytes
WAIT = 30.0  # s


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_a_hundred_thousand_pictures():
    (config,) = sight_configs(load_cell("desk_watched"))
    shape = (config.camera.height, config.camera.width, 3)
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 255, shape, dtype=np.uint8) for _ in range(4)]
    pictures += [np.full(shape, shade, np.uint8) for shade in (30, 120, 200)]
    control = Control.create()
    with Eyes(config, control) as eyes:
        looking, showing = psutil.Process(eyes.pid), psutil.Process()
        settled = [0, 0]
        for number in range(1, COUNT + 1):
            captured = time.monotonic_ns()
            eyes.show(Frame(pictures[number % len(pictures)], number, captured))
            assert eyes.newest(captured - 1, timeout_s=WAIT).sequence == number
            if number == SETTLED:
                settled = [one.memory_info().rss for one in (looking, showing)]
        held = [one.memory_info().rss for one in (looking, showing)]
        grown = [now - then for now, then in zip(held, settled, strict=True)]
        assert max(grown) < GROWTH, grown
        assert looking.num_fds() < 64
    control.close()
