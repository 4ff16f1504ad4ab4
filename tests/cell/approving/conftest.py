"""Modules that share a desk whose jaw a person approves, and on which somebody writes orders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile_cell import hostile_wires
from running_cell import RunningCell
from shared_cell import SharedCell


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedCell]:
    """The desk that goes from module to module."""
    folder = tmp_path_factory.mktemp("maps")
    with SharedCell(lambda: hostile_wires(folder)) as desk:
        yield desk


@pytest.fixture(scope="module")
def cell(desk: SharedCell) -> RunningCell:
    """The desk, tidied up after the module before."""
    return desk.as_at_first()
