"""The demo's operator arms again after a protective stop, a few times, and counts it."""

from __future__ import annotations

import pytest
from handrail_bridge.demo import tower
from handrail_bridge.demo.run import PATIENCE, attend
from handrail_drivers.errors import BusLost, NotArmed


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
    ("missing", "cell", "said"), [("", "desk_boards", 0), ("avr-gcc", "desk", 1)]
)
def test_the_desk_has_its_boards_where_they_can_be_emulated_and_says_where_not(
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
