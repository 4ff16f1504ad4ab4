"""The cell's cameras: a process that renders the truth and streams it as MJPEG over HTTP.

It renders only while somebody looks, at low priority, and dies with its parent.
``CameraProcess`` is the parent's handle; ``python -m handrail_sim.twin.camera`` the process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import mujoco
import numpy as np
from handrail_drivers.errors import ProcessLost
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.lifeline import die_with, end
from handrail_sim.twin.lamps import Lamps
from handrail_sim.twin.mjpeg import Server, Stream
from handrail_sim.twin.perturbation import draw, truth_model
from handrail_sim.twin.shared_state import SharedState
from handrail_sim.world import Array

Image = NDArray[np.uint8]

VIEW = "view"  # the spectator's camera, in the world's model and not in the cell file
VIEW_SIZE = (640, 480)
VIEW_RATE = 15.0  # Hz
NOTICE = 0.1  # s, at most, until who begins to look beside others sees something
JPEG_QUALITY = 90
START_TIMEOUT = 60.0  # s: importing and opening GL on a loaded machine
STOP_TIMEOUT = 5.0  # s
NOISE_SLACK = 64  # pixels


class CameraProcess:
    """The parent's handle of the renderer process. Use as a context manager, or ``close``.

    Start it from a thread that lives as long as it should: it dies with that thread.

    Raises:
        ProcessLost: it did not start in time; its own words are on standard error.
    """

    def __init__(self, cell: Cell, seed: int, perturb: bool) -> None:
        self._state = SharedState.create()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, str(self._state.fileno), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self._state.fileno,),
            env={**os.environ, "MUJOCO_GL": "egl"},
        )
        try:
            self._port = self._start(_job(cell, seed, perturb))
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def publish(self, visible: Array, time: float) -> None:
        """Show these positions (nq,), and if given the hand's pose (7,) and lamps; never waits."""
        self._state.publish(visible, time)

    def url(self, camera: str) -> str:
        """Return the address of a camera's stream: a camera of the cell, or ``view``."""
        return f"http://127.0.0.1:{self._port}/{camera}.mjpg"

    def close(self) -> None:
        """End the process; may be called again."""
        end(self._process, STOP_TIMEOUT)
        self._state.close()

    def __enter__(self) -> CameraProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, job: bytes) -> int:
        """Hand the job over and return the port that the process says it listens on."""
        job_pipe, answer = self._process.stdin, self._process.stdout
        if job_pipe is None or answer is None:
            raise ProcessLost("The camera process has no pipes.")
        try:
            job_pipe.write(job)
            job_pipe.close()
        except BrokenPipeError:
            raise ProcessLost("The camera process ended before it took its job.") from None
        ready, _, _ = select.select([answer], [], [], START_TIMEOUT)
        if not ready:
            raise ProcessLost(f"The camera process did not start within {START_TIMEOUT:.0f} s.")
        line = answer.readline()
        if not line:
            raise ProcessLost("The camera process ended before it was ready.")
        return int(json.loads(line)["port"])


class Eye:
    """One camera of a model. Belongs to the thread that made its renderer (OpenGL's rule).

    The noise of its n-th picture is the same for one ``seed``.
    """

    def __init__(self, renderer: mujoco.Renderer, camera: str, noise: float, seed: int) -> None:
        self._renderer = renderer
        self._camera = camera
        self._rng = np.random.default_rng((seed, 3))
        size = (renderer.height + NOISE_SLACK, renderer.width + NOISE_SLACK, 3)
        # One bank of noise, cut at random: fresh noise would cost more than the rendering.
        self._noise = np.rint(self._rng.normal(0.0, noise, size)).astype(np.int16)

    def picture(self, data: mujoco.MjData) -> Image:
        """Return the image (height, width, 3), BGR."""
        renderer = self._renderer
        # Shadows cost three times the rest, and a camera's picture is to be cheap.
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._camera == VIEW
        renderer.update_scene(data, self._camera)
        image = cv2.cvtColor(renderer.render(), cv2.COLOR_RGB2BGR)
        down, right = self._rng.integers(0, NOISE_SLACK, 2)
        grain = self._noise[down : down + renderer.height, right : right + renderer.width]
        noisy: Image = cv2.add(image, grain, dtype=cv2.CV_8U)
        return noisy


class Studio:
    """All cameras of one world: renders those that somebody looks at, until told to stop."""

    def __init__(self, cell: Cell, seed: int, perturb: bool, state: SharedState) -> None:
        hidden = draw(cell, seed, perturb)
        self._model = truth_model(cell, hidden)
        self._data = mujoco.MjData(self._model)
        self._lamps = Lamps(self._model)
        self._state = state
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._renderers: dict[tuple[int, int], mujoco.Renderer] = {}
        self._eyes = {
            name: Eye(self._renderer(camera.width, camera.height), name, hidden.image_noise, seed)
            for name, camera in cell.cameras.items()
        }
        self._eyes[VIEW] = Eye(self._renderer(*VIEW_SIZE), VIEW, 0.0, seed)
        rates = {name: camera.rate for name, camera in cell.cameras.items()}
        self._periods = {name: 1 / rates.get(name, VIEW_RATE) for name in self._eyes}
        self._due = dict.fromkeys(self._eyes, 0.0)  # s, monotonic
        self.streams = {name: Stream(self._wanted) for name in self._eyes}

    def run(self) -> None:
        """Render until ``stop``; sleeps while nobody looks."""
        while not self._stopped.is_set():
            self._wanted.wait()
            self._stopped.wait(min(max(0.0, self._render() - time.monotonic()), NOTICE))

    def stop(self) -> None:
        """End ``run``; safe in a signal handler."""
        self._stopped.set()
        self._wanted.set()

    def close(self) -> None:
        """Free the OpenGL contexts."""
        for renderer in self._renderers.values():
            renderer.close()

    def _renderer(self, width: int, height: int) -> mujoco.Renderer:
        """The renderer of that size; cameras share it, as a context takes 100 MB."""
        if (width, height) not in self._renderers:
            buffer = self._model.vis.global_
            buffer.offwidth, buffer.offheight = width, height
            self._renderers[width, height] = mujoco.Renderer(self._model, height, width)
        return self._renderers[width, height]

    def _render(self) -> float:
        """Render what is due of what somebody looks at; return when the next is [s, monotonic]."""
        self._wanted.clear()  # before counting, so that nobody who comes now is forgotten
        watched = [name for name, stream in self.streams.items() if stream.clients]
        if watched:
            self._wanted.set()
        now = time.monotonic()
        due = [name for name in watched if self._due[name] <= now]
        self._due |= {name: now + self._periods[name] for name in due}
        newest = self._state.read()
        if newest is not None and due:
            self._show(newest[0])
            for name in due:
                image = self._eyes[name].picture(self._data)
                _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
                self.streams[name].offer(jpeg.tobytes())
        return min((self._due[name] for name in watched), default=now)

    def _show(self, visible: Array) -> None:
        """Put the model as the parent last showed it."""
        count = self._model.nq
        self._data.qpos[:] = visible[:count]
        if len(visible) > count:  # the hand's pose and the lamps follow
            self._data.mocap_pos[0] = visible[count : count + 3]
            self._data.mocap_quat[0] = visible[count + 3 : count + 7]
            self._lamps.show(visible[count + 7 :])
        mujoco.mj_forward(self._model, self._data)


def main() -> None:
    """Render for the parent: ``camera STATE_FD PARENT_PID``, the job as JSON on standard input."""
    state_fd, parent = (int(argument) for argument in sys.argv[1:3])
    die_with(parent)
    _yield_to_others()
    cv2.setNumThreads(1)
    job = json.load(sys.stdin)
    cell = Cell.model_validate(job["cell"]).model_copy(update={"folder": Path(job["folder"])})
    studio = Studio(cell, job["seed"], job["perturb"], SharedState(state_fd))
    signal.signal(signal.SIGTERM, lambda *_: studio.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    server = Server(studio.streams)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    sys.stdout.write(json.dumps({"port": server.server_port}) + "\n")
    sys.stdout.flush()
    try:
        studio.run()
    finally:
        server.shutdown()
        server.server_close()
        studio.close()


def _job(cell: Cell, seed: int, perturb: bool) -> bytes:
    job = {
        "cell": cell.model_dump(mode="json"),
        "folder": str(cell.folder),
        "seed": seed,
        "perturb": perturb,
    }
    return json.dumps(job).encode()


def _yield_to_others() -> None:
    """Leave a realtime class that the parent may have, and run after everything else."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(10)


if __name__ == "__main__":
    main()
