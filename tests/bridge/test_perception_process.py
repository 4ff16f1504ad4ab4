"""The perception process: signals for the loops, results for the bridge, nothing left behind."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import psutil
import pytest
from handrail_bridge.loop.control import Control
from handrail_bridge.perception.eyes import Eyes, sight_configs
from handrail_bridge.perception.result import Seen
from handrail_drivers.camera.driver import Frame
from handrail_drivers.errors import (
    DeviceFault,
    InvalidModel,
    ProcessLost,
    StaleReading,
    UnknownName,
)
from handrail_sim.cell_file import load_cell
from waiting import until

WAIT = 30.0  # s
TABLE = np.full((480, 640, 3), 180, np.uint8)


@pytest.fixture(scope="module")
def config():
    (found,) = sight_configs(load_cell("desk_watched"))
    return found


@pytest.fixture
def control():
    made = Control.create()
    yield made
    made.close()


def shown(eyes, image, sequence=1):
    """Show a picture and return the capture time [ns] that it has."""
    now = time.monotonic_ns()
    eyes.show(Frame(image, sequence, now))
    return now


def test_results_and_signals_carry_the_time_of_capture(config, control):
    number = config.signals["hand"]
    with Eyes(config, control) as eyes:
        assert control.signal(number) is None  # nothing seen is not nobody there
        captured = shown(eyes, TABLE)
        seen = eyes.newest(captured - 1, timeout_s=WAIT)
        assert seen.time_ns == captured < seen.done_ns
        assert seen.distances == {"hand": None}
        assert control.signal(number) == (math.inf, captured)

        wrong = shown(eyes, TABLE[:100], 2)
        with pytest.raises(DeviceFault, match="640 x 100 px; the cell says 640 x 480"):
            eyes.newest(wrong - 1, timeout_s=WAIT)
        large = shown(eyes, np.zeros((960, 1280, 3), np.uint8), 3)
        with pytest.raises(DeviceFault, match="the cell says 640 x 480"):
            eyes.newest(large - 1, timeout_s=WAIT)
        assert control.signal(number) == (math.inf, captured), "a fault was written as a sight"

        again = shown(eyes, TABLE, 4)
        assert eyes.newest(again - 1, timeout_s=WAIT).sequence == 4


def test_agents_find_and_wait_on_pictures_taken_after_the_question(config, control):
    with Eyes(config, control) as eyes, feeding(eyes):
        asked = time.monotonic_ns()
        sight = eyes.find()
        assert sight.distances == {"hand": None}
        assert sight.time_ns > asked
        assert eyes.find().sequence > sight.sequence > 0
        assert 0 < sight.age < WAIT
        assert eyes.find("hand").sightings == ()
        assert eyes.wait_for("hand", 10.0, present=False).sightings == ()
        with pytest.raises(StaleReading, match="hand is not seen"):
            eyes.wait_for("hand", 0.2)
        for ask in (eyes.find, lambda name: eyes.wait_for(name, 10.0, present=False)):
            with pytest.raises(UnknownName) as refused:
                ask("hnad")
            assert refused.value.hint == "use 'hand'"
            assert "red_bin" in refused.value.choices


@contextlib.contextmanager
def feeding(eyes):
    """Show the bare table again and again."""
    over = threading.Event()

    def feed():
        sequence = 0
        while not over.wait(0.05):
            sequence += 1
            shown(eyes, TABLE, sequence)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_process_that_hangs_or_dies_lets_its_signals_grow_old(config, control, monkeypatch):
    parsed = []
    parse = Seen.model_validate_json
    monkeypatch.setattr(Seen, "model_validate_json", lambda one: parsed.append(1) or parse(one))
    with Eyes(config, control) as eyes:
        first = shown(eyes, TABLE)
        eyes.newest(first - 1, timeout_s=WAIT)
        os.kill(eyes.pid, signal.SIGSTOP)
        later = shown(eyes, TABLE, 2)
        with pytest.raises(StaleReading, match="s old"):
            eyes.newest(later - 1, timeout_s=0.1)
        assert parsed == [1], "a result is read once, however long one waits for the next"
        assert control.signal(config.signals["hand"]).time_ns == first
        os.kill(eyes.pid, signal.SIGKILL)
        with pytest.raises(ProcessLost, match="has ended"):
            eyes.newest(later - 1, timeout_s=WAIT)


def test_a_wrong_model_is_told_and_nothing_is_left(config, control, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not the model")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(InvalidModel, match="another file than the cell pins"):
        Eyes(config.model_copy(update={"model": other}), control)
    assert len(os.listdir("/proc/self/fd")) == before


def test_closing_ends_the_process_and_may_be_done_twice(config, control):
    before = len(os.listdir("/proc/self/fd"))
    eyes = Eyes(config, control)
    process = psutil.Process(eyes.pid)
    eyes.close()
    eyes.close()
    assert not process.is_running()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_process_dies_with_its_parent():
    program = """
        import signal
        from handrail_bridge.loop.control import Control
        from handrail_bridge.perception.eyes import Eyes, sight_configs
        from handrail_sim.cell_file import load_cell
        (config,) = sight_configs(load_cell("desk_watched"))
        print(Eyes(config, Control.create()).pid, flush=True)
        signal.pause()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
