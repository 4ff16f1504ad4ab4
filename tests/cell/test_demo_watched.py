"""The demo through the model: somebody reaches in, the arm stands, and the cubes are sorted yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from handrail_bridge.demo.run import run
from handrail_bridge.pilot.sorting import Event


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_visitor_stops_the_demo_and_the_agent_goes_on(tmp_path: Path) -> None:
    told: list[Event] = []
    outcome = await run("desk_watched", 3, tmp_path, False, told.append)
    visitor = [event.text for event in told if event.kind == "visitor"]
    assert visitor[0] == "a hand reaches into the cell"
    assert "eyes.hand is seen" in visitor[1]
    assert visitor[2] == "the hand is gone"
    assert outcome.stops >= 1
    assert outcome.succeeded
