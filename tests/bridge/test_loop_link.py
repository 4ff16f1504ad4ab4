"""What the bridge sees of a loop's process that has died, or stands still."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.loop import link
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.link import SILENCE_NS, LoopLink
from handrail_bridge.loop.pipe import MESSAGE
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import VECTORS, LoopState, Mode
from handrail_drivers.errors import ProcessLost


class Watched:
    """A loop that moves, as its link sees it; ``status`` is its process's exit status."""

    def __init__(self, config: LoopConfig) -> None:
        joints = len(config.joints)
        self.shared, self.control = Shared.create(joints, config.trajectory_rate), Control.create()
        self.status: int | None = None
        process: Any = SimpleNamespace(poll=lambda: self.status, wait=lambda _: None)
        no_end: Any = None  # nothing is asked of it
        self.link = LoopLink(config, self.control, self.shared, no_end, process)
        self._vectors: dict[str, Any] = dict.fromkeys(VECTORS, (0.0,) * joints)
        self._torque = (True,) * joints

    def publish(self, alive_ns: int) -> None:
        state = LoopState(mode=Mode.MOVING, alive_ns=alive_ns, torque_enabled=self._torque)
        self.shared.publish(state._replace(**self._vectors))


@pytest.fixture
def watched(config: LoopConfig) -> Iterator[Watched]:
    watched = Watched(config)
    yield watched
    watched.shared.close()
    watched.control.close()


def test_a_loop_that_lives_is_as_it_says(watched: Watched) -> None:
    watched.publish(time.monotonic_ns())
    assert watched.link.state().mode == Mode.MOVING


def test_a_loop_that_was_killed_is_a_fault_at_once(watched: Watched) -> None:
    watched.publish(time.monotonic_ns())
    watched.status = -9
    state = watched.link.state()
    assert (state.mode, state.fault_code) == (Mode.FAULT, "process_lost")
    assert "ended with exit status -9" in state.reason


def test_a_loop_that_stands_still_is_a_fault_once_it_is_silent(watched: Watched) -> None:
    watched.publish(time.monotonic_ns() - SILENCE_NS)
    state = watched.link.state()
    assert (state.mode, state.fault_code) == (Mode.FAULT, "process_lost")
    assert "does not answer" in state.reason


async def test_a_loop_that_does_not_say_that_it_is_armed_is_told_not_to_be(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be so a moment later, and nobody would know."""
    monkeypatch.setattr(link, "ARM_TIMEOUT", 0.01)
    ours, loops = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with ours, loops:
        watched.link._end = ours
        with pytest.raises(ProcessLost):
            await watched.link.arm([0.0])
        asked = [json.loads(loops.recv(MESSAGE)) for _ in range(2)]
    assert [one["op"] for one in asked] == ["arm", "disarm"]
    assert asked[0]["id"] != asked[1]["id"]
