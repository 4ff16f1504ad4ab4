"""The demo's operator arms again after a protective stop, a few times, and counts it."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from handrail_bridge.demo import tower
from handrail_bridge.demo.run import PATIENCE, attend
from handrail_bridge.demo.visitor import Visitor
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import BusLost, NotArmed, StaleReading
from handrail_sim.cell_file import load_cell


class State(NamedTuple):
    """What of the measured state a visitor looks at."""

    mode: Mode
    reason: str = ""
    progress: float = 0.0
    plan_digest: str = ""


class Scripted:
    """A pilot and an operator in one: ``ends`` says how each run of the pilot ends."""

    def __init__(self, *ends):
        self.ends = list(ends)
        self.did = []

    async def run(self):
        self.did.append("run")
        end = self.ends.pop(0)
        if end is not None:
            raise end

    async def reset(self):
        self.did.append("reset")

    async def arm(self):
        self.did.append("arm")


async def attended(*ends):
    script, told = Scripted(*ends), []
    stops, problem = await attend(script, script, told.append)
    return script.did, stops, problem, [event.kind for event in told]


async def test_a_sorting_that_nothing_disturbs_is_left_alone():
    assert await attended(None) == (["run"], 0, "", [])


async def test_after_a_protective_stop_the_operator_resets_and_arms():
    did, stops, problem, told = await attended(NotArmed("The cell is fault: late."), None)
    assert did == ["run", "reset", "arm", "run"]
    assert (stops, problem) == (1, "")
    assert told == ["stopped", "armed"]


async def test_the_operator_has_no_endless_patience():
    _, stops, problem, _ = await attended(*[NotArmed("The cell is fault: late.")] * 9)
    assert stops == PATIENCE
    assert "late" in problem


@pytest.mark.parametrize("before", [[], [NotArmed("The cell is fault.")]])
async def test_any_other_fault_ends_the_sorting_with_its_reason(before):
    _, stops, problem, _ = await attended(*before, BusLost("arm_bus is gone."))
    assert (stops, "arm_bus is gone" in problem) == (len(before), True)


@pytest.mark.parametrize(
    ("missing", "cell", "said"), [("", "desk_demo", 0), ("avr-gcc", "desk_watched", 1)]
)
def test_the_desk_is_watched_and_has_its_boards_where_they_can_be_emulated_and_says_where_not(
    monkeypatch, missing, cell, said
):
    monkeypatch.setattr(tower, "lacking", lambda: missing)
    told = []
    assert tower.desk(told.append) == cell
    assert [event.kind for event in told] == ["note"] * said
    assert all(missing in event.text for event in told)


@pytest.mark.parametrize(
    ("changed", "right"),
    [
        ({}, True),
        ({"lit": False}, False),
        ({"pushed": 0.001}, False),
        ({"stopped_by": ("emergency_stop",)}, False),
        ({"stood": False}, False),
    ],
)
def test_boards_that_did_not_do_their_part_fail_the_demo(changed, right):
    good = {"lit": True, "pushed": 0.02, "stopped_by": ("tower_stop",), "stood": True}
    assert tower.Shown(**good | changed).right is right


class Reached:
    """A rail and a world in one: a third motion runs, then it stands for a reason."""

    def __init__(self, reason, leaves):
        moving = [State(Mode.MOVING, progress=0.5, plan_digest=str(n)) for n in range(3)]
        self.states = [*moving, State(Mode.FAULT, reason=reason)]
        self.leaves = leaves
        self.reached = []

    async def state(self):
        return self.states.pop(0)

    async def call(self, _tool, **_arguments):
        if not self.leaves:
            raise StaleReading("Nobody knows whether the hand is gone.")

    def reach(self, *place):
        self.reached.append(place)

    def withdraw(self):
        self.reached.clear()


@pytest.mark.parametrize(
    ("reason", "leaves", "stopped", "right"),
    [
        ("hand: eyes.hand is seen at 0.000 m", True, True, True),
        ("shoulder_pan left its tube.", True, False, False),
        ("hand: eyes.hand last reported 0.5 s ago; 0.4 s are allowed.", True, False, False),
        ("hand: eyes.hand is seen at 0.000 m", False, True, False),
    ],
)
async def test_a_hand_that_stops_nothing_fails_the_demo_and_nobody_waits_for_ever(
    reason, leaves, stopped, right
):
    world, told = Reached(reason, leaves), []
    visitor = Visitor(load_cell("desk_watched"), world, told.append)
    await visitor.visit(world)
    assert (visitor.came_of_it.stopped, visitor.came_of_it.right) == (stopped, right)
    assert bool(visitor.came_of_it.problem) is not leaves
    assert visitor.gone.is_set()
    assert world.reached == []
