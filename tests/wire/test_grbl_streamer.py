"""grbl-streamer, a sender that none of us wrote, on the twin's Grbl controller behind a terminal.

It keeps the controller's 128 bytes filled by counting what it has acknowledged, and reads states,
alarms and positions by itself; what it did is judged by the axes.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers.gantry import STEP, Gantry
from grbl_streamer import GrblStreamer
from handrail_drivers.grbl.words import State
from handrail_drivers.pseudo_terminal import PseudoTerminal
from handrail_sim.twin.wire import Wire
from waiting import until

POLL = 0.02  # s
LEFT = -265.0  # mm: where X stands at first, in machine coordinates


class Served:
    """A gantry behind a terminal, in a thread; its time passes as the clock's does."""

    def __init__(self, folder: Path) -> None:
        self.gantry = Gantry()
        self.wire = Wire(self.gantry, PseudoTerminal(folder / "port", None))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def x(self) -> float:
        """Where the axis truly is [mm]."""
        return 1000 * self.gantry.axes[0] - 285.0

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.wire.terminal.pull()

    def _run(self) -> None:
        passed = time.monotonic()
        while not self._ended.is_set():
            select.select([self.wire.terminal.fileno], [], [], STEP)
            now = time.monotonic()
            steps = int((now - passed) / STEP)
            self.gantry.advance(steps * STEP)
            passed += steps * STEP
            self.wire.receive(now)
            self.wire.flush(now)


class Sender:
    """The foreign sender, and what it told."""

    def __init__(self, port: str) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.client = GrblStreamer(lambda *told: self.told.append(told))
        self.client.poll_interval = POLL
        self.client.cnect(port)
        until(self.client.is_connected)
        self.client.poll_start()
        until(lambda: self.client.cmode == "Idle")
        until(lambda: self.has_told("on_hash_stateupdate"))

    def run(self, *lines: str) -> None:
        self.told.clear()
        self.client.job_new()
        self.client.write(list(lines))
        self.told.clear()
        self.client.job_run()

    def has_told(self, event: str) -> bool:
        return any(told[0] == event for told in list(self.told))

    def counted(self, event: str) -> int:
        return sum(told[0] == event for told in list(self.told))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.close()


@pytest.fixture
def sender(served: Served) -> Iterator[Sender]:
    made = Sender(served.wire.terminal.path)
    yield made
    made.client.disconnect()


def test_it_streams_a_program_faster_than_the_machine_moves(served: Served, sender: Sender) -> None:
    steps = [f"G1 X{LEFT + 0.5 * n} F4800" for n in range(1, 81)]
    sender.run("G21", "G90", *steps)
    until(lambda: sender.has_told("on_job_completed") and sender.client.cmode == "Idle")
    assert sender.counted("on_processed_command") == len(steps) + 2
    assert not sender.has_told("on_error")
    assert served.x == pytest.approx(LEFT + 40, abs=0.01)
    assert sender.client.cmpos[0] == pytest.approx(LEFT + 40, abs=0.01)


def test_its_feed_hold_has_the_machine_stand_and_a_reset_forgets_the_rest(
    served: Served, sender: Sender
) -> None:
    sender.run("G1 X-25 F2400")
    until(lambda: served.x > LEFT + 5)
    sender.client.hold()
    until(lambda: sender.client.cmode == "Hold:0")
    stood = served.x
    assert stood < -25 - 5
    sender.client.softreset()
    until(lambda: sender.client.cmode == "Idle")  # it knows where it is: no alarm
    assert served.gantry.controller.state is State.IDLE
    assert served.x == pytest.approx(stood, abs=0.001)


def test_it_is_told_of_an_alarm_where_a_program_leaves_the_travel(
    served: Served, sender: Sender
) -> None:
    sender.run("G1 X50 F1000")
    until(lambda: sender.has_told("on_alarm"))
    assert ("on_alarm", "ALARM:2") in sender.told
    assert served.x == pytest.approx(LEFT, abs=0.001)
