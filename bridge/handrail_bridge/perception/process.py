"""The perception process of one pipeline: newest frame in, newest result and signals out.

``python -m handrail_bridge.perception.process CONTROL FRAMES RESULTS WAKE PARENT`` with four
descriptors and its configuration as JSON on standard input. What it cannot see it does not say:
its signals grow old then, and the reflexes that look at them stop the motion.
"""

from __future__ import annotations

import logging
import math
import os
import select
import signal
import struct
import sys
from pathlib import Path

import numpy as np
from handrail_drivers.errors import HandrailError
from handrail_drivers.reflex import Signal
from handrail_sim.camera import Camera
from handrail_sim.lifeline import die_with
from handrail_sim.sight import Perception
from pydantic import BaseModel, ConfigDict

from handrail_bridge.loop.control import Control
from handrail_bridge.loop.realtime import NeverWaiting
from handrail_bridge.own_process import say_ready
from handrail_bridge.perception.pipeline import Pipeline
from handrail_bridge.perception.result import Seen, told
from handrail_bridge.perception.slots import Slots
from handrail_bridge.vision.imaging import Image

FRAME = struct.Struct("<QqII")  # the camera's sequence, capture time [ns], height, width [px]
WAIT = 1.0  # s, longest sleep: then it looks whether it is time to leave

log = logging.getLogger("handrail.perception")


class SightConfig(BaseModel):
    """One pipeline, and where its signals are on the control page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    perception: Perception
    camera: Camera
    model: Path
    signals: dict[str, int]  # watch -> its number on the control page


class Looker:
    """Looks at the newest frame whenever there is one."""

    def __init__(
        self, config: SightConfig, control: Control, frames: Slots, results: Slots
    ) -> None:
        self._config = config
        self._control = control
        self._frames = frames
        self._results = results
        self._seen = 0  # sequence of the last frame that was looked at
        self._fault = ""
        pipeline, camera = config.perception, config.camera
        self._pipeline = Pipeline(config.name, pipeline, camera, config.model)

    def run_once(self) -> bool:
        """Look at the newest frame; return whether there was a new one."""
        newest = self._frames.newest()
        if newest is None or newest[0] == self._seen:
            return False
        self._seen, message = newest
        number, time_ns, height, width = FRAME.unpack_from(message)
        image: Image = np.frombuffer(message, np.uint8, offset=FRAME.size)
        self._tell(self._pipeline.look(image.reshape(height, width, 3), number, time_ns))
        return True

    def _tell(self, seen: Seen) -> None:
        """Write the signals first, since the loops wait for them; no signal of what failed."""
        seen, message = self._written(seen)
        if not seen.fault:
            for watch, number in self._config.signals.items():
                near = seen.distances[watch]
                value = math.inf if near is None else near
                self._control.put_signal(number, Signal(value, seen.time_ns))
        elif seen.fault != self._fault:
            log.warning("%s sees nothing: %s", seen.pipeline, seen.fault)
        self._fault = seen.fault
        self._results.publish(message)

    def _written(self, seen: Seen) -> tuple[Seen, bytes]:
        """Return a result as JSON, or the fault that it cannot be told."""
        try:
            message = seen.model_dump_json().encode()
        except Exception as error:  # noqa: BLE001  values are a decoder's own, so anybody's
            seen = seen.blind(f"What {seen.pipeline} sees is no JSON: {told(error)}.")
            return seen, seen.model_dump_json().encode()
        if len(message) <= self._results.room:
            return seen, message
        text = f"{len(message)} bytes; {self._results.room} fit"
        seen = seen.blind(f"What {seen.pipeline} sees is too much to tell: {text}.")
        return seen, seen.model_dump_json().encode()


def main() -> None:
    """Look until told to stop, or until the parent dies."""
    control_fd, frames_fd, results_fd, wake, parent = (int(word) for word in sys.argv[1:6])
    die_with(parent)
    logging.basicConfig(
        level=logging.INFO, format="perception: %(message)s", handlers=[NeverWaiting(sys.stderr)]
    )
    config = SightConfig.model_validate_json(sys.stdin.read())
    leave = False

    def on_signal(*_: object) -> None:
        nonlocal leave
        leave = True

    signal.signal(signal.SIGTERM, on_signal)
    try:
        looker = Looker(config, Control(control_fd), Slots(frames_fd), Slots(results_fd))
    except HandrailError as error:
        say_ready(error)
        raise SystemExit(1) from None
    say_ready()
    while not leave:
        if select.select([wake], [], [], WAIT)[0]:
            os.read(wake, 8)  # an eventfd: nothing more is read than how often it was told
        looker.run_once()


if __name__ == "__main__":
    main()
