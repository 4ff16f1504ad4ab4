"""The Grbl driver on the twin's controller: follows, stops by a feed hold, homes only if it may."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from drivers.gantry import Wire, arm, machine
from handrail_drivers.errors import DeviceFault, DeviceGarbled, DeviceSilent, InvalidValue, NotReady
from handrail_drivers.grbl import words
from handrail_drivers.grbl.driver import Grbl
from handrail_drivers.grbl.words import State, report_of
from handrail_sim.twin import grbl_controller
from hypothesis import given
from hypothesis import strategies as st

TICK = 0.05  # s
SPEED, RAMP = 0.05, 0.15  # m/s, m/s2: of the gantry cell
BRAKES = 0.5  # m/s2, of the controller
START = (0.02, 0.02, 0.0)


@pytest.fixture
def armed() -> tuple[Grbl, Wire]:
    driver, wire = machine()
    driver.connect()
    driver.set_torque(True)
    return driver, wire


def tick(driver: Grbl, wire: Wire, goal: tuple[float, ...]) -> tuple[float, ...]:
    """One tick of a loop; return where the machine says that it is."""
    wire.live(TICK)
    position = driver.read().position
    driver.write(goal)
    return position


def ramp(way: float) -> Callable[[float], float]:
    """A motion of a length [m], by time [s]: a trapezoid of speed."""
    rise = SPEED / RAMP

    def at(time: float) -> float:
        if time < rise:
            return RAMP * time**2 / 2
        return min(way, SPEED * (time - rise / 2))

    return at


def follow(driver: Grbl, wire: Wire, seconds: float) -> list[float]:
    """Have x and y follow a motion; return how far it was behind, by tick [m]."""
    at = ramp(0.1)
    behind = []
    for n in range(round(seconds / TICK)):
        way = at(n * TICK)
        goal = (START[0] + way, START[1] + way / 2, 0.0)
        position = tick(driver, wire, goal)
        behind.append(math.dist(goal, position))
    return behind


def test_it_follows_setpoints_closely_and_ends_at_the_last(armed: tuple[Grbl, Wire]) -> None:
    driver, wire = armed
    behind = follow(driver, wire, 4.0)
    path = math.hypot(SPEED, SPEED / 2)
    assert max(behind) < path * 2.5 * TICK + path**2 / (2 * BRAKES)
    assert driver.read().position == pytest.approx((0.12, 0.07, 0.0), abs=1e-5)
    assert wire.emulator.axes == pytest.approx([0.12, 0.07, 0.0], abs=1e-5)


def test_it_moves_as_evenly_as_it_is_asked_to(armed: tuple[Grbl, Wire]) -> None:
    driver, wire = armed
    at, speeds = ramp(0.1), []
    for n in range(40):
        tick(driver, wire, (START[0] + at(n * TICK), START[1], 0.0))
        speeds.append(driver.read().velocity[0] or wire.emulator.controller._planner.speed / 1000)
    steady = speeds[20:36]
    assert max(steady) - min(steady) < 0.2 * SPEED


def test_a_setpoint_that_stays_tells_nothing(armed: tuple[Grbl, Wire]) -> None:
    driver, wire = armed
    follow(driver, wire, 4.0)
    wire.sent = b""
    for _ in range(3):
        tick(driver, wire, (0.12, 0.07, 0.0))
    assert wire.sent == b"???"


def test_a_stop_is_a_feed_hold_and_nothing_begins_until_it_is_armed(
    armed: tuple[Grbl, Wire],
) -> None:
    driver, wire = armed
    at = ramp(0.1)
    for n in range(20):
        tick(driver, wire, (START[0] + at(n * TICK), START[1], 0.0))
    before = wire.emulator.axes[0]
    driver.stop()
    assert b"!" in wire.sent
    stood = wire.emulator.axes[0]
    assert 0 < stood - before < SPEED**2 / (2 * BRAKES) + 0.001
    assert wire.emulator.controller.state is State.HOLD
    for _ in range(5):
        tick(driver, wire, (0.2, 0.02, 0.0))
    assert wire.emulator.axes[0] == pytest.approx(stood, abs=1e-6)
    assert "Hold" in driver.faults()["x"][0]
    driver.reset()
    assert driver.faults() == {}
    driver.set_torque(True)
    assert driver.read().position[0] == pytest.approx(stood, abs=1e-5)  # it knows where it is
    tick(driver, wire, (0.2, 0.02, 0.0))
    wire.live(5.0)
    assert wire.emulator.axes[0] == pytest.approx(0.2, abs=1e-5)


def test_held_where_it_is_it_does_not_go_on_to_what_it_was_told(armed: tuple[Grbl, Wire]) -> None:
    driver, wire = armed
    at = ramp(0.2)
    for n in range(30):
        tick(driver, wire, (START[0] + at(n * TICK), START[1], 0.0))
    here = driver.read().position
    brakes = SPEED * TICK + SPEED**2 / (2 * BRAKES)  # it hears of it a tick later
    farthest = here[0]
    for _ in range(20):
        farthest = max(farthest, tick(driver, wire, here)[0])
    assert farthest - here[0] < brakes + 0.001
    assert b"\x85" in wire.sent
    assert driver.read().position == pytest.approx(here, abs=1e-5)


def test_a_loop_that_dies_leaves_nothing_moving(armed: tuple[Grbl, Wire]) -> None:
    driver, wire = armed
    at = ramp(0.1)
    for n in range(20):
        tick(driver, wire, (START[0] + at(n * TICK), START[1], 0.0))
    wire.live(0.5)
    stood = wire.emulator.axes[0]
    assert stood == pytest.approx(START[0] + at(19 * TICK), abs=1e-5)
    wire.live(5.0)
    assert wire.emulator.axes[0] == stood


def test_what_is_beyond_its_travel_is_refused_by_the_driver_and_by_the_machine(
    armed: tuple[Grbl, Wire],
) -> None:
    driver, wire = armed
    with pytest.raises(InvalidValue) as refused:
        tick(driver, wire, (0.3, 0.02, 0.0))
    assert (refused.value.field, refused.value.unit) == ("x", "m")
    with pytest.raises(DeviceFault, match="beyond its travel") as by_it:
        driver._line.ask(words.jog({"X": 0.02}, 0.01))
    assert by_it.value.value == 15
    assert wire.emulator.axes == list(START)


@pytest.mark.parametrize(("number", "value"), [(1, 25), (10, 0), (13, 1), (20, 0), (22, 0)])
def test_a_machine_that_is_set_up_otherwise_is_refused(
    number: int, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(grbl_controller.SETTINGS, number, value)
    driver, _ = machine()
    with pytest.raises(DeviceFault) as refused:
        driver.connect()
    assert refused.value.field == f"${number}"


def test_another_device_is_told_from_it() -> None:
    driver, wire = machine()
    wire.emulator.inject("garble", "", 5)
    with pytest.raises(DeviceGarbled):
        driver.connect()
    wire.emulator.inject("garble", "", 0)
    driver.connect()


def test_a_machine_that_was_off_wants_to_be_homed_which_no_plan_checks(
    armed: tuple[Grbl, Wire],
) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    wire.emulator.power_cycle()
    here = list(wire.emulator.axes)
    tick(driver, wire, (0.2, 0.02, 0.0))
    assert "alarm" in driver.faults()["x"][0]
    driver.reset()
    driver.connect()
    with pytest.raises(DeviceFault, match="has to be homed"):
        driver.set_torque(True)
    wire.live(5.0)
    assert wire.emulator.axes == here


def homing() -> tuple[Grbl, Wire]:
    driver, wire = machine(homing="when armed")
    wire.emulator.power_cycle()
    driver.connect()
    with pytest.raises(NotReady):
        driver.set_torque(True)
    wire.live(1.0)
    return driver, wire


def test_homing_is_begun_by_arming_where_the_cell_allows_it() -> None:
    driver, wire = homing()
    with pytest.raises(NotReady):
        driver.set_torque(True)
    wire.live(60.0)
    driver.set_torque(True)
    assert driver.read().position == pytest.approx((0.284, 0.174, 0.003), abs=1e-5)
    assert wire.emulator.axes == pytest.approx([0.284, 0.174, 0.003], abs=1e-5)


def test_one_that_greets_as_its_port_is_opened_can_be_armed() -> None:
    driver, wire = machine(boot=2.5, homing="when armed")
    wire.begin()
    driver.connect()
    with pytest.raises(NotReady):
        arm(driver)
    wire.live(60.0)
    arm(driver)
    assert driver.faults() == {}


def test_one_that_does_not_greet_is_waited_for_again() -> None:
    driver, wire = machine(boot=2.5)
    with pytest.raises(DeviceSilent):
        driver.connect()
    assert wire.now > 2.5
    wire.begin()
    driver.connect()


def test_lost_steps_are_seen_by_nobody_and_mended_by_homing() -> None:
    driver, wire = machine(homing="when armed")
    driver.connect()
    driver.set_torque(True)
    wire.emulator.held.add(0)
    follow(driver, wire, 4.0)
    assert driver.read().position[0] == pytest.approx(0.12, abs=1e-5)  # so it says
    assert wire.emulator.axes[0] == START[0]
    wire.emulator.held.clear()
    wire.emulator.power_cycle()
    driver.connect()
    with pytest.raises(NotReady):
        driver.set_torque(True)
    wire.live(60.0)
    driver.set_torque(True)
    assert driver.read().position == pytest.approx(tuple(wire.emulator.axes), abs=1e-5)


@pytest.mark.parametrize("end", ["stop", "close"])
def test_homing_ends_with_a_stop_and_with_its_driver(end: str) -> None:
    driver, wire = homing()
    getattr(driver, end)()
    stood = list(wire.emulator.axes)
    wire.live(5.0)
    assert wire.emulator.axes == pytest.approx(stood, abs=1e-4)
    assert wire.emulator.controller.state is State.ALARM


def test_a_limit_switch_locks_it_until_it_is_reset_and_homed(armed: tuple[Grbl, Wire]) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    wire.emulator.inject("limit", "", 1)
    driver._line.pause(0.0)
    wire.emulator.controller.said.insert(0, "")
    with pytest.raises(DeviceFault):
        driver.read()
    driver.reset()
    assert wire.emulator.controller.state is State.ALARM
    with pytest.raises(DeviceFault, match="has to be homed"):
        driver.set_torque(True)


def test_without_torque_its_steppers_are_free_and_it_forgets_where_it_is(
    armed: tuple[Grbl, Wire],
) -> None:
    driver, wire = armed
    driver.set_torque(False)
    assert wire.emulator.outputs()["asleep"] == 1.0
    assert not any(driver.read_hold().torque_enabled)
    with pytest.raises(DeviceFault, match="has to be homed"):
        driver.set_torque(True)


@given(st.text())
def test_any_line_is_a_report_or_none(text: str) -> None:
    report = report_of(text)
    assert report is None or text.startswith("<")


@given(st.tuples(*[st.floats(-300, 300).map(lambda value: round(value, 3))] * 3))
def test_a_report_is_read_as_it_was_said(place: tuple[float, float, float]) -> None:
    said = ",".join(f"{value:.3f}" for value in place)
    report = report_of(f"<Hold:1|MPos:{said}|Bf:15,128|FS:0,0|Ov:100,100,100>")
    assert report is not None
    assert (report.state, report.part, report.stands) == (State.HOLD, 1, False)
    assert report.position == pytest.approx([value / 1000 for value in place])
