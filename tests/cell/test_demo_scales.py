"""The demo of the other cells: what is dropped is on the scale, say receipts and world."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from pathlib import Path

import pytest
from handrail_bridge.demo.outcome import Outcome
from handrail_bridge.demo.run import run
from handrail_bridge.pilot.sorting import Event
from handrail_sim.cell_file import load_cell

# What the pilot says of a receipt: its goal was met, and what the scale read at its end.
DROP = re.compile(r"(\w+) lies in (\w+); its scale reads (-?[0-9.]+) g")
EMPTY = 4.5  # g that an empty scale shows at most, noise included


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cell", ["line", "desk_2f85"])
async def test_each_drops_receipt_holds_the_weight(cell: str, tmp_path: Path) -> None:
    told: list[Event] = []
    outcome: Outcome = await run(cell, 1, tmp_path, False, told.append)
    assert outcome.succeeded, [event.text for event in told]
    objects = load_cell(cell).objects
    drops = [found.groups() for event in told if (found := DROP.match(event.text))]
    assert {name for name, _, _ in drops} == {n for n, one in objects.items() if one.goes_to}
    read: dict[str, list[float]] = defaultdict(list)
    for name, region, grams in drops:
        assert region == objects[name].goes_to
        read[region].append(float(grams))
    for region, grams in read.items():
        masses = [1000 * objects[name].mass for name, into, _ in drops if into == region]
        assert abs(grams[0] - masses[0]) < EMPTY + 0.25 * masses[0]
        steps = [after - before for before, after in itertools.pairwise(grams)]
        assert steps == [pytest.approx(mass, rel=0.25) for mass in masses[1:]]
