"""A machine that slept while its arm moved, in virtual time: what it may overlook."""

from __future__ import annotations

import numpy as np
import pytest
from handrail_bridge.loop.state import Mode
from handrail_sim.verdict import Trajectory
from loop_rig import PlainBus, Rig


def test_a_machine_that_was_suspended_does_not_go_on(
    armed: Rig, bus: PlainBus, path: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed.play(path)
    armed.run(80)
    held = bus.writes[-1]
    slept = int(1e9 * armed.config.heartbeat) + 1
    monkeypatch.setattr(armed.clock, "suspended_ns", lambda: slept)  # monotonic time stood still
    armed.run(1)
    state = armed.state
    assert (state.mode, state.fault_code, state.ended_completed) == (
        Mode.FAULT,
        "process_lost",
        False,
    )
    assert "stood still for 0.25" in state.reason
    armed.run(50)
    assert np.abs(np.subtract(bus.writes[-1], held)).max() < 0.01
    assert len(set(bus.writes[-50:])) == 1


def test_a_short_suspension_is_no_stall(
    armed: Rig, path: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed.play(path)
    armed.run(80)
    slept = int(0.5e9 * armed.config.heartbeat)
    monkeypatch.setattr(armed.clock, "suspended_ns", lambda: slept)
    armed.until(lambda state: state.motion_id == 0)
    assert armed.state.ended_completed, armed.state.ended_reason
