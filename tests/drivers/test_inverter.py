"""The axis that an inverter drives: it follows, it stops by itself, it gets no power unwatched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from handrail_drivers.errors import InvalidCell, ModbusFault, ModbusSilent
from handrail_drivers.inverter.driver import Inverter, InverterSettings
from handrail_drivers.inverter.fault_codes import spoken
from handrail_drivers.inverter.power import Power, power_of
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Request, Table
from handrail_drivers.modbus.unit import answer
from handrail_sim.cell_file import SHIPPED
from handrail_sim.twin import inverter as twin

MAP = SHIPPED / "cells" / "maps" / "inverter.toml"
STEP = 0.002  # s
TICK = 0.02  # s
MASS, DRAG = 1.5, 4.0  # kg, N.s/m


class Belt:
    """An inverter and its belt in virtual time, at the end of a line without a wire."""

    def __init__(self) -> None:
        self.inverter = twin.Inverter()
        self.now_ns = 0
        self.position = self.speed = 0.0
        self.jammed = False
        self.dead = False
        self.lost = 0  # writes that do not arrive
        self.asked: list[bytes] = []

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            (force,) = self.inverter.step((self.position,), (self.speed,), STEP)
            self.speed += (force - DRAG * self.speed) / MASS * STEP
            self.speed = 0.0 if self.jammed else self.speed
            self.position += self.speed * STEP
            self.now_ns += round(STEP * 1e9)

    def ask(self, request: Request, **_: Any) -> bytes:
        if self.dead:
            raise ModbusSilent("It does not answer.")
        if request.writes and self.lost:
            self.lost -= 1
            raise ModbusSilent("It does not answer.")
        self.asked.append(request.body)
        said = answer(request.body, self.inverter)
        assert frames.answers(request, said)
        return said

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def belt() -> Belt:
    return Belt()


@pytest.fixture
def axis(belt: Belt) -> Inverter:
    return opened(belt)


def opened(belt: Belt, **changes: Any) -> Inverter:
    settings = InverterSettings(map=MAP, tcp="127.0.0.1:1", joint="belt", **changes)
    line: Any = belt
    made = Inverter("drive", settings, line, lambda: belt.now_ns)
    made.connect()
    return made


def follow(belt: Belt, axis: Inverter, path: Callable[[float], float], seconds: float) -> float:
    """Tick as the loop does; return the worst following error [m]."""
    worst, begin = 0.0, belt.now_ns
    while (passed := (belt.now_ns - begin) * 1e-9) < seconds:
        axis.read()
        axis.write((path(passed),))
        belt.live(TICK)
        worst = max(worst, abs(path(passed) - belt.position))
    return worst


def test_it_follows_a_path_and_stands_at_its_end(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    assert follow(belt, axis, lambda t: min(0.1 * t, 0.2), 4.0) < 0.02
    assert belt.position == pytest.approx(0.2, abs=0.001)
    assert axis.read().velocity[0] == pytest.approx(0.0, abs=0.0005)


def test_a_stop_stands_soon_and_holds(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    follow(belt, axis, lambda t: 0.1 * t, 1.0)
    axis.stop()
    before = belt.position
    belt.live(0.25)
    assert belt.position - before < 0.015
    assert belt.speed == pytest.approx(0.0, abs=0.002)
    assert axis.read_hold().torque_enabled == (True,)


def test_nobody_speaks_any_more_and_it_stops_by_itself(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    follow(belt, axis, lambda t: 0.1 * t, 1.0)
    before = belt.position
    belt.live(2.0)
    assert belt.speed == pytest.approx(0.0, abs=0.001)
    assert belt.position - before < 0.1 * (0.3 + 0.2)
    axis.read()
    assert axis.faults() == {"belt": ("inverter fault 0x8130, nobody speaks to it any more",)}
    # Only a reset leads out of it.
    with pytest.raises(ModbusFault, match="inverter fault 0x8130"):
        axis.set_torque(True)
    axis.reset()
    axis.read()
    assert axis.faults() == {}
    axis.set_torque(True)
    assert follow(belt, axis, lambda _: belt.position, 0.2) < 0.001


def test_where_setpoints_end_it_stands_though_it_is_read(belt: Belt, axis: Inverter) -> None:
    """Reading alone keeps the inverter's own timeout from running out."""
    axis.set_torque(True)
    follow(belt, axis, lambda t: 0.1 * t, 1.0)
    for _ in range(50):
        axis.read()
        belt.live(TICK)
    assert belt.speed == pytest.approx(0.0, abs=0.001)
    assert belt.position < 0.1 + 0.1 * 0.3
    assert axis.faults() == {}


def test_what_is_pushed_while_it_stands_is_held_where_it_is(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    follow(belt, axis, lambda t: min(0.1 * t, 0.1), 2.0)
    assert axis.read_hold().goal == (pytest.approx(0.1),), "somebody tells it to be there"
    for _ in range(50):  # disarmed: no setpoint comes
        axis.read()
        belt.live(TICK)
    belt.position -= 0.01
    belt.live(TICK)
    assert axis.read_hold().goal == axis.read().position


def test_it_is_told_to_stand_until_it_confirms(belt: Belt, axis: Inverter) -> None:
    """What is lost on the way is no reason to believe that it stands."""
    axis.set_torque(True)
    follow(belt, axis, lambda t: 0.1 * t, 1.0)
    belt.lost = 5
    for _ in range(50):
        with contextlib.suppress(ModbusSilent):
            axis.read()
        belt.live(TICK)
    assert belt.lost == 0
    assert belt.speed == pytest.approx(0.0, abs=0.001)


def test_after_a_write_that_was_lost_the_next_one_says_stand(belt: Belt, axis: Inverter) -> None:
    """The loop goes on along its path to a stop, which may never be heard as a whole."""
    axis.set_torque(True)
    follow(belt, axis, lambda t: 0.1 * t, 1.0)
    belt.lost = 1
    with pytest.raises(ModbusSilent):
        axis.write((0.15,))
    axis.write((0.16,))
    assert belt.inverter.read(Table.HOLDING, twin.TARGET, 1) == [0]
    axis.write((0.17,))
    assert belt.inverter.read(Table.HOLDING, twin.TARGET, 1) != [0]


def test_what_somebody_else_has_begun_stands_once_we_are_there(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    follow(belt, axis, lambda t: 0.1 * t, 1.0)
    anew = opened(belt)
    before = belt.position
    for _ in range(50):
        anew.read()
        belt.live(TICK)
    assert belt.position - before < 0.02


def test_power_that_is_gone_is_told_at_once(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    belt.inverter.power_cycle()
    axis.read()
    assert axis.faults() == {"belt": ("inverter: switch on disabled",)}
    axis.reset()  # by the operator, who can arm it again
    axis.read()
    assert axis.faults() == {}


def test_its_own_timeout_is_set_and_read_back(belt: Belt) -> None:
    opened(belt, communication_loss=0.2)
    assert belt.inverter.read(Table.HOLDING, twin.TIMEOUT, 1) == [20]
    body = frames.read(1, Table.HOLDING, twin.TIMEOUT, 1).body
    assert body in belt.asked, "written is not known until it is read"


@pytest.mark.parametrize("found", [0, 31, 1000])
def test_without_its_own_timeout_it_gets_no_power(belt: Belt, axis: Inverter, found: int) -> None:
    """A dead loop must not leave a belt running."""
    belt.inverter.write(Table.HOLDING, twin.TIMEOUT, [found])
    with pytest.raises(ModbusFault, match="gets no power") as refused:
        axis.set_torque(True)
    assert refused.value.field == "communication_loss"
    assert axis.read_hold().torque_enabled == (False,)


def test_one_that_has_power_loses_it_where_its_timeout_is_gone(belt: Belt, axis: Inverter) -> None:
    """Disarmed, it keeps its power; its timeout is changed at its panel; it is armed again."""
    axis.set_torque(True)
    belt.inverter.write(Table.HOLDING, twin.TIMEOUT, [0])
    with pytest.raises(ModbusFault, match="gets no power"):
        axis.set_torque(True)
    assert axis.read_hold().torque_enabled == (False,)


def test_after_a_power_failure_it_has_to_be_connected_anew(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    belt.inverter.power_cycle()
    assert not axis.read_health("belt").torque_enabled
    with pytest.raises(ModbusFault, match="gets no power"):
        axis.set_torque(True)
    axis.connect()
    axis.set_torque(True)


def test_a_jam_is_a_fault_that_is_named(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    belt.jammed = True
    follow(belt, axis, lambda t: 0.2 * t, 2.0)
    jam = "inverter fault 0x2310, continuous overcurrent at its output"
    assert axis.faults() == {"belt": (jam,)}


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        (0x3210, "0x3210, overvoltage of its DC link"),
        (0x3211, "0x3211, overvoltage of its DC link"),  # number 1 of several
        (0x2350, "0x2350, current at its output"),
        (0x4999, "0x4999, temperature"),
        (0x0012, "0x0012, unknown, perhaps the vendor's own"),
    ],
)
def test_a_code_that_is_not_known_is_told_by_its_group(code: int, meant: str) -> None:
    assert spoken(code) == meant


def test_power_off_lets_it_coast(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    follow(belt, axis, lambda t: 0.1 * t, 1.0)
    axis.set_torque(False)
    belt.live(0.1)
    assert belt.inverter.step((0.0,), (belt.speed,), STEP) == (0.0,)


def test_a_silent_inverter_is_named(belt: Belt, axis: Inverter) -> None:
    belt.dead = True
    for act in (axis.read, axis.stop, lambda: axis.write((0.0,))):
        with pytest.raises(ModbusSilent, match="drive"):
            act()


def test_a_map_that_lacks_something_is_refused(belt: Belt, tmp_path: Path) -> None:
    short = tmp_path / "short.toml"
    short.write_text(MAP.read_text().replace("[registers.ramp]", "[registers.slope]"))
    settings = InverterSettings(map=short, tcp="127.0.0.1:1", joint="belt")
    line: Any = belt
    with pytest.raises(InvalidCell, match="lacks ramp"):
        Inverter("drive", settings, line)
    short.write_text(MAP.read_text().replace("low = -0.3\n", ""))
    with pytest.raises(InvalidCell, match="on one side at most"):
        Inverter("drive", settings, line)


def test_a_speed_beyond_its_map_is_bounded(belt: Belt, axis: Inverter) -> None:
    axis.set_torque(True)
    axis.read()
    axis.write((1.0,))
    axis.write((-1.0,))
    raw = belt.inverter.read(Table.HOLDING, twin.TARGET, 1)[0]
    assert raw - 0x10000 == -3000


def test_every_state_has_a_word_of_its_own() -> None:
    assert {power_of(word) for word in twin.WORDS.values()} == set(Power)
    assert all(power_of(word) == state for state, word in twin.WORDS.items())
