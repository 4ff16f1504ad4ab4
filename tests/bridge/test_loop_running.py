"""How a loop's process ticks: which periods it skips, and what it does when nobody can go on."""

from __future__ import annotations

import pytest
from handrail_bridge.loop.process import following, run
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import BusLost
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Trajectory
from loop_rig import PlainBus, Rig

MS = 1_000_000  # ns


def a_bug() -> None:
    raise ZeroDivisionError("a bug of a driver")


def test_whole_periods_are_skipped_and_no_more() -> None:
    assert following(100, 103, 10) == 110
    assert following(100, 110, 10) == 110
    assert following(100, 111, 10) == 110, "a microsecond late is no reason to leave a tick out"
    assert following(100, 119, 10) == 110
    assert following(100, 120, 10) == 120
    assert following(100, 157, 10) == 150


def test_an_overrun_is_counted_and_never_made_up_for(armed: Rig, bus: PlainBus) -> None:
    period, begun, late = armed.config.period_ns, [], [3.5]

    def note() -> None:
        begun.append(armed.clock.now_ns())
        if len(begun) == 5:
            armed.clock.sleep_until(armed.clock.now_ns() + int(late[0] * period))

    read = bus.read
    bus.read = lambda: (note(), read())[1]  # type: ignore[method-assign]  # a slow bus, once
    overruns = armed.state.overruns
    start = armed.clock.now_ns()
    run(armed.tick, armed.clock, period, lambda: len(begun) >= 12)
    assert armed.state.overruns - overruns == 2
    ticks = [(at - start) / period for at in begun]
    assert ticks == [1, 2, 3, 4, 5, 8.5, 9, 10, 11, 12, 13, 14]


def test_who_is_woken_heeds_and_goes_on_to_the_tick_at_its_time(
    armed: Rig, bus: PlainBus, path: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed.play(path)
    begun: list[float] = []
    start, sleep = armed.clock.now_ns(), armed.clock.sleep_until

    def woken(due_ns: int) -> bool:
        if len(begun) == 10 and armed.state.mode == Mode.MOVING:
            armed.control.raise_stop("a test")
            return False
        begun.append((due_ns - start) / armed.config.period_ns)
        return sleep(due_ns)

    monkeypatch.setattr(armed.clock, "sleep_until", woken)
    run(armed.tick, armed.clock, armed.config.period_ns, lambda: len(begun) >= 12)
    assert begun == list(range(1, len(begun) + 1))
    assert armed.state.ended_reason == "a test"


def test_only_servos_are_told_between_ticks_and_no_driver_that_makes_speeds_of_setpoints() -> None:
    told = {
        config.driver: config.told_any_time
        for name in ("desk", "line", "gantry", "desk_boards")
        for config in loop_configs(load_cell(name), {})
    }
    assert told == {"feetech": True, "inverter": False, "grbl": False, "board_axis": False}


def test_a_driver_that_fails_in_a_way_nobody_foresaw_stops_its_joints(
    armed: Rig,
    bus: PlainBus,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bus, "stop", lambda: bus.calls.append("stop"))
    monkeypatch.setattr(bus, "read", a_bug)
    with pytest.raises(ZeroDivisionError):
        run(armed.tick, armed.clock, armed.config.period_ns, lambda: False)
    assert bus.calls[-1] == "stop"
    assert "the loop ends" in caplog.text


def test_one_that_cannot_even_stop_is_said_to(
    armed: Rig,
    bus: PlainBus,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def gone() -> None:
        raise BusLost("unplugged")

    monkeypatch.setattr(bus, "stop", gone)
    monkeypatch.setattr(bus, "read", a_bug)
    with pytest.raises(ZeroDivisionError):
        run(armed.tick, armed.clock, armed.config.period_ns, lambda: False)
    assert "could not stop its joints" in caplog.text
