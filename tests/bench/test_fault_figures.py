"""What counts as standstill, and what the figures of faults say of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from handrail_bridge.bench.faults.classes import SHORT, Fault, faults, plain_stop
from handrail_bridge.bench.faults.standstill import Standstill, standstill
from handrail_bridge.bench.faults.strikes import nothing, stop
from handrail_bridge.bench.faults.summary import Summary, failures, markdown, rows
from handrail_bridge.bench.faults.trial import END, WHERE, WHERE_SLOW, Outcome
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState, Counters
from handrail_sim.cell_file import load_cell

STEP = 0.002  # s


def history(speeds: list[float]) -> np.ndarray:
    """A world whose third joint has these speeds [rad/s], one a step, from 10 s on."""
    rows = np.zeros((len(speeds), 14))
    rows[:, 1] = 10.0 + STEP * np.arange(len(speeds))
    rows[:, 2 + 2] = np.cumsum(speeds) * STEP
    rows[:, 8 + 2] = speeds
    return rows


def test_an_arm_stands_from_its_last_motion_on():
    stop = standstill(history([1.0] * 10 + [0.0] * 10 + [-0.5] * 5 + [0.01] * 10), 10.0)
    assert stop.seconds == pytest.approx(25 * STEP)
    assert (stop.speed, stop.peak) == (1.0, 1.0)
    assert stop.travel == pytest.approx(9 * STEP, rel=0.01)


def test_what_was_before_the_fault_does_not_count():
    stop = standstill(history([2.0] * 10 + [0.5] * 5 + [0.0] * 5), 10.0 + 10 * STEP)
    assert stop.seconds == pytest.approx(5 * STEP)
    assert stop.peak == 0.5


def test_an_arm_that_still_moves_at_the_end_never_stood():
    assert standstill(history([1.0] * 10), 10.0).seconds == math.inf


def state(mode: Mode) -> CellState:
    return CellState(0, 0.0, mode, "", "", (), (), False, Counters(), (), (), 1.0, 0.0, "")


def outcome(
    seconds: float,
    mode: Mode = Mode.FAULT,
    resumed: float = 0.0,
    travel: float = 0.1,
    **changes: Any,
) -> Outcome:
    stop = Standstill(seconds, travel, 2.0, 2.0)
    good = {"completed": False, "short": 0.9, "overruns": 3, "runs_again": True}
    return Outcome(stop, 1.0, resumed, state(mode), **{**good, **changes})


FAULT = Fault("bus pulled", "the terminal is closed", "by its end", 0.01, stop, nothing)
PLAIN = [outcome(0.2), outcome(0.4)]


def test_figures_are_the_worst_and_ratios_those_of_a_round():
    good = Summary(FAULT, 0.5, 0.2, [outcome(0.4), outcome(0.4)], PLAIN)
    first, *_, itself, meant = rows([good])
    assert (first.value, first.ratio, first.outcome) == (400.0, 1.5, "held")
    assert (itself.outcome, meant.outcome) == ("held", "held")
    assert failures([good]) == ""
    line = markdown([good], "two of each").splitlines()[2]
    assert line.startswith("| bus pulled: the terminal is closed | by its end | 500 ms | 400 ms |")
    assert line.endswith("| fault | held |")


@pytest.mark.parametrize(
    "bad",
    [
        outcome(0.6),
        outcome(0.4, mode=Mode.ARMED),
        outcome(0.4, resumed=0.05),
        outcome(math.inf),
        outcome(0.4, travel=0.3),
        outcome(0.4, short=0.1),
        outcome(0.4, completed=True),
        outcome(0.4, runs_again=False),
    ],
)
def test_a_late_an_unlatched_and_a_resuming_arm_are_short(bad):
    summary = Summary(FAULT, 0.5, 0.2, [outcome(0.4), bad], PLAIN)
    assert [row.held for row in rows([summary])].count(False) == 1
    _, _, line, *rest = markdown([summary], "two of each").splitlines()
    assert line.endswith("| short |")
    assert len(rest) == 2


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({"reflexes": ("tube", "effort")}, False),
        ({"reflexes": ("late_reads", "tube")}, True),
        ({"overruns": 3}, True),
        ({"overruns": 4}, False),
        ({"is_borne": True}, False),
    ],
)
def test_a_trial_is_judged_by_the_rule_that_fired_and_the_ticks_that_were_counted(changes, meant):
    fired = replace(outcome(0.4), after=replace(state(Mode.FAULT), reflexes=("late_reads",)))
    assert fired.is_meant(replace(FAULT, **changes)) == meant


def test_a_motion_that_is_borne_arrives():
    borne = replace(FAULT, is_borne=True, mode=Mode.ARMED)
    for short, meant in ((0.05, True), (0.5, False)):
        assert outcome(9.0, Mode.ARMED, short=short, completed=True).is_meant(borne) == meant


def test_an_arm_that_nobody_stops_goes_farther_than_any_class_allows():
    cell = load_cell("desk")
    for fault in faults(cell):
        struck = WHERE_SLOW[1] if fault.is_slow else WHERE[1]
        left = 2 * END - struck - SHORT
        assert fault.is_borne or fault.travel(cell) < left, fault.name


def test_every_class_has_a_name_of_its_own_and_a_deadline():
    cell = load_cell("desk")
    classes = [*faults(cell), plain_stop(cell, False), plain_stop(cell, True)]
    assert len({fault.name for fault in classes}) == len(classes)
    assert all(0.5 < fault.deadline(cell) < 5 for fault in classes)
