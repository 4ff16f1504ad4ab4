"""The bridge's end of one pipeline: its process's life, its frames, its newest result."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import Annotated, Any, Self

from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.camera.driver import Frame
from handrail_drivers.errors import DeviceFault, ProcessLost, StaleReading
from handrail_sim.cell import Cell
from handrail_sim.cell_file import cell_path
from handrail_sim.lifeline import end
from handrail_sim.sight_faults import labels_of
from pydantic import BaseModel, Field

from handrail_bridge import own_process
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.settings import sight_signals
from handrail_bridge.parsing import require_name
from handrail_bridge.perception.process import FRAME, SightConfig
from handrail_bridge.perception.result import Seen, Sighting
from handrail_bridge.perception.slots import Slots

START_TIMEOUT = 60.0  # s: importing, loading and warming the model on a loaded machine
CLOSE_TIMEOUT = 2.0  # s: one picture
RESULT = 256 * 1024  # bytes
FRESH = 3.0  # s to wait for a picture taken after the question
Wait = Annotated[float, Unit("s"), Field(gt=0, le=30)]
GLANCE = 0.002  # s between two looks for a result


def sight_configs(cell: Cell) -> tuple[SightConfig, ...]:
    """Return the settings of a cell's pipelines."""
    return tuple(
        SightConfig(
            name=name,
            perception=pipeline,
            camera=cell.cameras[pipeline.camera],
            model=cell_path(cell.folder, pipeline.model),
            signals=sight_signals(cell, name),
        )
        for name, pipeline in cell.perception.items()
    )


class Sight(BaseModel):
    """What a pipeline sees, on which of its camera's frames, and how old that is."""

    sequence: Annotated[int, Field(description="of the frame, counted by its camera")]
    time_ns: Annotated[int, Field(description="monotonic, when the frame was captured")]
    age: Annotated[float, Unit("s")]
    sightings: tuple[Sighting, ...]
    distances: dict[str, float | None]
    values: dict[str, Any]


class Eyes:
    """One pipeline. :meth:`show` is the camera's to call; :meth:`newest` anybody's.

    It is not started again where it dies: its signals have grown old then, and the reflexes that
    look at them keep the cell stopped until the bridge is restarted.
    """

    def __init__(self, config: SightConfig, control: Control) -> None:
        """Start the process and wait until its model is loaded.

        Raises:
            InvalidModel: the model is not what the cell declares.
            ProcessLost: the process did not start; its own words are on standard error.
        """
        self.name = config.name
        camera = config.camera
        self._labels = frozenset[str]().union(
            *(labels_of(one.decoder, one.settings) for one in config.perception.heads.values())
        )
        self._linger_ns = int(config.perception.track.linger * 1e9)
        self._last: tuple[int, Seen | None] = (0, None)  # the newest result that was read
        self._size = camera.width * camera.height * 3
        with contextlib.ExitStack() as taken:
            self._frames = Slots.create(FRAME.size + self._size)
            taken.callback(self._frames.close)
            self._results = Slots.create(RESULT)
            taken.callback(self._results.close)
            self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            taken.callback(self._close_wake)
            self._process = _started(config, control, self._frames, self._results, self._wake)
            taken.callback(end, self._process, CLOSE_TIMEOUT)
            what = f"perception process of {self.name}"
            own_process.await_ready(self._process, what, START_TIMEOUT)
            self._taken = taken.pop_all()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def show(self, frame: Frame) -> None:
        """Hand a new frame over; never waits. One of a wrong size is for the process to refuse."""
        height, width = frame.image.shape[:2]
        image = frame.image.tobytes()[: self._size]
        if len(image) < height * width * 3:  # larger than the cell says: only its size is told
            height, width = 1, self._size // 3
            image = bytes(self._size)
        self._frames.publish(FRAME.pack(frame.sequence, frame.time_ns, height, width), image)
        if self._wake >= 0:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self._wake, 1)

    def newest(self, after_ns: int = 0, *, timeout_s: float) -> Seen:
        """Return the newest result, waiting for one of a frame captured after a time [ns].

        Raises:
            StaleReading: none came in time.
            DeviceFault: the newest says that it could not see.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self._read()
            if seen is not None and seen.time_ns > after_ns:
                if seen.fault:
                    raise DeviceFault(seen.fault, subject=self.name)
                return seen
            if self._process.poll() is not None:
                raise ProcessLost(f"The perception process of {self.name} has ended.")
            if time.monotonic() >= deadline:
                raise self._stale(seen)
            time.sleep(GLANCE)

    @tool(Effect.OBSERVE)
    def find(self, label: str = "") -> Sight:
        """Return what is seen on a picture taken from now on: all of it, or what has one label.

        Raises:
            UnknownName: the model cannot say this label.
            StaleReading: no picture came in time.
            DeviceFault: the pipeline could not see.
        """
        if label:
            require_name("label", label, self._labels, "label")
        seen = self.newest(time.monotonic_ns(), timeout_s=FRESH)
        return _sight(seen, label)

    @tool(Effect.OBSERVE)
    def wait_for(self, label: str, timeout: Wait, present: bool = True) -> Sight:
        """Wait until something with a label is seen, or, with ``present`` false, until nothing is.

        Nothing is seen once that has lasted for as long as the watches take a thing to linger.

        Raises:
            UnknownName: the model cannot say this label.
            StaleReading: it did not come in time, or no picture did.
            DeviceFault: the pipeline could not see.
        """
        require_name("label", label, self._labels, "label")
        deadline = time.monotonic() + timeout
        after = gone_ns = time.monotonic_ns()
        while True:
            seen = self.newest(after, timeout_s=FRESH)
            sight = _sight(seen, label)
            if sight.sightings:
                gone_ns = seen.time_ns
                if present:
                    return sight
            elif not present and seen.time_ns - gone_ns > self._linger_ns:
                return sight
            if time.monotonic() >= deadline:
                what = "is not seen" if present else "is still seen"
                raise StaleReading(f"{label} {what} after {timeout:g} s.", subject=self.name)
            after = seen.time_ns

    def close(self) -> None:
        """End the process; may be called again."""
        self._taken.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> Seen | None:
        number, seen = self._last
        newest = self._results.newest(number)  # the same result is not read again
        if newest is not None:
            seen = Seen.model_validate_json(newest[1])
            self._last = newest[0], seen
        return seen

    def _stale(self, seen: Seen | None) -> StaleReading:
        if seen is None:
            return StaleReading(
                f"{self.name} has seen no picture yet.", subject=self.name, hint="check its camera"
            )
        age = (time.monotonic_ns() - seen.time_ns) * 1e-9
        return StaleReading(
            f"What {self.name} last saw is {age:.2f} s old.",
            subject=self.name,
            value=round(age, 3),
            unit="s",
            hint="check its camera; if its process hangs, restart the bridge",
        )

    def _close_wake(self) -> None:
        wake, self._wake = self._wake, -1
        if wake >= 0:
            os.close(wake)


def _sight(seen: Seen, label: str) -> Sight:
    chosen = [one for one in seen.sightings if not label or one.label == label]
    age = (time.monotonic_ns() - seen.time_ns) * 1e-9
    return Sight(
        sequence=seen.sequence,
        time_ns=seen.time_ns,
        age=age,
        sightings=tuple(chosen),
        distances=seen.distances,
        values=seen.values,
    )


def _started(
    config: SightConfig, control: Control, frames: Slots, results: Slots, wake: int
) -> subprocess.Popen[bytes]:
    shared = (control.fileno, frames.fileno, results.fileno, wake)
    command = [sys.executable, "-m", "handrail_bridge.perception.process"]
    process = subprocess.Popen(
        [*command, *map(str, shared), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=shared,
        start_new_session=True,  # Ctrl-C is the bridge's to act on
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # it says why by not being ready
            process.stdin.write(config.model_dump_json().encode())
            process.stdin.close()
    return process
