"""Whose turn it is on a line, and how long who is silent is left alone."""

from __future__ import annotations

import re
import threading
import time

import pytest
from handrail_drivers.errors import ModbusSilent
from handrail_drivers.modbus import frames, pause
from handrail_drivers.modbus.frames import Request, Table
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.turns import Turns
from waiting import until

READ = frames.read(1, Table.HOLDING, 0, 1)


def await_waiting(turns: Turns, count: int) -> None:
    until(lambda: turns.waiting >= count)


def served(wishes: list[tuple[int, bool]]) -> list[int]:
    """Return who came when, of those that all wait: unit, and whether it is urgent."""
    turns, order = Turns(), []

    def take(n: int, unit: int, urgent: bool) -> None:
        turns.take(unit, urgent=urgent)
        order.append(n)
        turns.end()

    threads = [threading.Thread(target=take, args=(n, *wish)) for n, wish in enumerate(wishes)]
    turns.take(99)
    for n, thread in enumerate(threads, 1):
        thread.start()
        await_waiting(turns, n)
    turns.end()
    for thread in threads:
        thread.join(5)
    return order


def test_a_units_own_come_in_order_of_arrival() -> None:
    assert served([(1, False)] * 6) == list(range(6))


def test_a_busy_unit_does_not_fill_the_line() -> None:
    assert served([(1, False), (1, False), (1, False), (2, False), (3, False)]) == [0, 3, 4, 1, 2]


def test_what_is_urgent_comes_first() -> None:
    assert served([(1, False), (2, False), (1, True), (2, True)]) == [2, 3, 0, 1]


class Dead:
    """A wire whose unit is silent, in virtual time."""

    broken = numbered = False
    sent = 0.0

    def __init__(self) -> None:
        self.now = 100.0
        self.alive = False
        self.asked = 0
        self.patience: list[float] = []  # with which it was asked in vain

    def monotonic(self) -> float:
        return self.now

    def exchange(
        self, request: Request, timeout: float, *, blindly: bool = False, briefly: bool = False
    ) -> bytes:
        self.asked += 1
        self.sent = time.monotonic()
        if self.alive:
            return bytes((3, 2, 0, 7))
        self.patience.append(timeout)
        raise ModbusSilent("It does not answer.")

    def has_ended(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Dead:
    found = Dead()
    monkeypatch.setattr(pause, "time", found)
    return found


def test_who_stays_silent_is_left_alone_twice_as_long_each_time_up_to_a_cap(dead: Dead) -> None:
    line = Line("it", lambda: dead, timeout=0.1, retries=2)
    waits = []
    for n in range(7):
        asked = dead.asked
        with pytest.raises(ModbusSilent):
            line.ask(READ)
        assert dead.asked - asked == (1 if n else 3), "after a pause it has one try"
        with pytest.raises(ModbusSilent) as paused:
            line.ask(READ)
        waits.append(float(re.findall(r"again in ([0-9.]+) s", paused.value.message)[0]))
        dead.now += waits[-1]
    assert waits == [0.5, 1, 2, 4, 8, 10, 10]
    dead.alive = True
    assert frames.words(line.ask(READ)) == (7,)
    dead.alive = False
    with pytest.raises(ModbusSilent, match="does not answer"):
        line.ask(READ)
    assert line._pauses[1].left == 0.5, "who was well begins anew"


def test_who_has_answered_before_is_looked_for_every_other_second_and_briefly(dead: Dead) -> None:
    """Unplugged and plugged in again, it is back within two seconds; its neighbours lose little."""
    line = Line("it", lambda: dead, timeout=1.0, retries=2)
    dead.alive = True
    line.ask(READ)
    dead.alive = False
    waits = []
    for _ in range(5):
        with pytest.raises(ModbusSilent):
            line.ask(READ)
        waits.append(line._pauses[1].left)
        dead.now += waits[-1]
    assert waits == [0.5, 1, 1.5, 1.5, 1.5]
    assert dead.patience[:3] == [1.0, 1.0, 1.0]  # it may have been slow
    assert set(dead.patience[3:]) == {0.1}
    dead.alive = True
    assert frames.words(line.ask(READ)) == (7,)
