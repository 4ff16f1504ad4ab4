"""The tick in virtual time, judged by every write on the bus: motions and their ends."""

from __future__ import annotations

import numpy as np
import pytest
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import (
    LeaseRefused,
    NotArmed,
    PermitRefused,
    Refused,
)
from handrail_sim.verdict import Trajectory
from loop_rig import RAMP, ROWS, TRAVEL, PlainBus, Rig, on_path, played, sweep, wide_tube


def test_nothing_is_written_before_it_is_armed(rig: Rig, bus: PlainBus) -> None:
    rig.run(50)
    assert bus.writes == []
    assert rig.state.mode == Mode.DISARMED


def test_every_number_is_played_once_and_exactly(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    bus.writes.clear()
    armed.run(ROWS)
    assert np.array_equal(np.array(bus.writes), path.hold + path.lead)
    state = armed.state
    assert (state.mode, state.ended_motion_id, state.ended_completed) == (Mode.ARMED, 1, True)
    assert state.clamps == state.overruns == state.late_reads == 0
    armed.run(10)
    assert set(bus.writes[ROWS:]) == {tuple(path.hold[-1])}, "the last setpoint stands"


@pytest.mark.parametrize("at", [0, 1, 2, 77, 120, ROWS - 2])
def test_a_stop_raised_during_any_read_slows_the_very_next_write(
    armed: Rig, bus: PlainBus, path: Trajectory, at: int
) -> None:
    armed.play(path)
    armed.run(at)
    full = path.hold[at] + path.lead[at]
    before = len(bus.writes)
    bus.on_read = lambda: armed.control.raise_stop("a test")
    armed.run(1)
    bus.on_read = lambda: None
    first = bus.writes[before]
    if 2 < at < ROWS - 2:  # at its ends the path moves less than a slowing can show
        assert 0 < (first[0] - path.hold[at - 1, 0]) < full[0] - path.hold[at - 1, 0]
        assert first != tuple(full)
    took = armed.until(lambda state: state.mode == Mode.STOPPED)
    assert took <= RAMP
    armed.run(20)
    writes = np.array(bus.writes[before:])
    assert on_path(writes, path)
    assert len(set(map(tuple, writes[-20:]))) == 1
    assert writes[-1, 0] <= path.hold[min(at + RAMP // 2 + 1, ROWS - 1), 0]
    assert (np.diff(writes[:, 0]) > -0.02).all(), "only the lead is taken back"
    assert armed.state.ended_reason == "a test"
    assert not armed.state.ended_completed


def test_a_stop_between_two_ticks_is_begun_at_once_and_ends_on_the_path(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    armed.run(100)
    armed.tick.heed()
    assert np.array_equal(bus.writes[-1], path.hold[99] + path.lead[99]), "nothing was new"
    before, reads = len(bus.writes), []
    bus.read = lambda: reads.append(1)  # type: ignore[method-assign,assignment,return-value]
    armed.control.raise_stop("a test")
    armed.tick.heed()
    assert (len(bus.writes), reads) == (before + 1, [])
    assert armed.state.mode == Mode.STOPPING
    first = path.hold[99] + (1 - 1 / (RAMP - 0.5)) * path.lead[99]
    assert bus.writes[-1] == pytest.approx(first, rel=1e-9)
    armed.tick.heed()
    assert len(bus.writes) == before + 1, "the rest of it goes by ticks"
    del bus.__dict__["read"]
    assert armed.until(lambda state: state.mode == Mode.STOPPED) < RAMP
    assert on_path(np.array(bus.writes[before:]), path)


def test_a_stop_between_two_ticks_writes_nothing_where_nothing_moves(
    armed: Rig, bus: PlainBus
) -> None:
    armed.run(1)
    before = len(bus.writes)
    armed.control.raise_stop("a test")
    armed.tick.heed()
    assert (armed.state.mode, len(bus.writes)) == (Mode.STOPPED, before)


def test_a_stop_is_latched_until_reset_and_begins_disarmed(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.control.raise_stop("enough")
    armed.run(1)
    assert (armed.state.mode, armed.state.reason) == (Mode.STOPPED, "enough")
    with pytest.raises(NotArmed):
        armed.play(path)
    with pytest.raises(NotArmed):
        armed.ask("arm", hold=bus.position)
    held = bus.writes[-1]
    armed.run(5)
    assert bus.writes[-1] == held, "a held stop goes on holding"
    armed.ask("reset")
    before = len(bus.writes)
    armed.run(5)
    assert armed.state.mode == Mode.DISARMED
    assert len(bus.writes) == before
    assert all(bus.torque)
    armed.ask("arm", hold=bus.position)
    assert armed.state.mode == Mode.ARMED


def test_a_stop_while_disarmed_keeps_it_from_being_armed(rig: Rig, bus: PlainBus) -> None:
    rig.control.raise_stop("a hand is in there")
    rig.run(1)
    since = rig.state.mode_since_ns
    assert (rig.state.mode, since) == (Mode.STOPPED, rig.clock.now_ns())
    with pytest.raises(NotArmed, match="a hand is in there"):
        rig.ask("arm", hold=bus.position)
    assert (rig.state.mode_since_ns, bus.writes, any(bus.torque)) == (since, [], False)
    rig.ask("reset")
    rig.ask("arm", hold=bus.position)
    assert rig.state.mode == Mode.ARMED
    assert rig.state.mode_since_ns > since


def test_an_abort_ends_that_motion_alone(armed: Rig, bus: PlainBus, path: Trajectory) -> None:
    armed.play(path, motion_id=4)
    armed.run(100)
    armed.abort(4)
    armed.until(lambda state: state.mode == Mode.ARMED)
    state = armed.state
    assert (state.ended_motion_id, state.ended_completed) == (4, False)
    assert "cancelled" in state.ended_reason
    assert on_path(played(bus, RAMP), path)
    onward = sweep(bus.writes[-1], {0: 0.1}, 50, 250, armed.config.joints)
    armed.play(onward, motion_id=5)
    armed.run(50)
    assert armed.state.ended_completed


def test_an_abort_that_came_before_its_motion_ends_it(armed: Rig, path: Trajectory) -> None:
    armed.abort(4)
    armed.play(path, motion_id=4)
    armed.until(lambda state: state.mode == Mode.ARMED, ticks=RAMP + 1)
    assert armed.state.ended_motion_id == 4


def test_the_end_of_the_lease_ends_what_ran_under_it(armed: Rig, path: Trajectory) -> None:
    armed.play(path)
    armed.run(100)
    armed.lease(8)
    armed.until(lambda state: state.mode == Mode.ARMED, ticks=RAMP + 1)
    assert "lease" in armed.state.ended_reason
    for token in (7, 0):
        with pytest.raises(LeaseRefused):
            armed.play(path, motion_id=2, token=token)


def test_a_lease_that_lapses_ends_what_ran_under_it_whoever_hangs(
    armed: Rig, path: Trajectory
) -> None:
    begun = armed.clock.now_ns()
    armed.lease(7, begun + 300_000_000)
    armed.play(path)
    armed.until(lambda state: state.mode == Mode.STOPPING)
    assert armed.clock.now_ns() - begun <= 300_000_000 + armed.config.period_ns
    armed.until(lambda state: state.mode == Mode.ARMED, ticks=RAMP + 1)
    assert "lapsed" in armed.state.ended_reason


def test_what_was_not_checked_is_not_played(armed: Rig, bus: PlainBus, path: Trajectory) -> None:
    before = list(bus.writes)[-1]
    far = sweep([0.1 + p for p in bus.position], TRAVEL, ROWS, 250, armed.config.joints)
    empty = wide_tube(250, path.joints, *(np.zeros((0, 6)),) * 3, (0,))
    fast = wide_tube(500, path.joints, path.hold, path.lead, path.predicted, path.step_rows)
    holed = sweep(bus.position, TRAVEL, ROWS, 250, armed.config.joints)
    holed.predicted[50, 2] = np.nan
    with pytest.raises(PermitRefused, match="not those that were checked"):
        armed.play(path, digest="0" * 64)
    with pytest.raises(PermitRefused, match="not those that were checked"):
        armed.play(path, rows=ROWS - 1)
    with pytest.raises(PermitRefused, match="not those that were checked"):
        armed.play(fast)
    with pytest.raises(PermitRefused, match="no number"):
        armed.play(holed)
    with pytest.raises(PermitRefused, match="no number"):
        armed.play(empty)
    with pytest.raises(PermitRefused, match="shoulder_pan would start"):
        armed.play(far)
    assert armed.state.mode == Mode.ARMED
    assert set(bus.writes) == {before}


def test_later_writes_to_the_memory_do_not_reach_a_running_motion(
    armed: Rig, bus: PlainBus, path: Trajectory
) -> None:
    armed.play(path)
    bus.writes.clear()
    armed.shared.put_trajectory(sweep([1.0] * 6, {}, ROWS, 250, armed.config.joints))
    armed.run(ROWS)
    assert np.array_equal(np.array(bus.writes), path.hold + path.lead)


def test_the_clamp_is_the_last_line_and_counts(
    armed: Rig, bus: PlainBus, config: LoopConfig
) -> None:
    jump = sweep(bus.position, {0: 0.01}, 10, config.rate, config.joints)
    jump.hold[5:, 0] += 1.0
    jump.hold[6:, 4] = 9.0
    jump.predicted[:] = bus.position
    armed.play(jump)
    armed.run(8)
    writes = np.array(bus.writes)
    assert np.abs(np.diff(writes[:, 0])).max() <= 2.0 * config.velocity[0] / config.rate + 0.0101
    assert writes[:, 4].max() <= config.high[4]
    assert armed.state.clamps > 0


def test_a_setpoint_that_the_driver_refuses_is_named_so(
    armed: Rig, bus: PlainBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise Refused("The driver does not take it.")

    monkeypatch.setattr(bus, "write", refuse)
    armed.run(1)
    assert (armed.state.mode, armed.state.reason) == (Mode.FAULT, "The driver does not take it.")
    assert armed.state.fired == 1 << armed.config.reflexes.index("refused_write")
