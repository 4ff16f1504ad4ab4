"""Fixtures of whole cells."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_sim.twin.launch import Twin
from running_cell import RunningCell


@pytest.fixture(scope="module")
def wires() -> Iterator[RunningCell]:
    """The twin alone."""
    folder = Path(tempfile.mkdtemp(prefix="hr-"))  # short: Unix socket paths are
    with Twin.start("desk", seed=7) as twin:
        cell = RunningCell(twin, folder)
        yield cell
        if cell.bridge is not None:
            assert cell.down() == 0
        cell.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cell(wires: RunningCell) -> RunningCell:
    """The twin with a bridge on its wires."""
    wires.up()
    return wires
