"""What a tick allocates it gives back: memory stays flat, and no garbage waits for a collector."""

from __future__ import annotations

import gc
import sys

import pytest
from handrail_bridge.loop.state import Mode
from handrail_sim.verdict import Trajectory
from loop_rig import PlainBus, Rig, sweep

TICKS = 10_000
FEW = 60  # blocks: caches of the interpreter's own


@pytest.fixture
def frozen() -> object:
    """The collector off, as in a loop's process."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.usefixtures("frozen")
def test_ten_thousand_ticks_leave_nothing_behind(
    armed: Rig, bus: PlainBus, path: Trajectory, moving: bool
) -> None:
    bus.writes = bus.calls = Forgetful()  # type: ignore[assignment]  # a bus that keeps nothing
    if moving:
        joints = armed.config.joints
        armed.play(sweep(bus.position, {0: 0.5}, TICKS + 3000, armed.config.rate, joints))
    armed.run(1000)
    before = sys.getallocatedblocks()
    armed.run(TICKS)
    grown = sys.getallocatedblocks() - before
    assert armed.state.mode == (Mode.MOVING if moving else Mode.ARMED)
    assert grown < FEW, f"{grown} blocks more"


class Forgetful:
    def append(self, _: object) -> None:
        """Keep nothing."""
