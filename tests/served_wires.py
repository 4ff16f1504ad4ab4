"""The twin's wires without its process: served in a thread of the test."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Iterator

from handrail_sim.twin.wires import Wires


@contextlib.contextmanager
def served(wires: Wires) -> Iterator[None]:
    """Serve the twin's wires in a thread while the block runs."""
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            ready = set(select.select(wires.sources(), (), (), 0.02)[0])
            wires.serve(ready, time.monotonic())
            wires.flush(time.monotonic())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
