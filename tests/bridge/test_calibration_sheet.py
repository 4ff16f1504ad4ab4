"""Targets on paper: all their dark cells, once each, at true scale."""

from __future__ import annotations

import re

import numpy as np
import pytest
from handrail_bridge.calibration import seeing, sheet
from handrail_bridge.calibration.targets import Board, Tag, dark
from handrail_bridge.cli.main import app
from handrail_drivers.errors import InvalidValue
from typer.testing import CliRunner

BOARD, TAG = Board(), Tag(0.06)


@pytest.mark.parametrize("target", [BOARD, TAG, Board(5, 7, 0.02), Tag(0.04, 7)])
def test_rectangles_are_the_targets_dark_cells(target):
    cells = seeing.cells(target)
    again = np.zeros_like(cells, int)
    for one in dark(cells, 1.0):
        x, y, wide, high = (round(edge) for edge in one)
        again[y : y + high, x : x + wide] += 1
    assert (again == cells).all(), "not all, or some twice"


def test_a_printed_page_has_the_target_at_true_scale():
    cells = seeing.cells(BOARD)
    page = sheet.pdf(cells, BOARD.cell, "a board (of mine)")
    paper = [float(edge) for edge in re.search(rb"MediaBox \[0 0 (\S+) (\S+)\]", page).groups()]
    assert paper == pytest.approx([297 / 25.4 * 72, 210 / 25.4 * 72], abs=0.01)  # lying A4
    found = np.array([[float(n) for n in one.split()[:4]] for one in rectangles(page)])
    low, high = found[:, :2].min(axis=0), (found[:, :2] + found[:, 2:]).max(axis=0)
    rows, columns = np.nonzero(cells)
    wide = (np.ptp(columns) + 1) * BOARD.cell
    assert (high - low)[0] * 0.0254 / 72 == pytest.approx(wide, abs=1e-5)
    assert found[:, 2:].prod(axis=1).sum() * (0.0254 / 72) ** 2 == pytest.approx(
        cells.sum() * BOARD.cell**2, rel=1e-4
    )
    assert len(rows)
    for number in range(1, 6):  # readers find the objects by the table at the end
        place_ = int(re.findall(rb"(\d{10}) 00000 n", page)[number - 1])
        assert page[place_:].startswith(b"%d 0 obj" % number)


def rectangles(page):
    return re.findall(rb"(\S+ \S+ \S+ \S+) re f", page)


def test_a_target_that_does_not_fit_is_refused():
    with pytest.raises(InvalidValue, match="420 x 300 mm does not fit a4"):
        sheet.pdf(seeing.cells(Board(square=0.06)), Board(square=0.06).cell, "large")


def pages(*words):
    answer = CliRunner().invoke(app, ["calibrate", *map(str, words)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_pages_are_written(tmp_path):
    assert "7 x 5 squares of 30 mm" in pages("board", tmp_path / "board.pdf")
    assert "tag 3, 50 mm" in pages("tag", tmp_path / "tag.pdf", "--size", 0.05, "--number", 3)
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF-1.4")
