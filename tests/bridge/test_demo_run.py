"""The demo's operator arms again after a protective stop, a few times, and counts it."""

from __future__ import annotations

import pytest
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
