"""The demo as a user runs it: by its command, judged by its exit status and the world."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from running_cell import patient

HANDRAIL = str(Path(sys.executable).parent / "handrail")
FRESH_SEED = 1021  # no other test or tuning used it
LONGEST = 240  # s, far above what a demo takes


def demo(folder, seed, *flags):
    command = [HANDRAIL, "demo", "--seed", str(seed), "--out", str(folder), "--json", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    return done, json.loads(done.stdout) if done.stdout else {}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A desk with one cube to sort; all three are sorted in virtual time, and in the long tests."""
    folder = tmp_path_factory.mktemp("demo")
    cell = patient(folder, ('goes_to = "red_bin"\n', ""))
    done, told = demo(folder, FRESH_SEED, "--cell", str(cell))
    return done, told, folder


@pytest.mark.timeout(LONGEST + 30)
def test_what_belongs_somewhere_is_sorted_says_the_world(fresh):
    done, told, _ = fresh
    assert done.returncode == 0, done.stderr[-2000:]
    things = {thing["name"]: thing for thing in told["objects"]}
    assert things["blue_cube"]["lies"] == things["blue_cube"]["belongs"] == "blue_bin"
    assert {things[f"red_cube_{one}"]["lies"] for one in "ab"} == {"pick_area"}, "left alone"


@pytest.mark.long
@pytest.mark.timeout(LONGEST + 30)
def test_so_it_is_with_boards_that_run_our_firmware(tmp_path):
    done, told = demo(tmp_path, FRESH_SEED, "--no-video")
    assert done.returncode == 0, done.stderr[-2000:]
    assert told["problem"] == ""
    assert len(told["objects"]) == 3


def test_the_way_through_the_post_was_refused_and_nothing_unchecked_ran(fresh):
    _, told, _ = fresh
    assert told["refused"] >= 1
    assert told["executed"] <= told["checked"] - told["refused"]
    assert told["executed"] >= 3  # it went home, took the cube and put it


def test_the_demo_stops_in_mid_motion_and_measures_it(fresh):
    _, told, _ = fresh
    assert told["problem"] == ""
    assert told["stop_latency"] > 0
    assert told["loop_rate"] > 0


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


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_a_demo_that_is_interrupted_leaves_nothing_behind(tmp_path, number):
    command = [HANDRAIL, "demo", "--cell", "desk", "--seed", "4", "--out", str(tmp_path)]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"}
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    with running, contextlib.closing(running.stdout) as lines:
        next(line for line in lines if "permitted" in line)  # now it moves
        children = psutil.Process(running.pid).children(recursive=True)
        assert len(children) >= 4
        if number == signal.SIGINT:
            os.killpg(running.pid, number)  # as a terminal's Ctrl-C
        else:
            running.send_signal(number)
        lines.read()
    assert running.returncode != 0
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_cell_that_does_not_exist_is_named(tmp_path):
    command = [HANDRAIL, "demo", "--cell", "dask", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "desk" in done.stderr
    assert "Traceback" not in done.stderr
