"""What a person says counts for a permit that lives, and the log says which did."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from handrail_bridge.rail.approvals import Approvals
from handrail_bridge.rail.audit import NAME, read
from handrail_bridge.rail.belief import NO_OBJECTS
from handrail_bridge.rail.grants import Present
from handrail_bridge.rail.permits import Permits
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.reports import Decision
from handrail_drivers.errors import UnknownName
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.demands import Approval
from handrail_sim.plan import Plan


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("desk").model_copy(update={"approval": Approval(always=True)})


async def test_a_word_that_comes_too_late_is_closed_in_the_log(cell: Cell, tmp_path: Path) -> None:
    """The permit dies while the decision is being written down."""
    plan = Plan.model_validate({"steps": [{"tool": "wait", "seconds": 0.1}]})
    checker = Checker(cell)
    verdict = checker.check(plan, checker.at_home())
    permits = Permits.of(cell)
    permits.issue(plan, verdict, Present(0.0, {}, "", NO_OBJECTS, 0, {}), (), 1e9)

    class Slow(Receipts):
        def decided(self, decision: Decision) -> None:
            super().decided(decision)
            permits.kill_all("was killed by a stop")

    log = Slow(tmp_path, "digest")
    waits = Approvals(cell, SimpleNamespace(), permits, log)  # type: ignore[arg-type]  # unasked
    assert verdict.trajectory is not None
    with pytest.raises(UnknownName):
        await waits.decide(Decision(1, verdict.trajectory.digest(), True, "Ada"))
    log.close()
    events = [entry.event for entry in read(tmp_path / NAME, 10)]
    assert events == ["start", "decided", "undecided", "close"]
