"""What ``bench loop`` says about ticks and stops: from times to figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from handrail_bridge.bench.loop.stops import frame_time
from handrail_bridge.bench.loop.summary import (
    BARE,
    CYCLICTEST,
    OURS,
    Case,
    Stops,
    case_rows,
    markdown,
    stop_rows,
)
from handrail_bridge.bench.loop.ticks import Ticks, from_histogram, from_trace, quantile
from handrail_drivers.errors import ProcessLost
from handrail_sim.cell_file import load_cell

PERIOD = 1_000_000  # ns
MANY = [1.0] * 1000


def rows(*ticks: tuple[int, int, int]) -> bytes:
    return np.array(ticks, dtype=np.int64).tobytes()


def ticks(*began: float, missed: int = 0, written: float = 1.0) -> Ticks:
    return Ticks(np.sort(np.array(began)), np.array([written]), missed, 0.1)


def test_lateness_counts_from_when_a_tick_was_due() -> None:
    trace = rows((0, 5_000, 90_000), (PERIOD, PERIOD + 7_000, PERIOD + 80_000))
    found = from_trace(trace, PERIOD, 0, 10 * PERIOD, 0.2)
    assert found.began.tolist() == [5.0, 7.0]
    assert found.written.tolist() == [80.0, 90.0]
    assert (found.missed, found.cpu) == (0, 0.2)


def test_ticks_that_did_not_happen_are_missed() -> None:
    trace = rows(*((n * PERIOD, n * PERIOD, n * PERIOD) for n in (0, 1, 4, 5, 7)))
    assert from_trace(trace, PERIOD, 0, 10 * PERIOD, 0.0).missed == 3


def test_only_the_time_that_was_watched_counts() -> None:
    trace = rows(*((n * PERIOD, n * PERIOD + n * 1000, 0) for n in range(10)))
    assert from_trace(trace, PERIOD, 3 * PERIOD, 6 * PERIOD, 0.0).began.tolist() == [3, 4, 5]


def test_nothing_to_judge_is_an_error() -> None:
    with pytest.raises(ProcessLost):
        from_trace(b"", PERIOD, 0, 1, 0.0)


def test_a_histogram_is_judged_like_times() -> None:
    found = from_histogram({"3": 98, "50": 1}, cycles=100, highest=700)
    assert quantile(found.began, "p50") == 3
    assert quantile(found.began, "max") == 700, "what is beyond the histogram counts"
    assert len(found.began) == 100


def test_later_than_cyclictest_by_half_is_short() -> None:
    def p99(ours: float) -> bool | None:
        case = Case(
            500, "no wire", "idle", {OURS: [ticks(ours)], BARE: [ticks(1)], CYCLICTEST: [ticks(10)]}
        )
        return next(row.held for row in case_rows(case) if row.figure.endswith("late, p99"))

    assert p99(14.9)
    assert p99(15.1) is False


def test_half_as_many_missed_ticks_more_than_the_bare_loop_is_short() -> None:
    def missed(ours: int) -> bool | None:
        rounds = {OURS: [ticks(*MANY, missed=ours)], BARE: [ticks(*MANY, missed=9)]}
        case = Case(500, "the desk's", "idle", rounds)
        return next(row.held for row in case_rows(case) if row.figure.endswith("missed"))

    assert missed(14)
    assert missed(15) is False


def test_who_was_watched_for_longer_may_miss_more() -> None:
    def missed(watched: int) -> bool | None:
        rounds = {OURS: [ticks(*MANY * watched, missed=30)], BARE: [ticks(*MANY, missed=9)]}
        case = Case(500, "no wire", "idle", rounds)
        return next(row.held for row in case_rows(case) if row.figure.endswith("missed"))

    assert missed(1) is False
    assert missed(3)


def test_a_write_on_the_wire_counts_from_when_its_tick_was_due() -> None:
    trace = rows(*((n * PERIOD, n * PERIOD + 5_000, n * PERIOD + 90_000) for n in range(4)))
    heard = [100_000, PERIOD + 300_000, 2 * PERIOD + 100_000]
    found = from_trace(trace, PERIOD, 0, 10 * PERIOD, 0.2, [-7, *heard, 9 * PERIOD])
    assert found.sent.tolist() == [100.0, 100.0, 300.0], "what was before and after is not ours"
    assert found.uneven.tolist() == [200.0, 200.0]


def test_a_stop_that_did_not_come_is_short_and_never_forgotten() -> None:
    rows_of = stop_rows(Stops("flag", [0.001, 0.001, math.inf], [0.001], limit=0.002))
    assert [row.held for row in rows_of] == [None, False, None]
    assert rows_of[2].value == math.inf


def test_a_stop_later_than_a_period_and_a_frame_is_short() -> None:
    def held(slowest: float) -> bool | None:
        p99 = stop_rows(Stops("flag", [0.001, slowest], [0.001], limit=0.00226))[1]
        return p99.held

    assert held(0.0022)
    assert held(0.0024) is False


def test_a_write_of_six_goals_is_26_bytes_on_the_wire() -> None:
    assert frame_time(load_cell("desk")) == pytest.approx(26 * 10 / 1e6)


def test_the_tables_show_every_case_and_road() -> None:
    rounds = {OURS: [ticks(1, 2)], BARE: [ticks(3)], CYCLICTEST: [ticks(4)]}
    shown = markdown(
        [Case(500, "no wire", "idle", rounds), Case(250, "the desk's", "idle", {OURS: [ticks(1)]})],
        [Stops("signal", [0.002], [0.001])],
        "a note",
    )
    assert "| 500 Hz, no wire | idle | 2 / 2 / 2 / 2 us | 4 / 4 / 4 / 4 us |" in shown
    assert "| 250 Hz, the desk's | idle |" in shown
    assert "| signal (1) | 2.0 ms | 2.0 ms | 2.0 ms | 1.00 ms | 2.0 | - |" in shown
    lines = shown.splitlines()
    assert lines[2].endswith("| held |")
    many = {OURS: [ticks(*[9.0] * 1000, missed=9)], BARE: [ticks(*MANY)]}
    late = Case(500, "no wire", "idle", {**rounds, **many})
    line = markdown([late], [Stops("flag", [0.1], [0.1], limit=0.01)], "a note").splitlines()
    assert line[2].endswith("| **short**: late, p99; missed |")
    assert "| **short**: flag, p99 |" in line[-3]
