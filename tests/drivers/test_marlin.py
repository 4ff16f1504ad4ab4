"""The Marlin driver on the twin's controller: follows, stops at once, homes only if it may."""

from __future__ import annotations

import math

import pytest
from drivers.gantry import HOME, SWITCHES, Wire, marlin
from handrail_drivers.errors import DeviceFault, DeviceGarbled, InvalidValue, NotReady
from handrail_drivers.marlin import words
from handrail_drivers.marlin.driver import EARLY, LOOKS, Marlin

TICK = 0.05  # s
SPEED, RAMP = 0.05, 0.15  # m/s, m/s2: of the gantry cell
BEGINS = 0.1  # s later, as Marlin does
Place = tuple[float, ...]


@pytest.fixture
def armed() -> tuple[Marlin, Wire]:
    driver, wire = marlin()
    driver.connect()
    driver.set_torque(True)
    return driver, wire


def tick(driver: Marlin, wire: Wire, goal: Place) -> Place:
    """One tick of a loop; return where the machine says that it is."""
    wire.live(TICK)
    position = driver.read().position
    driver.write(goal)
    return position


def leave(time: float) -> Place:
    """Where a motion away from the switches is after so long [s]."""
    rise = SPEED / RAMP
    way = RAMP * time**2 / 2 if time < rise else min(0.1, SPEED * (time - rise / 2))
    return (HOME[0] - way, HOME[1] - way / 2, HOME[2])


def follow(driver: Marlin, wire: Wire, seconds: float) -> list[float]:
    """Have x and y follow a motion; return how far it was behind, by tick [m]."""
    goals = [leave(n * TICK) for n in range(round(seconds / TICK))]
    return [math.dist(goal, tick(driver, wire, goal)) for goal in goals]


def test_it_follows_setpoints_and_ends_at_the_last(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    behind = follow(driver, wire, 4.0)
    path = math.hypot(SPEED, SPEED / 2)
    assert max(behind) < path * (2.5 * TICK + BEGINS)
    assert max(behind[30:]) < path * 2.5 * TICK + path**2 / (2 * 0.5)
    end = (HOME[0] - 0.1, HOME[1] - 0.05, HOME[2])
    assert driver.read().position == pytest.approx(end, abs=1e-5)
    assert wire.emulator.axes == pytest.approx(end, abs=1e-5)


def test_a_loop_that_dies_leaves_nothing_moving(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    wire.live(0.5)
    stood = list(wire.emulator.axes)
    assert stood == pytest.approx(leave(1.0 - TICK), abs=1e-5)
    wire.live(5.0)
    assert wire.emulator.axes == stood


def test_a_stop_is_at_once_and_it_has_to_be_homed(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    before = wire.emulator.axes[0]
    driver.stop()
    assert b"M410\n" in wire.sent
    stood = list(wire.emulator.axes)
    assert stood[0] == pytest.approx(before, abs=0.002)
    for _ in range(40):
        tick(driver, wire, (0.2, 0.1, 0.0))
    assert wire.emulator.axes == pytest.approx(stood, abs=1e-6)
    driver.reset()
    with pytest.raises(NotReady):
        driver.set_torque(True)
    wire.live(20.0)
    driver.set_torque(True)
    assert wire.emulator.axes == pytest.approx(HOME, abs=1e-4)


def test_a_stop_where_it_stands_loses_nothing(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    follow(driver, wire, 4.0)
    driver.stop()
    wire.live(2.0)
    driver.set_torque(True)
    tick(driver, wire, (0.1, 0.1, 0.0))
    wire.live(20.0)
    assert wire.emulator.axes == pytest.approx((0.1, 0.1, 0.0), abs=1e-5)


def test_without_its_emergency_parser_it_is_read_and_not_armed() -> None:
    driver, wire = marlin()
    wire.emulator.controller.obeys_at_once = False
    driver.connect()
    assert driver.read().position == pytest.approx(SWITCHES, abs=1e-5)
    with pytest.raises(DeviceFault) as refused:
        driver.set_torque(True)
    assert refused.value.field == "EMERGENCY_PARSER"
    assert b"G28" not in wire.sent


def test_one_that_tells_where_it_will_be_is_found_out(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    wire.emulator.controller.tells_present = False
    for n in range(40):
        tick(driver, wire, leave(n * TICK))
        if driver.faults():
            break
    assert "M114_REALTIME" in driver.faults()["x"][0]
    assert n < 12 + EARLY
    stood = driver._follower.goal
    tick(driver, wire, leave(3.0))
    assert driver._follower.goal == stood


def test_coordinates_that_somebody_shifted_are_refused(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    wire.emulator.controller.shift = 10.0
    with pytest.raises(DeviceFault, match="shifted") as refused:
        driver.read()
    assert refused.value.field == "X"


def test_with_them_it_is_not_armed_though_homing_has_just_moved_it() -> None:
    driver, wire = marlin()
    driver.connect()
    wire.emulator.controller.shift = 0.5
    with pytest.raises(DeviceFault, match="shifted"):
        driver.set_torque(True)


def test_those_that_somebody_shifts_while_it_moves_are_refused_once_it_stands(
    armed: tuple[Marlin, Wire],
) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    wire.emulator.controller.shift = 0.05
    tick(driver, wire, leave(1.0))  # no more than it may have gone on by, while it was printed
    wire.live(1.0)
    for _ in range(LOOKS - 1):
        driver.read()
    with pytest.raises(DeviceFault, match="shifted"):
        driver.read()


@pytest.mark.parametrize(("ticks", "way"), [(7, 0.004), (9, 0.002), (10, 0.002)])
def test_it_is_read_while_it_turns_round(
    armed: tuple[Marlin, Wire], ticks: int, way: float
) -> None:
    """Places and steps of a report are of two moments."""
    driver, wire = armed
    for n in range(200):
        part = n % ticks / ticks
        tick(driver, wire, (HOME[0] - 0.03 - way * min(part, 1 - part) * 2, *HOME[1:]))
        driver.read_health("x")
    assert driver.faults() == {}


def test_what_moves_as_it_is_connected_to_is_brought_to_a_stand(
    armed: tuple[Marlin, Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    wire.write(b"G1 X100 Y50\n")  # somebody else's
    wire.discard_input()
    wire.live(0.5)
    answer = wire.write

    def write(data: bytes) -> None:
        wire.live(0.01)  # a line takes time
        answer(data)

    monkeypatch.setattr(wire, "write", write)
    driver.connect()
    stood = list(wire.emulator.axes)
    wire.live(2.0)
    assert wire.emulator.axes == pytest.approx(stood, abs=1e-6)
    assert stood[0] > 0.2  # on its way


def test_what_is_beyond_its_travel_is_refused(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    with pytest.raises(InvalidValue) as refused:
        tick(driver, wire, (0.3, 0.02, 0.0))
    assert (refused.value.field, refused.value.unit) == ("x", "m")


def test_a_halted_one_says_so_until_it_is_reset(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    wire.emulator.inject("limit", "", 1)
    wire._said = wire.emulator._spoken()
    with pytest.raises(DeviceFault, match="halted"):
        driver.read()
    assert "halted" in driver.faults()["x"][0]
    wire.begin()
    driver.connect()
    assert "homed" in driver._complaint()
    driver.set_torque(True)  # it stands at its switches, and finds them at once
    assert driver.faults() == {}


def test_one_that_began_anew_unseen_follows_nothing(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    wire.emulator.power_cycle()
    wire.emulator.controller.said.clear()  # its greeting was lost
    with pytest.raises(DeviceFault):
        driver.read()
    driver.read()
    assert "homed" in driver.faults()["x"][0]
    assert not any(driver.read_hold().torque_enabled)


def test_somebody_who_stops_it_at_the_machine_ends_it(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    follow(driver, wire, 1.0)
    wire.write(words.QUICK_STOP)
    wire._said = b""
    for _ in range(16):
        tick(driver, wire, leave(1.0))
    assert "held" in driver.faults()["x"][0]


def test_a_line_that_broke_is_sent_once_more(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    broken = [True]
    whole = wire.write

    def write(data: bytes) -> None:
        if broken.pop() if broken else False:
            data = data.replace(b"M114", b"M115")
        whole(data)

    wire.write, wire.sent = write, b""  # type: ignore[method-assign]
    assert driver.read().position == pytest.approx(HOME, abs=1e-5)
    assert [line.split()[1][:4] for line in wire.sent.splitlines()] == [b"M115", b"M114"]
    assert driver.read().position == pytest.approx(HOME, abs=1e-5)


def test_garbage_is_refused_and_the_next_answer_understood(armed: tuple[Marlin, Wire]) -> None:
    driver, wire = armed
    wire.emulator.inject("garble", "", 1)
    with pytest.raises(DeviceGarbled):
        driver.read()
    assert driver.read().position == pytest.approx(HOME, abs=1e-5)
