"""The demo as a user runs it: by its command, judged by its exit status and the world."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

HANDRAIL = str(Path(sys.executable).parent / "handrail")
FRESH_SEED = 1021  # no other test or tuning used it
LONGEST = 240  # s, far above what a demo takes


def demo(folder, seed, *flags):
    command = [HANDRAIL, "demo", "--seed", str(seed), "--out", str(folder), "--json", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    return done, json.loads(done.stdout) if done.stdout else {}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done, told = demo(folder, FRESH_SEED)
    return done, told, folder


@pytest.mark.timeout(LONGEST + 30)
def test_every_object_is_sorted_says_the_world(fresh):
    done, told, _ = fresh
    assert done.returncode == 0, done.stderr[-2000:]
    assert [thing["lies"] for thing in told["objects"]] == [
        thing["belongs"] for thing in told["objects"]
    ]
    assert len(told["objects"]) == 3


def test_the_way_through_the_post_was_refused_and_nothing_unchecked_ran(fresh):
    _, told, _ = fresh
    assert told["refused"] >= 1
    assert told["executed"] <= told["checked"] - told["refused"]
    assert told["executed"] >= 6  # three objects taken and put


def test_the_demo_stops_in_mid_motion_and_measures_it(fresh):
    _, told, _ = fresh
    assert told["stop_latency"] is None or told["stop_latency"] > 0
    assert told["loop"]["rate"] >= 200


def test_all_processes_together_stay_below_the_memory_goal(fresh):
    _, told, _ = fresh
    assert 0 < told["peak_memory"] < 1.5e9


def test_a_video_and_a_still_are_left(fresh):
    _, told, folder = fresh
    video, still = Path(told["video"]), Path(told["still"])
    assert video.parent == still.parent == folder
    assert video.read_bytes()[4:8] == b"ftyp"
    assert still.read_bytes().startswith(b"\x89PNG")
    assert video.stat().st_size > 100_000


def test_nothing_is_left_running(fresh):
    words = ("handrail_sim.twin", "handrail_bridge.loop.process")
    mine = psutil.Process().children(recursive=True)
    assert not [p for p in mine if any(word in " ".join(p.cmdline()) for word in words)]


def test_a_cell_that_does_not_exist_is_named(tmp_path):
    command = [HANDRAIL, "demo", "--cell", "dask", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "desk" in done.stderr
    assert "Traceback" not in done.stderr
