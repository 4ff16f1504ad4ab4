"""What ``bench perception`` says: its figures are there, and what is judged is judged right."""

from __future__ import annotations

import math

import numpy as np
import psutil
import pytest
from handrail_bridge import bench
from handrail_bridge.bench.perception.looks import table
from handrail_bridge.bench.perception.run import look_rows, number, result_rows, stop_rows
from handrail_bridge.bench.report import markdown
from handrail_bridge.vision.pinhole import Pinhole
from handrail_sim.cell_file import load_cell

MS = 1e-3


def test_the_overhead_is_the_median_of_the_rounds_ratios():
    bare = np.full(10, 10 * MS)
    rows = list(look_rows([(bare * 1.05, bare), (bare * 1.09, bare), (bare * 2, bare)]))
    assert rows[0].ratio == pytest.approx(1.09)
    assert rows[0].held
    assert next(look_rows([(bare * 1.11, bare)])).held is False


def test_a_result_may_take_a_frames_time_and_a_look_by_hand():
    pairs = [(np.full(10, 99 * MS), np.full(10, 10 * MS))]
    limit = 1000 / 30 + 10
    _, held, missed = result_rows(np.full(100, (limit - 0.1) * MS), 3, pairs)
    assert held.held
    assert (missed.value, missed.reference) == (3, 103)
    _, short, _ = result_rows(np.full(100, (limit + 0.1) * MS), 0, pairs)
    assert short.held is False


def test_the_table_has_every_row():
    rows = list(stop_rows(np.array([0.02, 0.03])))
    text = markdown(rows, "a note", number)
    assert "| hand shown to stop on the wire, max | 30.0 ms |" in text
    assert text.endswith("A note.")


def test_the_references_table_is_the_cells():
    camera = load_cell("desk_watched").cameras["overhead"]
    pixel = np.array([[123.0, 321.0]])
    x, y, scale = table(camera) @ (*pixel[0], 1.0)
    assert (x / scale, y / scale) == pytest.approx(
        tuple(Pinhole(camera).on_plane(pixel, 0.0)[0, :2])
    )


@pytest.mark.long
def test_every_figure_is_measured():
    before = set(psutil.Process().children(recursive=True))
    report = bench.run("perception", quick=True)
    assert set(psutil.Process().children(recursive=True)) == before, "what it starts ends with it"
    assert len(report.rows) == 2 + 3 + 3
    for row in report.rows:
        assert math.isfinite(row.value), row.figure
        assert f"| {row.figure} |" in report.markdown
