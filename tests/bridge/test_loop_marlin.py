"""A gantry behind Marlin in the loop, in virtual time: homed by arming, moved, stopped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from handrail_bridge.loop.state import Mode
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from loop_rig import Rig
from one_machine import Machine, armed, begin, ended

SPEED = 0.05  # m/s of an axis
TICKS = 20  # a second
BEGINS = 0.1  # s later than Grbl
FLOOR = 0.006 + SPEED * BEGINS  # m of the tube: the gantry's, and what is made up for meanwhile


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("gantry_marlin")


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture(scope="module")
def shop(cell: Cell) -> Machine:
    return Machine(cell)


@pytest.fixture
def rig(checker: Checker, shop: Machine) -> Iterator[Rig]:
    with armed(shop, checker) as rig:
        yield rig


def test_a_plan_moves_it_as_the_check_saw_it(rig: Rig, checker: Checker, shop: Machine) -> None:
    assert shop.at("x") == pytest.approx(0.279, abs=0.001)
    begin(rig, checker, {"x": 0.2, "y": 0.15}, {"z": -0.03}, {"z": -0.002, "x": 0.25})
    state = ended(rig)
    assert state.ended_completed, state.reason
    assert state.peak_slide_error < FLOOR
    found = [shop.at(joint) for joint in ("x", "y", "z")]
    assert found == pytest.approx([0.25, 0.15, -0.002], abs=0.001)


def test_a_stop_has_it_stand_by_its_own_ramp(rig: Rig, checker: Checker, shop: Machine) -> None:
    shop.heard.clear()
    begin(rig, checker, {"x": 0.2})
    rig.run(20)
    before = shop.at("x")
    rig.control.raise_stop("test")
    rig.run(12)
    stood = shop.at("x")
    ramp = SPEED * rig.config.stop_time / 2
    assert 0 < before - stood < ramp + SPEED * (BEGINS + 3 / TICKS)
    rig.run(20)
    assert shop.at("x") == pytest.approx(stood, abs=2e-4)
    assert rig.state.mode == Mode.STOPPED
    assert b"M410" not in shop.heard  # nothing but the plan's own end was needed
