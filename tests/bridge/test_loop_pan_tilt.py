"""Dynamixel servos in the loop, in virtual time: the real check, tick and driver, a true world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from handrail_bridge.loop.state import Mode
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from loop_rig import Rig
from one_machine import Machine, arm, armed, begin, checked, ended


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("pan_tilt")


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture
def head(cell: Cell) -> Machine:
    return Machine(cell)


@pytest.fixture
def rig(checker: Checker, head: Machine) -> Iterator[Rig]:
    with armed(head, checker) as rig:
        yield rig


def test_a_plan_moves_it_as_the_check_saw_it(rig: Rig, checker: Checker, head: Machine) -> None:
    begin(rig, checker, {"tilt": -0.3}, {"pan": 1.2}, {"pan": 0.0, "tilt": 0.4})
    state = ended(rig)
    assert state.ended_completed, state.reason
    assert [head.at("pan"), head.at("tilt")] == pytest.approx([0.0, 0.4], abs=0.02)


def test_into_the_pole_is_refused(rig: Rig, checker: Checker) -> None:
    verdict = checked(rig, checker, {"tilt": 0.0}, {"pan": -0.9})
    assert [one.subject for one in verdict.violations] == ["head and pole"]


def test_a_servo_that_switches_itself_off_is_a_fault_until_it_is_reset_and_armed(
    rig: Rig, checker: Checker, head: Machine
) -> None:
    begin(rig, checker, {"tilt": -0.3}, {"pan": 1.2})
    rig.run(60)
    head.emulator.inject("overload", "tilt", 1)
    state = ended(rig)
    assert (state.mode, state.ended_completed) == (Mode.FAULT, False)
    assert "tilt" in state.reason
    rig.run(200)
    assert head.at("tilt") > 0.8  # it has no brake
    rig.ask("reset")
    rig.run(10)
    arm(rig, checker)
    begin(rig, checker, {"tilt": 0.0})
    assert ended(rig).ended_completed


def test_a_brownout_costs_torque_and_arming_writes_what_was_forgotten(
    rig: Rig, checker: Checker, head: Machine
) -> None:
    head.emulator.inject("brownout", "pan", 1)
    rig.until(lambda state: state.mode == Mode.FAULT, ticks=200)
    assert "torque" in rig.state.reason
    rig.ask("reset")
    arm(rig, checker)
    current = int.from_bytes(head.emulator.servos["pan"].read(102, 2)[1], "little")
    assert current == round(3.0 / 4.1 * 2.3 / 0.00269)  # of 3.0 N.m, goal current's unit
    begin(rig, checker, {"tilt": 0.2})
    assert ended(rig).ended_completed
