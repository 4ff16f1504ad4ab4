"""A gantry in the loop, in virtual time: the real check, tick and driver, the twin's true world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import DeviceFault, NotArmed
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from loop_rig import PlainBus, Rig
from one_machine import Machine, arm, armed, begin, checked, ended

SPEED, BRAKES = 0.05, 0.5  # m/s of an axis, m/s2 of the controller
TICK = 0.05  # s


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("gantry")


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture
def shop(cell: Cell) -> Machine:
    return Machine(cell)


@pytest.fixture
def rig(checker: Checker, shop: Machine) -> Iterator[Rig]:
    with armed(shop, checker) as rig:
        yield rig


def test_a_plan_moves_it_as_the_check_saw_it(rig: Rig, checker: Checker, shop: Machine) -> None:
    begin(rig, checker, {"x": 0.2, "y": 0.12}, {"z": -0.03}, {"z": -0.002, "x": 0.05})
    state = ended(rig)
    assert state.ended_completed, state.reason
    assert 0.0 < state.peak_slide_error < 0.005
    assert state.peak_following_error == 0.0
    found = [shop.at(joint) for joint in ("x", "y", "z")]
    assert found == pytest.approx([0.05, 0.12, -0.002], abs=0.001)


def test_through_the_clamp_is_refused(rig: Rig, checker: Checker) -> None:
    verdict = checked(rig, checker, {"x": 0.125, "y": 0.085}, {"z": -0.04})
    assert [(one.kind, one.subject) for one in verdict.violations] == [
        ("collision", "quill and clamp")
    ]


def test_a_stop_has_it_stand(rig: Rig, checker: Checker, shop: Machine) -> None:
    begin(rig, checker, {"x": 0.25})
    rig.run(40)
    before = shop.at("x")
    rig.control.raise_stop("test")
    rig.run(8)
    stood = shop.at("x")
    ramp = SPEED * rig.config.stop_time / 2
    assert 0 < stood - before < ramp + SPEED**2 / (2 * BRAKES) + 3 * SPEED * TICK
    rig.run(20)
    assert shop.at("x") == pytest.approx(stood, abs=2e-4)
    assert rig.state.mode == Mode.STOPPED


def test_a_limit_switch_is_a_fault_that_a_reset_and_homing_mend(
    rig: Rig, checker: Checker, shop: Machine
) -> None:
    begin(rig, checker, {"x": 0.25})
    rig.run(40)
    shop.emulator.inject("limit", "", 1)
    state = ended(rig)
    assert state.mode == Mode.FAULT
    assert not state.ended_completed
    assert "limit switch" in state.reason
    rig.ask("reset")
    with pytest.raises(DeviceFault, match="has to be homed"):
        arm(rig, checker)


def test_a_hold_at_the_machine_itself_ends_the_plan(
    rig: Rig, checker: Checker, shop: Machine
) -> None:
    """Somebody presses feed hold on its panel: nothing goes on when it is let go."""
    begin(rig, checker, {"x": 0.25})
    rig.run(40)
    shop.write(b"!")
    state = ended(rig)
    assert state.mode == Mode.FAULT
    stood = shop.at("x")
    shop.write(b"~")
    rig.run(20)
    assert shop.at("x") == pytest.approx(stood, abs=1e-3)
    rig.ask("reset")
    arm(rig, checker)
    begin(rig, checker, {"x": 0.1})
    assert ended(rig).ended_completed


def test_a_stop_ends_homing_though_the_cell_is_not_armed(cell: Cell, checker: Checker) -> None:
    machine = cell.devices["machine"]
    settings = {**machine.settings, "homing": "when armed"}
    devices = {"machine": machine.model_copy(update={"settings": settings})}
    other = cell.model_copy(update={"devices": devices})
    shop = Machine(other)
    shop.emulator.power_cycle()
    rig = Rig(loop_configs(other, {})[0], shop.bus, shop.live)
    with pytest.raises(DeviceFault, match="limit switches"):
        arm(rig, checker)
    rig.run(20)
    before = shop.at("x")
    rig.run(20)
    assert shop.at("x") > before + 0.01
    rig.control.raise_stop("test")
    rig.run(3)
    stood = shop.at("x")
    rig.run(20)
    assert shop.at("x") == pytest.approx(stood, abs=5e-4)
    with pytest.raises(NotArmed):
        arm(rig, checker)
    rig.close()


def test_what_holds_an_axis_back_nobody_sees(rig: Rig, checker: Checker, shop: Machine) -> None:
    """The controller counts steps: docs/safety.md says so, and this that it is still so."""
    shop.truth.jam("x")
    begin(rig, checker, {"x": 0.1})
    assert ended(rig).ended_completed
    assert shop.at("x") < 0.03


@pytest.mark.parametrize(("off", "mode"), [(0.010, Mode.ARMED), (0.020, Mode.FAULT)])
def test_what_slides_has_a_tube_in_metres_at_rest(cell: Cell, off: float, mode: Mode) -> None:
    config = loop_configs(cell, {})[0]
    bus = PlainBus(config.joints)
    bus.position = [0.02, 0.02, -0.002]
    rig = Rig(config, lambda: bus)
    bus.now = rig.clock.now_ns
    rig.run(1)
    rig.ask("arm", hold=bus.position)
    bus.stuck = {"x": off}
    rig.run(1)
    assert rig.state.mode == mode, rig.state.reason
    assert mode == Mode.ARMED or "x is 0.020 m from" in rig.state.reason
    rig.close()
