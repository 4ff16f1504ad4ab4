"""Fixtures of whole cells: each module here has one of its own; those of a folder share theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from running_cell import RunningCell, twin_and_wires
from waiting import until


@pytest.fixture(scope="module")
def wires() -> Iterator[RunningCell]:
    """The twin alone."""
    with twin_and_wires() as cell:
        yield cell


@pytest.fixture(scope="module")
def cell(wires: RunningCell) -> RunningCell:
    """The twin with a bridge on its wires."""
    wires.up()
    return wires


@pytest.fixture
async def armed(cell: RunningCell) -> RunningCell:
    """The cell, armed and at rest."""
    await cell.arm()
    await asyncio.to_thread(until, cell.stands)
    return cell
