"""The desk's detector on pictures of a generator that it was not made with."""

from __future__ import annotations

import numpy as np
import pytest
from handrail_bridge.bench.perception.accuracy import Tally, judge, overlap, shots
from handrail_sim.cell_file import load_cell

ZONE = (-0.05, 0.39, -0.32, 0.32)  # m, of [perception.eyes.watch.hand]


def judged(pairs: int, seed: int) -> Tally:
    cell = load_cell("desk_watched")
    return judge(cell, "eyes", "hand", shots(cell, pairs, seed, ZONE))


def test_half_a_box_is_a_third_of_both():
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (1, 0, 2, 1)) == 0.0


def test_average_precision_counts_misses_and_false_claims():
    tally = Tally(there={"cube": 4}, claims={"cube": [(0.9, True), (0.8, False), (0.7, True)]})
    assert tally.average_precision["cube"] == pytest.approx(0.25 + 0.25 * 2 / 3)


def test_things_are_found_where_they_are_in_pictures_of_another_kind():
    tally = judged(6, 9000)
    solid = [value for name, value in tally.average_precision.items() if name != "hand"]
    assert np.mean(solid) > 0.9
    assert np.median(tally.off) < 0.002
    assert np.percentile(tally.off, 95) < 0.006
    assert sum(tally.hands) >= len(tally.hands) - 1


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_it_reaches_its_figures_on_four_thousand_pictures():
    tally = judged(2000, 9100)
    solid = [value for name, value in tally.average_precision.items() if name != "hand"]
    assert np.mean(solid) >= 0.95
    assert np.median(tally.off) < 0.002
    assert np.percentile(tally.off, 95) < 0.005
    assert np.mean(tally.hands) >= 0.995
    assert np.mean(tally.alarms) <= 0.005
