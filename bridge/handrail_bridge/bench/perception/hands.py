"""From a picture with a hand to the stop's bytes on the servos' wire, trial after trial.

The cell's camera is a stream of our own at 30 Hz, so that it is known when the first picture with a
hand was sent; camera driver, pipeline's process, loop and wire are the cell's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterator, Sequence

from handrail_drivers.camera.network import NetworkCamera, NetworkSettings
from handrail_drivers.errors import HandrailError, ProcessLost
from handrail_sim.cell import Cell
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.mjpeg import Server, Stream

from handrail_bridge.bench.loop.contestants import TOKEN
from handrail_bridge.bench.loop.stops import left, poised
from handrail_bridge.bench.perception.looks import EYES, RATE
from handrail_bridge.bench.perception.pictures import CAMERA, Pictures
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import Mode
from handrail_bridge.perception.eyes import Eyes, sight_configs
from handrail_bridge.vision import imaging
from handrail_bridge.vision.imaging import Image

WATCH = "hand"
LONG = 4.0  # s of motion
WHEN = 0.2, 0.5  # s after its beginning, between which the hand comes
BEFORE = 0.05  # s of the wire's log that say which goal stood
POLL = 0.002  # s
END = 3.0  # s for a stop
GONE = 10.0  # s until no hand is seen any more
SEED = 11
TRIES = 3  # of a trial


class Camera:
    """A stream of pictures, with a hand or without; ``shown_ns``: of the first with one."""

    def __init__(self, pictures: Pictures) -> None:
        self._kinds = [_encoded(kind) for kind in (pictures.alone, pictures.reached)]
        self._stream = Stream(threading.Event())
        self._server = Server({CAMERA: self._stream})
        self._over = threading.Event()
        self.hand = False
        self.shown_ns = 0
        self._threads = [
            threading.Thread(target=self._send, name="pictures"),
            threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http"),
        ]

    @property
    def url(self) -> str:
        """The stream's address."""
        return f"http://127.0.0.1:{self._server.server_port}/{CAMERA}.mjpg"

    def __enter__(self) -> Camera:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()

    def _send(self) -> None:
        was = False
        for number in itertools.count():
            kind = self._kinds[self.hand]
            now_ns, with_hand = time.monotonic_ns(), self.hand
            self._stream.offer(kind[number % len(kind)])
            if with_hand and not was:
                self.shown_ns = now_ns
            was = with_hand
            if self._over.wait(1 / RATE):
                return


def stop_times(
    cell: Cell, twin: Twin, pictures: Pictures, count: int, again: list[str]
) -> list[float]:
    """Return the time [s] from the first picture with a hand to the stop on the wire.

    Raises:
        HandrailError: a stop did not come, three times in a row; or a process failed.
    """
    watched = {name: rule for name, rule in cell.reflexes.items() if name == WATCH}
    alone = cell.model_copy(update={"reflexes": watched})
    return asyncio.run(_stops(alone, twin, pictures, count, again))


async def _stops(
    cell: Cell, twin: Twin, pictures: Pictures, count: int, again: list[str]
) -> list[float]:
    at = random.Random(SEED)
    (config,) = loop_configs(cell, {cell.arm.device: twin.links[cell.arm.device]})
    loops = await asyncio.to_thread(Loops.start, [config])
    try:
        loops.set_lease(TOKEN)
        with _seeing(cell, loops, pictures) as (camera, eyes):
            trial = Trial(loops, config, twin, camera, eyes)
            return [await trial.patiently(number, at, again) for number in range(1, count + 1)]
    finally:
        await loops.close()


@contextlib.contextmanager
def _seeing(cell: Cell, loops: Loops, pictures: Pictures) -> Iterator[tuple[Camera, Eyes]]:
    (sight,) = sight_configs(cell)
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(Camera(pictures))
        eyes = stack.enter_context(Eyes(sight, loops.control))
        device = NetworkCamera(CAMERA, NetworkSettings(url=camera.url))
        device.listen(eyes.show)
        stack.enter_context(device)
        yield camera, eyes


class Trial:
    """A motion that a hand ends."""

    def __init__(
        self, loops: Loops, config: LoopConfig, twin: Twin, camera: Camera, eyes: Eyes
    ) -> None:
        self._loops, self._config, self._twin = loops, config, twin
        self._camera, self._eyes = camera, eyes
        self._servo: int = next(iter(config.settings["joints"].values()))["id"]

    async def patiently(self, number: int, at: random.Random, again: list[str]) -> float:
        """Try it; what the machine has spoilt, such as by a late read, once more."""
        for _ in range(TRIES - 1):
            try:
                return await self._once(number * TRIES + _, at.uniform(*WHEN))
            except HandrailError as error:
                again.append(error.message)
        return await self._once(number * TRIES + TRIES - 1, at.uniform(*WHEN))

    async def _once(self, motion: int, moment: float) -> float:
        loops = self._loops
        await self._nobody_there()
        await loops.reset()
        await loops.arm(loops.state().position)
        await loops.play(poised(self._config, loops.state().setpoint, LONG), motion, TOKEN)
        await asyncio.sleep(moment)
        try:
            shown_ns = await self._stopped()
        finally:
            self._camera.hand = False
        log = await asyncio.to_thread(
            self._twin.truth.wire_log, self._config.device, shown_ns - int(BEFORE * 1e9)
        )
        return left(log, shown_ns, self._servo)

    async def _stopped(self) -> int:
        """Show a hand and wait until it has stopped the motion; return when [ns] it was shown."""
        self._camera.hand = True
        deadline = time.monotonic() + END
        while (state := self._loops.state()).mode in (Mode.MOVING, Mode.STOPPING):
            if time.monotonic() > deadline:
                raise ProcessLost("A hand did not stop the motion.")
            await asyncio.sleep(POLL)
        if WATCH not in self._loops.fired(state):
            raise ProcessLost(f"Something else stopped the motion first: {state.reason}")
        return self._camera.shown_ns

    async def _nobody_there(self) -> None:
        deadline = time.monotonic() + GONE
        while time.monotonic() < deadline:
            now = time.monotonic_ns()
            seen = await asyncio.to_thread(self._eyes.newest, now, timeout_s=GONE)
            if seen.distances[WATCH] is None:
                return
        raise ProcessLost(f"{EYES} see a hand that is not there.")


def _encoded(images: Sequence[Image]) -> list[bytes]:
    return [imaging.encode(image, "jpeg")[0] for image in images]
