"""Every class of fault in mid-motion, judged by the world: the arm stands and stays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_bridge.bench.faults.classes import Fault, faults
from handrail_bridge.bench.faults.trial import recover, trial
from handrail_bridge.bench.faults.watched_cell import watched
from handrail_bridge.loop.state import Mode
from handrail_sim.cell_file import load_cell
from running_cell import RunningCell

PATIENCE = 10.0  # s beyond the deadline: the machine has other things to do
ON = 0.5  # rad that it may go on meanwhile; where it was to go lies farther off
MOVING = 0.3  # rad/s, at the least, when it struck
NAMES = [fault.name for fault in faults(load_cell("desk"))]
LONG_ROUNDS = 10
# A killed bridge is in test_kill, a killed loop in test_loop_process, a killed client in test_mcp;
# the rest is tried in the loop alone, and all in the long rounds.
QUICK = ("bus pulled",)


@pytest.fixture(scope="module")
def seeing_cell(cell: RunningCell) -> Iterator[RunningCell]:
    """The cell with a bridge that moves it only while its camera sees; at home and armed."""
    plain = cell.cell
    cell.down()
    cell.cell = str(watched(cell.folder / "watched_desk.toml", Path(plain)))
    cell.up()
    recover(cell)
    assert cell.move("arm_home").completed
    yield cell
    cell.down()
    cell.cell = plain  # whose bridge the next module starts


def fault_of(cell: RunningCell, name: str) -> Fault:
    """The class of that name, with this cell's times."""
    return next(fault for fault in faults(load_cell(cell.cell)) if fault.name == name)


def assert_ends_as_meant(cell: RunningCell, fault: Fault, at: random.Random) -> None:
    outcome = trial(cell, load_cell(cell.cell), fault, at, PATIENCE)
    assert outcome.stop.speed > MOVING
    if not fault.is_borne:
        assert outcome.stood, outcome.stop
        assert outcome.stop.travel < fault.travel(load_cell(cell.cell)) + ON
    assert outcome.resumed < fault.shift, "it moved by itself once the fault was over"
    assert outcome.after.reason or fault.mode == Mode.ARMED
    assert outcome.is_meant(fault), outcome


@pytest.mark.parametrize("name", QUICK)
def test_after_a_fault_the_arm_stands_until_an_operator_says_otherwise(
    cell: RunningCell, name: str
) -> None:
    assert_ends_as_meant(cell, fault_of(cell, name), random.Random(name))


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_and_so_it_is_at_any_moment_of_the_motion(seeing_cell: RunningCell, name: str) -> None:
    at = random.Random(name)
    for _ in range(LONG_ROUNDS):
        assert_ends_as_meant(seeing_cell, fault_of(seeing_cell, name), at)
