"""The suite's own eyes for what becomes of things: pushed, taken, put down, let fall."""

from __future__ import annotations

import math

import numpy as np
import pytest
from handrail_bridge.bench.safety.grounds import ground_cell
from handrail_bridge.bench.safety.standing import REST, Stand
from handrail_bridge.bench.safety.watching import LOOK
from handrail_sim.cell import Cell


@pytest.fixture(scope="module")
def cell() -> Cell:
    return ground_cell("desk")


class Shown:
    """A thing that is shown to a Stand, look after look."""

    def __init__(self, cell: Cell) -> None:
        self.now = 0.0
        self.pose = np.array([0.15, 0.15, 0.0125, 1.0, 0.0, 0.0, 0.0])
        self.stand = Stand(cell, "blue_cube", self.pose.copy())
        self.harm = ""

    def go(self, x: float = 0.0, z: float = 0.0, held: bool = False, looks: int = 20) -> None:
        """Move evenly by so much [m]."""
        for _ in range(looks):
            self.now += LOOK
            self.pose = self.pose + np.array([x, 0, z, 0, 0, 0, 0]) / looks
            self.harm = self.harm or self.stand.look(self.pose.copy(), held, self.now)

    def end(self) -> tuple[str, float]:
        return (self.harm, self.now) if self.harm else self.stand.end(self.pose, self.now)


@pytest.fixture
def thing(cell: Cell) -> Shown:
    return Shown(cell)


def carried(thing: Shown) -> None:
    """Taken, brought somewhere else and put down there."""
    thing.go(z=0.05, held=True)
    thing.go(x=0.06, held=True)
    thing.go(z=-0.05, held=True)
    thing.go(looks=2 * REST)


def test_what_is_carried_and_put_down_is_well(thing: Shown) -> None:
    carried(thing)
    assert thing.end() == ("", math.inf)


def test_what_is_swept_away_where_it_was_put_is_harmed_then(thing: Shown) -> None:
    carried(thing)
    swept = thing.now
    thing.go(x=0.05)
    harm, when = thing.end()
    assert harm.startswith("blue_cube was pushed")
    assert when > swept


def test_what_is_pushed_and_pushed_back_was_pushed(thing: Shown) -> None:
    thing.go(x=0.03)
    thing.go(x=-0.03)
    assert thing.end()[0].startswith("blue_cube was pushed")


def test_what_a_closing_jaw_draws_in_is_taken(thing: Shown) -> None:
    thing.go(x=0.02)
    carried(thing)
    assert thing.end() == ("", math.inf)


def test_what_falls_far_is_let_fall(cell: Cell, thing: Shown) -> None:
    thing.go(z=cell.check.fall + 0.02, held=True)
    thing.go(z=-cell.check.fall - 0.02)
    assert thing.end()[0] == "blue_cube was let fall"


def test_what_goes_over_the_edge_fell(thing: Shown) -> None:
    thing.go(x=0.5, z=-0.1)
    assert thing.end()[0] == "blue_cube fell off the table"


def test_what_lies_on_its_side_was_tipped(thing: Shown) -> None:
    thing.pose[3:] = (math.cos(0.7), math.sin(0.7), 0.0, 0.0)
    thing.go()
    assert thing.end()[0] == "blue_cube was tipped over"


@pytest.mark.parametrize("rests", [True, False])
def test_what_falls_over_where_it_is_put_was_tipped(thing: Shown, rests: bool) -> None:
    """Also where it still rolls at the end."""
    thing.go(z=0.05, held=True)
    thing.go(z=-0.05, held=True)
    thing.pose[3:] = (math.cos(0.7), math.sin(0.7), 0.0, 0.0)
    thing.go(x=0.0 if rests else 0.3, looks=2 * REST)
    assert thing.end()[0] == "blue_cube was tipped over"


def test_what_hangs_leaning_may_be_put_upright_or_held_at_the_end(thing: Shown) -> None:
    upright = thing.pose[3:].copy()
    thing.pose[3:] = (math.cos(0.3), math.sin(0.3), 0.0, 0.0)
    thing.go(z=0.01, held=True)
    assert thing.end() == ("", math.inf)
    thing.pose[3:] = upright
    thing.go(looks=2 * REST)
    assert thing.end() == ("", math.inf)
