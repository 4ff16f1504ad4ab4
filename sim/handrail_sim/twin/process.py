"""The twin's process: one world, its wires and its clock.

``python -m handrail_sim.twin.process CELL --seed N --json`` prints one line with the
names of its wires, then runs until SIGTERM, SIGINT or its parent's death.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from handrail_drivers.errors import UnknownName

from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.lifeline import die_with
from handrail_sim.twin.camera import CameraProcess
from handrail_sim.twin.truth import Truth
from handrail_sim.twin.truth_port import PAGE, TruthServer
from handrail_sim.twin.wires import Wires

BAUD = 1_000_000  # bit/s that a serial wire carries at the most
FIFO_PRIORITY = 50  # the loop has 60
CATCH_UP = 0.02  # s of lateness that is made up; what is beyond becomes slip
LAZY = 0.006  # s: steps may wait for the next frame or question, to be made in one waking
HISTORY = 30_000  # rows, a minute at 500 Hz
RING = HISTORY + 1_000  # rows: what is being read, page by page, is not yet overwritten
PUBLISH_EVERY = 8  # steps, some 60 Hz
PR_SET_TIMERSLACK = 29


class TwinWorld:
    """Physics and wires on one clock, in one thread."""

    def __init__(self, cell: Cell, seed: int, perturb: bool) -> None:
        self._cell = cell
        self.folder = Path(tempfile.mkdtemp(prefix="handrail-twin-"))
        self._truth = Truth(cell, seed, perturb)
        self._wires = Wires(cell, self._truth, self.folder, BAUD, seed)
        self._port = TruthServer(self.folder / "truth.sock")
        self._camera = CameraProcess(cell, seed, perturb)
        self._state = self._truth.joint_state()
        self._due = 0.0  # s, monotonic: when the next step is due
        self._own = slice(len(cell.arm.joints) + len(cell.arm.jaw))
        self._history = np.zeros((RING, 2 + 2 * self._own.stop))
        self._steps = 0
        self._slip = 0.0
        self.running = True

    def description(self) -> dict[str, Any]:
        """Return what the ready line says."""
        urls = {camera.device: name for name, camera in self._cell.cameras.items()}
        urls["view"] = "view"
        return {
            "wires": self._wires.addresses(),
            "links": self._wires.links(),
            "urls": {device: self._camera.url(camera) for device, camera in urls.items()},
            "truth": str(self.folder / "truth.sock"),
        }

    def run(self) -> None:
        """Step the world on the wall clock and serve the wires until told to stop.

        Steps are made when something happens, so that who asks finds the world of this moment.
        """
        self._due = time.monotonic()
        while self.running:
            ready = self._wait()
            now = time.monotonic()
            self._wires.flush(now)
            if ready or now >= self._due + LAZY:
                self._catch_up(now)
                self._serve(ready, now)

    def close(self) -> None:
        """End the camera, close the wires, remove links and sockets."""
        self._camera.close()
        self._port.close()
        self._wires.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self) -> set[int]:
        """Sleep until steps or an answer are due, or something arrives; return what did."""
        until = self._due + LAZY
        if (due := self._wires.due()) is not None:
            until = min(until, due)
        sources = self._port.descriptors() + self._wires.sources()
        return set(select.select(sources, (), (), max(0.0, until - time.monotonic()))[0])

    def _serve(self, ready: set[int], now: float) -> None:
        """Take what arrived by now [s] on wires and at the truth port."""
        asked = ready.intersection(self._port.descriptors())
        self._wires.serve(ready - asked, now)
        for descriptor in asked:
            self._port.serve(descriptor, self._answer)

    def _catch_up(self, now: float) -> None:
        """Make the steps that are due; lateness beyond what is made up shifts the clock."""
        if now - self._due > CATCH_UP:
            self._slip += now - self._due
            self._due = now
        while self._due <= now:
            self._step()
            self._due += self._truth.timestep

    def _step(self) -> None:
        truth, steps = self._truth, self._steps
        truth.step(self._wires.torques(*self._state, truth.timestep))
        self._state = q, qd = truth.joint_state()
        own = q[self._own], qd[self._own]
        self._history[steps % RING] = (truth.time, self._due, *own[0], *own[1])
        self._wires.step(steps, truth.timestep)
        self._steps = steps + 1
        if steps % PUBLISH_EVERY == 0:
            self._camera.publish(truth.visible, truth.time)

    # --- the truth port's questions ---------------------------------------------------------

    def _answer(self, op: str, arguments: dict[str, Any]) -> Any:
        questions = {
            "truth": self._truth.snapshot,
            "history": self._kept,
            "history_rows": self._rows,
            "wire_log": lambda wire, since_ns: self._wires.wire(wire).logged(since_ns),
            "wire_log_entries": self._entries,
            "pull": self._pull,
            "plug": self._plug,
            "press": self._press,
            "release": self._release,
            "inject": self._inject,
            "outputs": lambda device: dict(self._wires.device(device).outputs()),
            "put": self._truth.put,
            "reach": self._truth.reach,
            "withdraw": self._truth.withdraw,
            "slip": lambda: self._slip,
        }
        if op not in questions:
            raise UnknownName("operation", op, questions)
        return questions[op](**arguments)  # type: ignore[operator]  # each has its own arguments

    def _kept(self, seconds: float) -> tuple[int, int, int]:
        """The numbers of the first row of the last seconds, of the one to come, and of columns."""
        count = min(self._steps, HISTORY, max(0, round(seconds / self._truth.timestep)))
        return self._steps - count, self._steps, self._history.shape[1]

    def _rows(self, first: int, end: int) -> bytes:
        rows = np.arange(first, min(end, first + PAGE, self._steps)) % RING
        return self._history[rows].astype("<f8").tobytes()

    def _entries(self, wire: str, first: int, end: int) -> list[tuple[int, str, str]]:
        entries = self._wires.wire(wire).entries(first, end)
        return [(time_ns, way, data.hex()) for time_ns, way, data in entries]

    def _pull(self, wire: str) -> int:
        self._wires.pull(wire)
        return time.monotonic_ns()

    def _plug(self, wire: str) -> str:
        return self._wires.plug(wire)

    def _press(self, device: str, input: str) -> int:
        self._wires.button(device, input).press(input)
        return time.monotonic_ns()

    def _release(self, device: str, input: str) -> int:
        self._wires.button(device, input).release(input)
        return time.monotonic_ns()

    def _inject(self, fault: str, joint: str, count: int) -> None:
        if fault not in ("jammed", "free"):
            self._wires.disturb(fault, joint, int(count))
            return
        if joint not in self._truth.joints:
            raise UnknownName("joint", joint, self._truth.joints)
        (self._truth.jam if fault == "jammed" else self._truth.free)(joint)


def _realtime(parent: int | None) -> None:
    """Run before everything but the loop; die with the parent; do not pause to collect."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_TIMERSLACK, 1)
    if parent is not None:
        die_with(parent, signal.SIGTERM)
    try:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(FIFO_PRIORITY))
    except PermissionError:
        sys.stderr.write("twin: no realtime priority here; the wires may be late\n")
    gc.collect()
    gc.disable()  # nothing here makes cycles; a collection took 2 ms, a step has to wait less


def main() -> None:
    """Run the twin of one cell."""
    parser = argparse.ArgumentParser(description="The twin of a cell: its wires alone.")
    parser.add_argument("cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-perturb", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--parent", type=int, default=None)
    options = parser.parse_args()
    world = TwinWorld(load_cell(options.cell), options.seed, not options.no_perturb)

    def stop(*_: object) -> None:
        world.running = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        _realtime(options.parent)
        sys.stdout.write(json.dumps(world.description()) + "\n")
        sys.stdout.flush()
        world.run()
    finally:
        world.close()


if __name__ == "__main__":
    main()
