"""The camera process: what it shows is what is true, and it leaves nothing behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import psutil
import pytest
from handrail_drivers.errors import ProcessLost
from handrail_sim.camera import Camera
from handrail_sim.cell import Cell
from handrail_sim.twin.camera import CameraProcess
from handrail_sim.twin.shared_state import HEADER, SLOT, SharedState
from handrail_sim.twin.truth import Truth
from numpy.typing import NDArray
from waiting import until

DEADLINE = 30.0  # s
CHANNEL = {"blue": 0, "red": 2}  # OpenCV's order is BGR


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def at_home(cell: Cell, truth: Truth) -> NDArray[np.float64]:
    positions = truth.qpos.copy()
    positions[:6] = [cell.arm.home[name] for name in truth.joints]
    return positions


def grab(url: str, count: int = 1) -> list[NDArray[np.uint8]]:
    capture = cv2.VideoCapture(url)
    try:
        frames = [capture.read() for _ in range(count)]
    finally:
        capture.release()
    assert all(good for good, _ in frames)
    return [frame for _, frame in frames]


def project(camera: Camera, point: list[float]) -> tuple[float, float]:
    """Pixel of a point of the world; the camera looks straight down with +x up."""
    focal = camera.height / 2 / math.tan(math.radians(camera.fovy) / 2)
    depth = camera.position[2] - point[2]
    right, up = camera.position[1] - point[1], point[0] - camera.position[0]
    return camera.width / 2 + focal * right / depth, camera.height / 2 - focal * up / depth


def off_by(frame: NDArray[np.uint8], pixel: tuple[float, float], color: str) -> float:
    """Distance [pixels] from where a colour's patch is expected to where it is."""
    u, v = round(pixel[0]), round(pixel[1])
    patch = frame[v - 20 : v + 21, u - 20 : u + 21].astype(int)
    wanted = patch[:, :, CHANNEL[color]]
    others = np.delete(patch, CHANNEL[color], axis=2).max(axis=2)
    rows, columns = np.nonzero((wanted > 1.9 * others) & (wanted > 40))
    assert len(rows) > 200, "no patch of this colour here"
    return math.hypot(columns.mean() + u - 20 - pixel[0], rows.mean() + v - 20 - pixel[1])


@pytest.fixture(scope="module")
def truth(cell: Cell) -> Truth:
    return Truth(cell, 11, perturb=True)


@pytest.fixture(scope="module")
def camera(cell: Cell, truth: Truth) -> Iterator[CameraProcess]:
    with CameraProcess(cell, 11, perturb=True) as process:
        process.publish(at_home(cell, truth), truth.time)
        yield process


def test_cubes_are_seen_where_they_are(cell: Cell, truth: Truth, camera: CameraProcess) -> None:
    (frame,) = grab(camera.url("overhead"))
    assert frame.shape == (480, 640, 3)
    for thing in truth.snapshot()["objects"].values():
        pixel = project(cell.cameras["overhead"], thing["position"])
        assert off_by(frame, pixel, thing["color"]) < 8.0  # 2 mm and 0.25 deg about each axis


def test_without_perturbation_the_camera_is_exact_and_has_a_sensors_noise(cell: Cell) -> None:
    plain = Truth(cell, 11, perturb=False)
    with CameraProcess(cell, 11, perturb=False) as process:
        process.publish(at_home(cell, plain), plain.time)
        one, other = grab(process.url("overhead"), 2)
    for thing in plain.snapshot()["objects"].values():
        pixel = project(cell.cameras["overhead"], thing["position"])
        assert off_by(one, pixel, thing["color"]) < 1.5
    difference = one.astype(int) - other
    assert 0.0 < difference.std() < 2.0  # one picture twice would be a frozen camera


def test_the_overhead_image_is_noisy(camera: CameraProcess) -> None:
    one, other = (frame.astype(int) for frame in grab(camera.url("overhead"), 2))
    difference = (one - other)[40:120, 200:440]  # bare table
    assert 2.0 < difference.std() < 8.0  # 4 * sqrt(2), less what JPEG smooths


def test_new_positions_show(cell: Cell, truth: Truth, camera: CameraProcess) -> None:
    capture = cv2.VideoCapture(camera.url("view"))
    try:
        before = capture.read()[1].astype(int)
        moved = at_home(cell, truth)
        moved[0] -= 1.5
        camera.publish(moved, truth.time)

        def changed() -> bool:
            return bool((np.abs(capture.read()[1].astype(int) - before) > 60).sum() > 5000)

        until(changed, DEADLINE)
    finally:
        capture.release()
        camera.publish(at_home(cell, truth), truth.time)


def test_a_hand_that_reaches_in_shows_and_is_gone_again(
    cell: Cell, truth: Truth, camera: CameraProcess
) -> None:
    home = at_home(cell, truth)
    capture = cv2.VideoCapture(camera.url("overhead"))

    def differing() -> int:
        camera.publish(np.concatenate([home, truth.visible[len(home) :]]), truth.time)
        return int((np.abs(capture.read()[1].astype(int) - before).max(axis=2) > 60).sum())

    try:
        before = capture.read()[1].astype(int)
        contacts = truth.snapshot()["contacts"]
        truth.reach(0.2, 0.15, 0.08, -1.57)
        until(lambda: differing() > 5000, DEADLINE)
        assert truth.snapshot()["contacts"] == contacts  # nothing feels it
        truth.withdraw()
        until(lambda: differing() < 500, DEADLINE)
    finally:
        capture.release()


def test_two_may_look_at_once(camera: CameraProcess) -> None:
    captures = [cv2.VideoCapture(camera.url(name)) for name in ("overhead", "overhead", "view")]
    try:
        for _ in range(5):
            assert all(capture.read()[0] for capture in captures)
    finally:
        for capture in captures:
            capture.release()


def test_a_camera_is_rendered_at_its_own_rate(cell: Cell, truth: Truth) -> None:
    overhead = cell.cameras["overhead"].model_copy(update={"rate": 1.0})
    own = cell.model_copy(update={"cameras": {"overhead": overhead}})
    with CameraProcess(own, 11, perturb=True) as process, ThreadPoolExecutor(1) as pool:
        process.publish(at_home(cell, truth), truth.time)
        slow, fast = (cv2.VideoCapture(process.url(name)) for name in ("overhead", "view"))
        try:
            three = pool.submit(lambda: [slow.read()[0] for _ in range(3)])
            shown = 0
            while not three.done():
                assert fast.read()[0]
                shown += 1
            assert all(three.result())
            assert shown > 4  # some 30; 3 at one rate
        finally:
            slow.release()
            fast.release()


def test_an_unknown_camera_is_named_as_such(camera: CameraProcess) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(camera.url("sideways"), timeout=DEADLINE)
    with refused.value as answer:
        assert answer.code == 404
        assert b"/overhead.mjpg" in answer.read()


def test_closing_ends_the_process_while_somebody_looks(cell: Cell, truth: Truth) -> None:
    process = CameraProcess(cell, 11, perturb=True)
    process.publish(truth.qpos, truth.time)
    capture = cv2.VideoCapture(process.url("overhead"))
    try:
        assert capture.read()[0]
        process.close()
        assert gone(process.pid)
        process.close()
    finally:
        capture.release()


def test_the_process_dies_with_its_parent() -> None:
    program = """
        import os, signal, tomllib, pathlib, handrail_sim
        from handrail_sim.cell import Cell
        from handrail_sim.twin.camera import CameraProcess
        desk = pathlib.Path(handrail_sim.__file__).parent / "cells" / "desk.toml"
        camera = CameraProcess(Cell.model_validate(tomllib.loads(desk.read_text())), 0, True)
        print(camera.pid, flush=True)
        signal.pause()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not gone(child)
        os.kill(parent.pid, signal.SIGKILL)
    until(lambda: gone(child), DEADLINE)


def test_a_process_that_cannot_start_says_so(cell: Cell) -> None:
    world = cell.world.model_copy(update={"model": "nowhere.xml"})
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ProcessLost, match="ended before it was ready"):
        CameraProcess(cell.model_copy(update={"world": world}), 0, perturb=True)
    assert len(os.listdir("/proc/self/fd")) == before


def test_shared_state_gives_the_newest_whole_vector() -> None:
    state = SharedState.create()
    reader = SharedState(os.dup(state.fileno))
    try:
        assert reader.read() is None
        for number in range(5):
            state.publish(np.full(27, number, dtype=float), 0.1 * number)
        newest = reader.read()
        assert newest is not None
        assert newest[0].tolist() == [4.0] * 27
        assert newest[1] == pytest.approx(0.4)
        torn = 5 % 2 * SLOT + HEADER.size + 8  # in the fifth vector's slot
        state._map[torn : torn + 8] = b"\xff" * 8
        older = reader.read()
        assert older is not None
        assert older[0].tolist() == [3.0] * 27
    finally:
        reader.close()
        state.close()
