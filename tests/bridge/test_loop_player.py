"""The player: exactly the checked numbers at full speed, the same path at any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from handrail_bridge.loop.player import Player
from handrail_sim.verdict import Array, Trajectory
from hypothesis import given
from hypothesis import strategies as st
from loop_rig import wide_tube

JOINTS = 3


def trajectory(rows: int, seed: int = 0) -> Trajectory:
    hold, lead, predicted = np.random.default_rng(seed).normal(size=(3, rows, JOINTS))
    return wide_tube(250, ("a", "b", "c"), hold, lead, predicted, (0, rows))


def straight(rows: int) -> Trajectory:
    """Joints that move in step: b = 2 a, c = -a. Any command off the line has left the path."""
    along = np.linspace(0.0, 1.0, rows)[:, None] * np.array([1.0, 2.0, -1.0])
    lead = np.full_like(along, 0.01) * np.array([1.0, 2.0, -1.0])
    wide = wide_tube(250, ("a", "b", "c"), along, lead, along.copy(), (0, rows))
    return replace(wide, effort_band=np.ones_like(along))


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_full_speed_plays_every_number_once(rows: int) -> None:
    checked = trajectory(rows)
    player = Player(checked, 1, 1, 250)
    commands: list[list[float]] = []
    predicted: list[list[float]] = []
    while not player.finished or not commands:
        player.advance(1.0, 0.2)
        commands.append(player.command())
        predicted.append(player.predicted())
    assert np.array_equal(np.array(commands), checked.hold + checked.lead)
    assert np.array_equal(np.array(predicted), checked.predicted)


def test_at_its_end_it_holds_the_last_row() -> None:
    checked = trajectory(5)
    player = Player(checked, 1, 1, 250)
    for _ in range(20):
        player.advance(1.0, 0.2)
    assert (player.row, player.finished) == (4, True)
    assert player.command() == list(checked.hold[-1] + checked.lead[-1])
    for _ in range(10):
        player.advance(0.0, 0.2)
    assert player.command() == list(checked.hold[-1]), "a stop at the end takes back the lead"


def off_the_line(commands: Array) -> float:
    return float(np.abs(commands - commands[:, :1] * np.array([1.0, 2.0, -1.0])).max())


@given(begin=st.integers(1, 99), slow_by=st.floats(0.001, 1.0))
def test_a_slow_down_stays_on_the_path_and_ends_on_hold(begin: int, slow_by: float) -> None:
    checked = straight(100)
    player = Player(checked, 1, 1, 250)
    for _ in range(begin):
        player.advance(1.0, 0.2)
    rows, commands = [], []
    ticks = 0
    while player.speed_scale > 0.0:
        player.advance(0.0, slow_by)
        ticks += 1
        rows.append(player.predicted()[0])
        commands.append(player.command())
    assert ticks <= np.ceil(1.0 / slow_by) + 1
    assert off_the_line(np.array(commands)) < 1e-9
    assert (np.diff(rows) >= 0.0).all(), "it went back"
    assert rows[-1] <= min(1.0, (begin - 1 + 0.5 / slow_by + 1) / 99) + 1e-9
    at = rows[-1]
    assert commands[-1] == pytest.approx([at, 2 * at, -at]), "its last command is hold, no lead"
    assert player.predicted() == pytest.approx([at, 2 * at, -at])


@given(row=st.integers(0, 8), part=st.floats(0.0, 0.999))
def test_between_two_rows_lies_the_line_between_them(row: int, part: float) -> None:
    checked = trajectory(10)
    player = Player(checked, 1, 1, 250)
    for _ in range(row + 1):
        player.advance(1.0, 0.2)
    player.advance(0.0, 1.0 - part)
    between = checked.hold[row] + part * (checked.hold[row + 1] - checked.hold[row])
    lead = checked.lead[row] + part * (checked.lead[row + 1] - checked.lead[row])
    assert player.command() == pytest.approx((between + part * lead).tolist(), abs=1e-9)


@pytest.mark.parametrize("rate", [100, 250, 1000])
def test_a_loop_of_another_rate_plays_the_same_path_in_the_same_time(rate: int) -> None:
    checked = straight(251)  # one second
    player = Player(checked, 1, 1, rate)
    commands = []
    while not player.finished:
        player.advance(1.0, 0.2)
        commands.append(player.command())
    assert len(commands) == pytest.approx(rate + 1, abs=1)
    assert off_the_line(np.array(commands)) < 1e-9


@given(scale=st.floats(0.05, 0.95))
def test_slowed_down_it_takes_longer_on_the_same_path_and_less_effort(scale: float) -> None:
    player = Player(straight(100), 1, 1, 250, stiffness=(10.0,) * JOINTS)
    player.advance(1.0, 0.1)
    as_seen = player.effort_band()
    ticks = 0
    while not player.finished:
        player.advance(scale, 0.1)
        ticks += 1
        assert off_the_line(np.array([player.command()])) < 1e-9
    assert player.speed_scale == scale
    assert 99 <= ticks <= 99 / scale + 1
    less = 10.0 * (1 - scale) * np.array([0.01, 0.02, 0.01])
    assert player.effort() is not None
    assert player.effort_band() == pytest.approx(np.add(as_seen, less))


def test_while_the_speed_changes_no_effort_is_predicted() -> None:
    player = playing(10)
    assert player.effort() is not None
    player.advance(0.5, 0.3)
    assert player.effort() is None
    for _ in range(35):
        player.advance(0.5, 0.3)
    assert player.effort() is not None


def test_what_was_slow_does_not_grow_fast_again() -> None:
    player = Player(straight(100), 1, 1, 250, speed_scale=0.5)
    player.advance(1.0, 0.1)
    assert player.speed_scale == 0.5


def playing(row: int, rows: int = 150) -> Player:
    """A player in the midst of a straight path, whose servos need 40 ms."""
    player = Player(straight(rows), 1, 1, 250, settling=0.04, stiffness=(10.0,) * JOINTS)
    for _ in range(row + 1):
        player.advance(1.0, 0.2)
    return player


@pytest.mark.parametrize("missed", [1, 5, 12])
def test_while_setpoints_stood_joints_may_have_gone_on_to_them(missed: int) -> None:
    player = playing(40)
    band, efforts = player.band(), player.effort_band()
    player.hold_back(missed)
    ran_on = 1.5 * np.array([0.01, 0.02, 0.01]) * (1 - np.exp(-missed / 10))
    assert np.subtract(player.band(), band) == pytest.approx(ran_on)
    assert np.subtract(player.effort_band(), efforts) == pytest.approx(10.0 * ran_on)


def test_it_is_the_same_whether_they_stood_once_or_tick_by_tick() -> None:
    once, often = playing(40), playing(40)
    once.hold_back(6)
    for _ in range(6):
        often.hold_back(1)
    assert often.band() == pytest.approx(once.band())


def test_it_falls_back_within_the_servos_time() -> None:
    player, fresh = playing(40), playing(40)
    player.hold_back(10)
    widths = []
    for _ in range(140):
        for one in (player, fresh):
            one.advance(1.0, 0.2)
        widths.append(max(np.subtract(player.band(), fresh.band())))
    assert widths[0] > widths[24] > 0, "25 ticks are two and a half times 40 ms"
    assert widths[24] < 0.5 * widths[0]
    assert widths[-1] == 0
    assert player.effort_band() == fresh.effort_band()


def test_however_long_they_stood_joints_do_not_go_farther_than_told() -> None:
    player = playing(10)
    band = player.band()
    player.hold_back(10_000)
    assert np.subtract(player.band(), band) == pytest.approx(1.5 * np.array([0.01, 0.02, 0.01]))
